// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/msg/image_descriptor.hpp"

namespace horus::msg {

/// The message of a topic of point clouds: it describes one in a pool (<horus/point_cloud.hpp>).
struct PointCloudDescriptor {
  TensorDescriptor tensor{};
  std::uint64_t timestamp_ns{};
  std::uint8_t field_names[8][4]{};
  std::uint16_t field_offsets[8]{};
  std::uint8_t field_dtypes[8]{};
  std::uint8_t field_count{};
  std::uint8_t is_dense{};
  std::uint8_t pad[2]{};
  std::uint8_t frame_id[32]{};
  std::uint8_t reserved[4]{};
};
static_assert(sizeof(PointCloudDescriptor) == 272);
static_assert(offsetof(PointCloudDescriptor, timestamp_ns) == 168 &&
              offsetof(PointCloudDescriptor, field_names) == 176);
static_assert(offsetof(PointCloudDescriptor, field_offsets) == 208 &&
              offsetof(PointCloudDescriptor, field_dtypes) == 224);
static_assert(offsetof(PointCloudDescriptor, field_count) == 232 &&
              offsetof(PointCloudDescriptor, is_dense) == 233);
static_assert(offsetof(PointCloudDescriptor, frame_id) == 236 &&
              offsetof(PointCloudDescriptor, reserved) == 268);

inline const shm::TypeInfo& type_info(shm::Tag<PointCloudDescriptor>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(PointCloudDescriptor, tensor, "", "The points, a row each."),
      HORUS_FIELD(PointCloudDescriptor, timestamp_ns, "ns", "Nanoseconds since 1970."),
      HORUS_TEXT(PointCloudDescriptor, field_names, "", "\"x\", \"y\", ..."),
      HORUS_FIELD(PointCloudDescriptor, field_offsets, "", "Bytes from the point's start."),
      HORUS_FIELD(PointCloudDescriptor, field_dtypes, "", "Element types."),
      HORUS_FIELD(PointCloudDescriptor, field_count, "", "Fields in use."),
      HORUS_FIELD(PointCloudDescriptor, is_dense, "", "1: every point is valid."),
      HORUS_FIELD(PointCloudDescriptor, pad, "", ""),
      HORUS_TEXT(PointCloudDescriptor, frame_id, "", "Coordinate frame of the points."),
      HORUS_FIELD(PointCloudDescriptor, reserved, "", ""),
  };
  static const shm::TypeInfo kType = shm::make_type<PointCloudDescriptor>(
      "PointCloud", "pointcloud", "Points in a pool.", kFields, {});
  return kType;
}

}  // namespace horus::msg
