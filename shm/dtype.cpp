// SPDX-License-Identifier: Apache-2.0
#include "shm/dtype.hpp"

#include <algorithm>
#include <array>

namespace horus::shm {
namespace {

struct DtypeInfo {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DtypeInfo, kDtypes> kInfo{{{"float32", 4},
                                                {"float64", 8},
                                                {"float16", 2},
                                                {"bfloat16", 2},
                                                {"int8", 1},
                                                {"int16", 2},
                                                {"int32", 4},
                                                {"int64", 8},
                                                {"uint8", 1},
                                                {"uint16", 2},
                                                {"uint32", 4},
                                                {"uint64", 8},
                                                {"bool", 1}}};

}  // namespace

std::size_t size_of(Dtype dtype) noexcept {
  return kInfo[static_cast<std::size_t>(dtype) % kInfo.size()].size;
}

std::string_view name_of(Dtype dtype) noexcept {
  return kInfo[static_cast<std::size_t>(dtype) % kInfo.size()].name;
}

std::optional<Dtype> parse_dtype(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kInfo, name, &DtypeInfo::name);
  if (found == kInfo.end()) return std::nullopt;
  return static_cast<Dtype>(found - kInfo.begin());
}

}  // namespace horus::shm
