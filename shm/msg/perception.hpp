// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct BoundingBox2D {
  float x{};
  float y{};
  float width{};
  float height{};
};

inline const shm::TypeInfo& type_info(shm::Tag<BoundingBox2D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(BoundingBox2D, x, "px", "Left edge.", 0),
      HORUS_FIELD(BoundingBox2D, y, "px", "Upper edge.", 4),
      HORUS_FIELD(BoundingBox2D, width, "px", "To the right.", 8),
      HORUS_FIELD(BoundingBox2D, height, "px", "Downward.", 12),
  };
  static const shm::TypeInfo kType = shm::make_type<BoundingBox2D, 16, 4>(
      "BoundingBox2D", "bbox2d", "A rectangle in an image.", kFields);
  return kType;
}

struct BoundingBox3D {
  float cx{};
  float cy{};
  float cz{};
  float length{};
  float width{};
  float height{};
  float roll{};
  float pitch{};
  float yaw{};
  float _pad[3]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<BoundingBox3D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(BoundingBox3D, cx, "m", "Of the centre.", 0),
      HORUS_FIELD(BoundingBox3D, cy, "m", "Of the centre.", 4),
      HORUS_FIELD(BoundingBox3D, cz, "m", "Of the centre.", 8),
      HORUS_FIELD(BoundingBox3D, length, "m", "Along its x.", 12),
      HORUS_FIELD(BoundingBox3D, width, "m", "Along its y.", 16),
      HORUS_FIELD(BoundingBox3D, height, "m", "Along its z.", 20),
      HORUS_FIELD(BoundingBox3D, roll, "rad", "About x.", 24),
      HORUS_FIELD(BoundingBox3D, pitch, "rad", "About y.", 28),
      HORUS_FIELD(BoundingBox3D, yaw, "rad", "About z, turned first.", 32),
      HORUS_PADDING(BoundingBox3D, _pad, 36),
  };
  static constexpr std::array kArgs{shm::arg("cx"),     shm::arg("cy"),    shm::arg("cz"),
                                    shm::arg("length"), shm::arg("width"), shm::arg("height"),
                                    shm::arg("yaw")};
  static const shm::TypeInfo kType = shm::make_type<BoundingBox3D, 48, 4>(
      "BoundingBox3D", "bbox3d", "A box in space.", kFields, kArgs);
  return kType;
}

struct Detection {
  BoundingBox2D bbox{};
  float confidence{};
  std::uint32_t class_id{};
  std::uint8_t class_name[32]{};
  std::uint32_t instance_id{};
  std::uint8_t _pad[12]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Detection>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Detection, bbox, "", "Where it is in the image.", 0),
      HORUS_FIELD(Detection, confidence, "", "0 to 1.", 16),
      HORUS_FIELD(Detection, class_id, "", "Number of the class in the detector's model.", 20),
      HORUS_TEXT(Detection, class_name, "", "What the class is called.", 24),
      HORUS_FIELD(Detection, instance_id, "", "Tells objects of one class apart.", 56),
      HORUS_PADDING(Detection, _pad, 60),
  };
  static constexpr std::array kArgs{
      shm::arg("class_name"),  shm::arg("confidence"),          shm::arg("x", "bbox.x"),
      shm::arg("y", "bbox.y"), shm::arg("width", "bbox.width"), shm::arg("height", "bbox.height"),
      shm::arg("class_id"),    shm::arg("instance_id")};
  static const shm::TypeInfo kType = shm::make_type<Detection, 72, 4>(
      "Detection", "detection", "An object seen in an image.", kFields, kArgs);
  return kType;
}

struct Detection3D {
  BoundingBox3D bbox{};
  float confidence{};
  std::uint32_t class_id{};
  std::uint8_t class_name[32]{};
  float velocity_x{};
  float velocity_y{};
  float velocity_z{};
  std::uint32_t instance_id{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Detection3D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Detection3D, bbox, "", "Where it is in space.", 0),
      HORUS_FIELD(Detection3D, confidence, "", "0 to 1.", 48),
      HORUS_FIELD(Detection3D, class_id, "", "Number of the class in the detector's model.", 52),
      HORUS_TEXT(Detection3D, class_name, "", "What the class is called.", 56),
      HORUS_FIELD(Detection3D, velocity_x, "m/s", "Along the frame's x axis.", 88),
      HORUS_FIELD(Detection3D, velocity_y, "m/s", "Along the frame's y axis.", 92),
      HORUS_FIELD(Detection3D, velocity_z, "m/s", "Along the frame's z axis.", 96),
      HORUS_FIELD(Detection3D, instance_id, "", "Tells objects of one class apart.", 100),
  };
  static constexpr std::array kArgs{
      shm::arg("class_name"),          shm::arg("confidence"),
      shm::arg("cx", "bbox.cx"),       shm::arg("cy", "bbox.cy"),
      shm::arg("cz", "bbox.cz"),       shm::arg("length", "bbox.length"),
      shm::arg("width", "bbox.width"), shm::arg("height", "bbox.height"),
      shm::arg("yaw", "bbox.yaw")};
  static const shm::TypeInfo kType = shm::make_type<Detection3D, 104, 4>(
      "Detection3D", "detection3d", "An object seen in space.", kFields, kArgs);
  return kType;
}

struct SegmentationMask {
  std::uint32_t width{};
  std::uint32_t height{};
  std::uint32_t num_classes{};
  std::uint32_t mask_type{};
  std::uint64_t timestamp_ns{};
  std::uint64_t seq{};
  std::uint8_t frame_id[32]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<SegmentationMask>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(SegmentationMask, width, "px", "Of the mask.", 0),
      HORUS_FIELD(SegmentationMask, height, "px", "Of the mask.", 4),
      HORUS_FIELD(SegmentationMask, num_classes, "", "Classes that the model tells apart.", 8),
      HORUS_FIELD(SegmentationMask, mask_type, "", "0 semantic, 1 instance, 2 panoptic.", 12),
      HORUS_FIELD(SegmentationMask, timestamp_ns, "ns", "Nanoseconds since 1970.", 16),
      HORUS_FIELD(SegmentationMask, seq, "", "Number of the mask.", 24),
      HORUS_TEXT(SegmentationMask, frame_id, "", "Coordinate frame of the camera.", 32),
  };
  static constexpr std::array kArgs{shm::arg("width"), shm::arg("height"), shm::arg("mask_type"),
                                    shm::arg("num_classes")};
  static const shm::TypeInfo kType = shm::make_type<SegmentationMask, 64, 8>(
      "SegmentationMask", "segmentation_mask",
      "What a mask of an image's pixels means; the mask itself travels as an image.", kFields,
      kArgs);
  return kType;
}

}  // namespace horus::msg
