// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/perception.hpp"

namespace horus::msg {

struct TrackedObject {
  BoundingBox2D bbox{};
  BoundingBox2D predicted_bbox{};
  std::uint64_t track_id{};
  float confidence{};
  std::uint32_t class_id{};
  float velocity_x{};
  float velocity_y{};
  float accel_x{};
  float accel_y{};
  std::uint32_t age{};
  std::uint32_t hits{1};
  std::uint32_t time_since_update{};
  std::uint32_t state{};
  std::uint8_t class_name[16]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TrackedObject>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TrackedObject, bbox, "", "Where it was seen.", 0),
      HORUS_FIELD(TrackedObject, predicted_bbox, "",
                  "Where it is expected; at first where it was seen.", 16),
      HORUS_FIELD(TrackedObject, track_id, "", "Stays the object's as long as it is followed.", 32),
      HORUS_FIELD(TrackedObject, confidence, "", "0 to 1.", 40),
      HORUS_FIELD(TrackedObject, class_id, "", "Number of the class in the detector's model.", 44),
      HORUS_FIELD(TrackedObject, velocity_x, "px", "From image to image.", 48),
      HORUS_FIELD(TrackedObject, velocity_y, "px", "From image to image.", 52),
      HORUS_FIELD(TrackedObject, accel_x, "px", "Change of the velocity from image to image.", 56),
      HORUS_FIELD(TrackedObject, accel_y, "px", "Change of the velocity from image to image.", 60),
      HORUS_FIELD(TrackedObject, age, "", "Images since it was first seen.", 64),
      HORUS_FIELD(TrackedObject, hits, "", "Images that it was seen in.", 68),
      HORUS_FIELD(TrackedObject, time_since_update, "", "Images since it was last seen.", 72),
      HORUS_FIELD(TrackedObject, state, "", "0 tentative, 1 confirmed, 2 deleted.", 76),
      HORUS_TEXT(TrackedObject, class_name, "", "What the class is called.", 80),
  };
  static constexpr std::array kArgs{shm::arg("track_id"),
                                    shm::arg("x", "bbox.x", "predicted_bbox.x"),
                                    shm::arg("y", "bbox.y", "predicted_bbox.y"),
                                    shm::arg("width", "bbox.width", "predicted_bbox.width"),
                                    shm::arg("height", "bbox.height", "predicted_bbox.height"),
                                    shm::arg("class_id"),
                                    shm::arg("confidence")};
  static const shm::TypeInfo kType = shm::make_type<TrackedObject, 96, 8>(
      "TrackedObject", "tracked_object", "An object followed from image to image.", kFields, kArgs);
  return kType;
}

struct TrackingHeader {
  std::uint32_t num_tracks{};
  std::uint32_t frame_id{};
  std::uint64_t timestamp_ns{};
  std::uint64_t total_tracks{};
  std::uint32_t active_tracks{};
  std::uint32_t _pad{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TrackingHeader>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TrackingHeader, num_tracks, "", "That follow.", 0),
      HORUS_FIELD(TrackingHeader, frame_id, "", "Number of the image.", 4),
      HORUS_FIELD(TrackingHeader, timestamp_ns, "ns", "Nanoseconds since 1970.", 8),
      HORUS_FIELD(TrackingHeader, total_tracks, "", "Since the start.", 16),
      HORUS_FIELD(TrackingHeader, active_tracks, "", "That are not deleted.", 24),
      HORUS_PADDING(TrackingHeader, _pad, 28),
  };
  static constexpr std::array kArgs{shm::arg("num_tracks"), shm::arg("frame_id")};
  static const shm::TypeInfo kType = shm::make_type<TrackingHeader, 32, 8>(
      "TrackingHeader", "tracking_header", "What stands before the tracks of one image.", kFields,
      kArgs);
  return kType;
}

}  // namespace horus::msg
