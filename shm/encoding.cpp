// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <horus/image.hpp>

namespace horus::shm {
namespace {

constexpr std::array kEncodings{
    EncodingInfo{"mono8", 1, Dtype::kU8},   EncodingInfo{"mono16", 1, Dtype::kU16},
    EncodingInfo{"rgb8", 3, Dtype::kU8},    EncodingInfo{"bgr8", 3, Dtype::kU8},
    EncodingInfo{"rgba8", 4, Dtype::kU8},   EncodingInfo{"bgra8", 4, Dtype::kU8},
    EncodingInfo{"yuv422", 2, Dtype::kU8},  EncodingInfo{"mono32f", 1, Dtype::kF32},
    EncodingInfo{"rgb32f", 3, Dtype::kF32}, EncodingInfo{"bayer_rggb8", 1, Dtype::kU8},
    EncodingInfo{"depth16", 1, Dtype::kU16}};

}  // namespace

const EncodingInfo& info(Encoding encoding) noexcept {
  return kEncodings[static_cast<std::size_t>(encoding) % kEncodings.size()];
}

std::optional<Encoding> parse_encoding(std::string_view name) noexcept {
  const auto found = std::ranges::find(kEncodings, name, &EncodingInfo::name);
  if (found == kEncodings.end()) return std::nullopt;
  return static_cast<Encoding>(found - kEncodings.begin());
}

}  // namespace horus::shm
