// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Landmark {
  float x{};
  float y{};
  float visibility{1.0F};
  std::uint32_t index{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Landmark>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Landmark, x, "", "In px, or 0 to 1 of the image's width.", 0),
      HORUS_FIELD(Landmark, y, "", "In px, or 0 to 1 of the image's height.", 4),
      HORUS_FIELD(Landmark, visibility, "", "0 to 1.", 8),
      HORUS_FIELD(Landmark, index, "", "Which point of the model.", 12),
  };
  static const shm::TypeInfo kType = shm::make_type<Landmark, 16, 4>(
      "Landmark", "landmark", "A point of a body in an image.", kFields);
  return kType;
}

struct [[gnu::packed]] Landmark3D {
  float x{};
  float y{};
  float z{};
  float visibility{1.0F};
  std::uint32_t index{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Landmark3D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Landmark3D, x, "m", "Along the frame's x axis.", 0),
      HORUS_FIELD(Landmark3D, y, "m", "Along the frame's y axis.", 4),
      HORUS_FIELD(Landmark3D, z, "m", "Along the frame's z axis.", 8),
      HORUS_FIELD(Landmark3D, visibility, "", "0 to 1.", 12),
      HORUS_FIELD(Landmark3D, index, "", "Which point of the model.", 16),
  };
  static const shm::TypeInfo kType = shm::make_type<Landmark3D, 20, 1>(
      "Landmark3D", "landmark3d", "A point of a body in space.", kFields);
  return kType;
}

struct LandmarkArray {
  std::uint32_t num_landmarks{17};
  std::uint32_t dimension{2};
  std::uint32_t instance_id{};
  float confidence{};
  std::uint64_t timestamp_ns{};
  float bbox_x{};
  float bbox_y{};
  float bbox_width{};
  float bbox_height{};
};

inline const shm::TypeInfo& type_info(shm::Tag<LandmarkArray>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(LandmarkArray, num_landmarks, "", "That follow.", 0),
      HORUS_FIELD(LandmarkArray, dimension, "", "2 or 3.", 4),
      HORUS_FIELD(LandmarkArray, instance_id, "", "Which body.", 8),
      HORUS_FIELD(LandmarkArray, confidence, "", "0 to 1.", 12),
      HORUS_FIELD(LandmarkArray, timestamp_ns, "ns", "Nanoseconds since 1970.", 16),
      HORUS_FIELD(LandmarkArray, bbox_x, "px", "Left edge of the body's box.", 24),
      HORUS_FIELD(LandmarkArray, bbox_y, "px", "Upper edge.", 28),
      HORUS_FIELD(LandmarkArray, bbox_width, "px", "Of the body's box.", 32),
      HORUS_FIELD(LandmarkArray, bbox_height, "px", "Of the body's box.", 36),
  };
  static constexpr std::array kArgs{shm::arg("num_landmarks"), shm::arg("dimension")};
  static const shm::TypeInfo kType = shm::make_type<LandmarkArray, 40, 8>(
      "LandmarkArray", "landmark_array", "What stands before the landmarks of one body.", kFields,
      kArgs);
  return kType;
}

}  // namespace horus::msg
