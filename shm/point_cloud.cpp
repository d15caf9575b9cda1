// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include <horus/point_cloud.hpp>

#include "shm/payload_state.hpp"

namespace horus::shm {
namespace {

constexpr std::size_t kNameSize = sizeof(msg::PointCloudDescriptor{}.field_names[0]);

msg::PointCloudDescriptor& descriptor_of(const PointCloud& cloud) noexcept {
  return cloud.state()->as<msg::PointCloudDescriptor>();
}

bool is_valid_cloud(const PayloadState& state) noexcept {
  const auto& cloud = state.as<msg::PointCloudDescriptor>();
  const auto& tensor = cloud.tensor;
  if (tensor.ndim != 2 || tensor.shape[1] == 0 || tensor.shape[1] > kMaxPointFields ||
      cloud.field_count != tensor.shape[1]) {
    return false;
  }
  const std::size_t element = size_of(static_cast<Dtype>(tensor.dtype));
  for (std::size_t i = 0; i < cloud.field_count; ++i) {
    if (cloud.field_offsets[i] != i * element || cloud.field_dtypes[i] != tensor.dtype)
      return false;
  }
  return true;
}

std::string_view usual_name(std::uint32_t field, std::uint32_t fields) noexcept {
  constexpr std::array<std::string_view, kMaxPointFields> kByPlace{"x",  "y",  "z",  "f3",
                                                                   "f4", "f5", "f6", "f7"};
  constexpr std::array<std::string_view, 4> kColours{"r", "g", "b", "i"};
  if (fields == 4 && field == 3) return "i";
  if ((fields == 6 || fields == 7) && field >= 3) return kColours[field - 3];
  return kByPlace[field];
}

}  // namespace

const PayloadKind& PointCloud::kind() noexcept {
  static const PayloadKind kKind{.type = type_info(Tag<msg::PointCloudDescriptor>{}),
                                 .frame_id_at = offsetof(msg::PointCloudDescriptor, frame_id),
                                 .is_valid = is_valid_cloud};
  return kKind;
}
/// Initialised at start-up, as its first use may be in a tick.
[[maybe_unused]] static const PayloadKind& point_cloud_kind = PointCloud::kind();

std::uint32_t PointCloud::points() const noexcept {
  return static_cast<std::uint32_t>(descriptor_of(*this).tensor.shape[0]);
}
std::uint32_t PointCloud::fields() const noexcept {
  return descriptor_of(*this).field_count;
}

std::string_view PointCloud::field_name(std::uint32_t field) const noexcept {
  if (field >= fields()) return {};
  const auto* const text = reinterpret_cast<const char*>(descriptor_of(*this).field_names[field]);
  return {text, ::strnlen(text, kNameSize)};
}

bool PointCloud::set_field_name(std::uint32_t field, std::string_view name) noexcept {
  if (field >= fields() || name.size() >= kNameSize) return false;
  auto& text = descriptor_of(*this).field_names[field];
  std::ranges::fill(text, std::uint8_t{0});
  std::ranges::copy(name, text);
  return true;
}

bool PointCloud::has_field(std::string_view name) const noexcept {
  for (std::uint32_t field = 0; field < fields(); ++field) {
    if (field_name(field) == name) return true;
  }
  return false;
}

bool PointCloud::is_dense() const noexcept {
  return descriptor_of(*this).is_dense != 0;
}
void PointCloud::set_dense(bool dense) noexcept {
  descriptor_of(*this).is_dense = dense ? 1 : 0;
}

Result<PointCloud> PointCloud::make(Session& session, std::uint32_t points, std::uint32_t fields,
                                    Dtype dtype) {
  if (fields == 0 || fields > kMaxPointFields) {
    return Error{Errc::kInvalidArgument, "a point has 1 to 8 fields", 0, {}};
  }
  const std::array<std::uint64_t, 2> shape{points, fields};
  auto made = make_payload(session.pools(), PointCloud::kind(), dtype, shape);
  if (!made) return made.error();
  auto& descriptor = made.value()->as<msg::PointCloudDescriptor>();
  descriptor.field_count = static_cast<std::uint8_t>(fields);
  PointCloud cloud{std::move(made).value()};
  for (std::uint32_t field = 0; field < fields; ++field) {
    descriptor.field_offsets[field] = static_cast<std::uint16_t>(field * size_of(dtype));
    descriptor.field_dtypes[field] = static_cast<std::uint8_t>(dtype);
    cloud.set_field_name(field, usual_name(field, fields));
  }
  return cloud;
}

}  // namespace horus::shm
