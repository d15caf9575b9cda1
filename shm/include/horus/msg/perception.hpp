// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/message.hpp>
#include <horus/msg/geometry.hpp>

/// What a robot sees: detections, tracks, landmarks, planes. How a declaration reads:
/// <horus/message.hpp>.
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

struct PointField {
  std::uint8_t name[16]{};
  std::uint32_t offset{};
  std::uint8_t datatype{};
  std::uint32_t count{1};
};

inline const shm::TypeInfo& type_info(shm::Tag<PointField>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(PointField, name, "", "\"x\", \"intensity\".", 0),
      HORUS_FIELD(PointField, offset, "B", "From the point's start.", 16),
      HORUS_FIELD(PointField, datatype, "",
                  "The code of an element type: 0 float32, 1 float64, 4 int8 to 7 int64, 8 uint8 "
                  "to 11 uint64.",
                  20),
      HORUS_FIELD(PointField, count, "", "Elements.", 24),
  };
  static const shm::TypeInfo kType = shm::make_type<PointField, 28, 4>(
      "PointField", "", "One field of a point in a point cloud.", kFields);
  return kType;
}

struct PlaneDetection {
  double coefficients[4]{0, 0, 1, 0};
  Point3 center{};
  Vector3 normal{.z = 1};
  double size[2]{};
  std::uint32_t inlier_count{};
  float confidence{0.5F};
  std::uint8_t plane_type[16]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PlaneDetection>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(PlaneDetection, coefficients, "", "a, b, c, d of a x + b y + c z + d = 0.", 0),
      HORUS_FIELD(PlaneDetection, center, "", "Of the points that lie on it.", 32),
      HORUS_FIELD(PlaneDetection, normal, "", "Of length 1.", 56),
      HORUS_FIELD(PlaneDetection, size, "m", "Length and width of what was seen.", 80),
      HORUS_FIELD(PlaneDetection, inlier_count, "", "Points that lie on it.", 96),
      HORUS_FIELD(PlaneDetection, confidence, "", "0 to 1.", 100),
      HORUS_TEXT(PlaneDetection, plane_type, "", "\"floor\", \"wall\", \"table\".", 104),
      HORUS_FIELD(PlaneDetection, timestamp_ns, "ns", "Nanoseconds since 1970.", 120),
  };
  static constexpr std::array kArgs{
      shm::arg("a", "coefficients[0]"), shm::arg("b", "coefficients[1]"),
      shm::arg("c", "coefficients[2]"), shm::arg("d", "coefficients[3]"),
      shm::arg("cx", "center.x"),       shm::arg("cy", "center.y"),
      shm::arg("cz", "center.z"),       shm::arg("nx", "normal.x"),
      shm::arg("ny", "normal.y"),       shm::arg("nz", "normal.z")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<PlaneDetection, 128, 8>(
      "PlaneDetection", "plane_detection", "A flat surface found in a point cloud.", kFields,
      kArgs));
  return kType;
}

struct PlaneArray {
  PlaneDetection planes[16]{};
  std::uint8_t count{};
  std::uint8_t frame_id[32]{};
  std::uint8_t algorithm[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PlaneArray>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED(PlaneArray, planes, "", "Those that were found.", "count", 0),
      HORUS_FIELD(PlaneArray, count, "", "0 to 16.", 2048),
      HORUS_TEXT(PlaneArray, frame_id, "", "Coordinate frame.", 2049),
      HORUS_TEXT(PlaneArray, algorithm, "", "Who found them.", 2081),
      HORUS_FIELD(PlaneArray, timestamp_ns, "ns", "Nanoseconds since 1970.", 2120),
  };
  static const shm::TypeInfo kType = shm::make_type<PlaneArray, 2128, 8>(
      "PlaneArray", "plane_array", "Up to 16 planes.", kFields, {});
  return kType;
}

}  // namespace horus::msg
