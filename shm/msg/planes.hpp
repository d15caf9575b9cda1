// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

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
