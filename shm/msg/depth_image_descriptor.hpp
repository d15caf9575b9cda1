// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/msg/image_descriptor.hpp"

namespace horus::msg {

/// The message of a topic of depth images: it describes one in a pool (<horus/image.hpp>).
struct DepthImageDescriptor {
  TensorDescriptor tensor{};
  std::uint64_t timestamp_ns{};
  float depth_scale{1.0F};
  std::uint16_t min_depth{200};
  std::uint16_t max_depth{10'000};
  std::uint8_t frame_id[32]{};
  std::uint8_t reserved[8]{};
};
static_assert(sizeof(DepthImageDescriptor) == 224);
static_assert(offsetof(DepthImageDescriptor, timestamp_ns) == 168 &&
              offsetof(DepthImageDescriptor, depth_scale) == 176);
static_assert(offsetof(DepthImageDescriptor, min_depth) == 180 &&
              offsetof(DepthImageDescriptor, max_depth) == 182);
static_assert(offsetof(DepthImageDescriptor, frame_id) == 184 &&
              offsetof(DepthImageDescriptor, reserved) == 216);

inline const shm::TypeInfo& type_info(shm::Tag<DepthImageDescriptor>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(DepthImageDescriptor, tensor, "", "The distances."),
      HORUS_FIELD(DepthImageDescriptor, timestamp_ns, "ns", "Nanoseconds since 1970."),
      HORUS_FIELD(DepthImageDescriptor, depth_scale, "", "Of a value: m (float32), mm (uint16)."),
      HORUS_FIELD(DepthImageDescriptor, min_depth, "mm", "The camera's nearest."),
      HORUS_FIELD(DepthImageDescriptor, max_depth, "mm", "The camera's farthest."),
      HORUS_TEXT(DepthImageDescriptor, frame_id, "", "Coordinate frame of the camera."),
      HORUS_FIELD(DepthImageDescriptor, reserved, "", ""),
  };
  static const shm::TypeInfo kType = shm::make_type<DepthImageDescriptor>(
      "DepthImage", "depthimage", "Distances in a pool.", kFields, {});
  return kType;
}

}  // namespace horus::msg
