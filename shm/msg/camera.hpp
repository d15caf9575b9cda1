// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct CameraInfo {
  std::uint32_t width{};
  std::uint32_t height{};
  std::uint8_t distortion_model[16]{};
  double distortion_coefficients[8]{};
  double camera_matrix[9]{0, 0, 0, 0, 0, 0, 0, 0, 1};
  double rectification_matrix[9]{1, 0, 0, 0, 1, 0, 0, 0, 1};
  double projection_matrix[12]{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<CameraInfo>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CameraInfo, width, "px", "Of the image.", 0),
      HORUS_FIELD(CameraInfo, height, "px", "Of the image.", 4),
      HORUS_TEXT(CameraInfo, distortion_model, "",
                 "\"plumb_bob\", \"equidistant\" or the like, at most 15 bytes; empty: none.", 8),
      // plumb_bob has five coefficients. Those that a model does not have are 0.
      shm::in_part(
          HORUS_FIELD(CameraInfo, distortion_coefficients, "", "In the model's order.", 24)),
      HORUS_FIELD(CameraInfo, camera_matrix, "px", "Row-major: fx, 0, cx, 0, fy, cy, 0, 0, 1.", 88),
      HORUS_FIELD(CameraInfo, rectification_matrix, "", "Row-major.", 160),
      HORUS_FIELD(CameraInfo, projection_matrix, "px",
                  "Row-major, 3 x 4, of the rectified image; at first the camera matrix beside a "
                  "column of 0.",
                  232),
      HORUS_TEXT(CameraInfo, frame_id, "", "Coordinate frame of the camera.", 328),
      HORUS_FIELD(CameraInfo, timestamp_ns, "ns", "Nanoseconds since 1970.", 360),
  };
  static constexpr std::array kArgs{shm::arg("width"),
                                    shm::arg("height"),
                                    shm::arg("fx", "camera_matrix[0]", "projection_matrix[0]"),
                                    shm::arg("fy", "camera_matrix[4]", "projection_matrix[5]"),
                                    shm::arg("cx", "camera_matrix[2]", "projection_matrix[2]"),
                                    shm::arg("cy", "camera_matrix[5]", "projection_matrix[6]")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<CameraInfo, 368, 8>(
      "CameraInfo", "camera_info", "How a camera maps space to its image.", kFields, kArgs));
  return kType;
}

struct RegionOfInterest {
  std::uint32_t x_offset{};
  std::uint32_t y_offset{};
  std::uint32_t width{};
  std::uint32_t height{};
  shm::Flag do_rectify{};
};

inline const shm::TypeInfo& type_info(shm::Tag<RegionOfInterest>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(RegionOfInterest, x_offset, "px", "Left edge.", 0),
      HORUS_FIELD(RegionOfInterest, y_offset, "px", "Upper edge.", 4),
      HORUS_FIELD(RegionOfInterest, width, "px", "Of the part.", 8),
      HORUS_FIELD(RegionOfInterest, height, "px", "Of the part.", 12),
      HORUS_FIELD(RegionOfInterest, do_rectify, "",
                  "Whether the part shall be rectified by itself.", 16),
  };
  static constexpr std::array kArgs{shm::arg("x", "x_offset"), shm::arg("y", "y_offset"),
                                    shm::arg("width"), shm::arg("height"), shm::arg("do_rectify")};
  static const shm::TypeInfo kType = shm::make_type<RegionOfInterest, 20, 4>(
      "RegionOfInterest", "roi", "A part of an image.", kFields, kArgs);
  return kType;
}

struct StereoInfo {
  CameraInfo left{};
  CameraInfo right{};
  double baseline{};
  double depth_scale{1.0};
};

inline const shm::TypeInfo& type_info(shm::Tag<StereoInfo>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(StereoInfo, left, "", "The left camera.", 0),
      HORUS_FIELD(StereoInfo, right, "", "The right camera.", 368),
      HORUS_FIELD(StereoInfo, baseline, "m", "Between the cameras.", 736),
      HORUS_FIELD(StereoInfo, depth_scale, "", "Factor from computed to true depth.", 744),
  };
  static constexpr std::array kArgs{shm::arg("left_camera", "left"),
                                    shm::arg("right_camera", "right"), shm::arg("baseline"),
                                    shm::arg("depth_scale")};
  static const shm::TypeInfo kType = shm::make_type<StereoInfo, 752, 8>(
      "StereoInfo", "stereo_info", "How a pair of cameras sees depth.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
