// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/message.hpp>
#include <horus/msg/geometry.hpp>

/// What sensors measure. Pictures without compression are payloads: <horus/image.hpp>. How a
/// declaration reads: <horus/message.hpp>.
namespace horus::msg {

struct RangeSensor {
  std::uint8_t sensor_type{};
  float field_of_view{0.1F};
  float min_range{0.02F};
  float max_range{4.0F};
  float range{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<RangeSensor>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(RangeSensor, sensor_type, "", "0 ultrasound, 1 infrared.", 0),
      HORUS_FIELD(RangeSensor, field_of_view, "rad", "The cone that the beam covers.", 4),
      HORUS_FIELD(RangeSensor, min_range, "m", "Nearest that is measured.", 8),
      HORUS_FIELD(RangeSensor, max_range, "m", "Farthest that is measured.", 12),
      HORUS_FIELD(RangeSensor, range, "m", "What was measured.", 16),
      HORUS_FIELD(RangeSensor, timestamp_ns, "ns", "Nanoseconds since 1970.", 24),
  };
  static constexpr std::array kArgs{shm::arg("range"),         shm::arg("sensor_type"),
                                    shm::arg("field_of_view"), shm::arg("min_range"),
                                    shm::arg("max_range"),     shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<RangeSensor, 32, 8>(
      "RangeSensor", "range", "A distance along one beam.", kFields, kArgs);
  return kType;
}

struct BatteryState {
  float voltage{};
  float current{};
  float charge{};
  float capacity{};
  float percentage{};
  std::uint8_t power_supply_status{};
  float temperature{25.0F};
  float cell_voltages[16]{};
  std::uint8_t cell_count{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<BatteryState>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(BatteryState, voltage, "V", "At the terminals.", 0),
      HORUS_FIELD(BatteryState, current, "A", "Negative while it discharges.", 4),
      HORUS_FIELD(BatteryState, charge, "A h", "What it holds.", 8),
      HORUS_FIELD(BatteryState, capacity, "A h", "What it holds when full.", 12),
      HORUS_FIELD(BatteryState, percentage, "%", "0 to 100.", 16),
      HORUS_FIELD(BatteryState, power_supply_status, "",
                  "0 unknown, 1 charging, 2 discharging, 3 full.", 20),
      HORUS_FIELD(BatteryState, temperature, "degC", "Of the battery.", 24),
      HORUS_COUNTED(BatteryState, cell_voltages, "V", "One a cell.", "cell_count", 28),
      HORUS_FIELD(BatteryState, cell_count, "", "0 to 16.", 92),
      HORUS_FIELD(BatteryState, timestamp_ns, "ns", "Nanoseconds since 1970.", 96),
  };
  static constexpr std::array kArgs{
      shm::arg("voltage"),     shm::arg("percentage"),          shm::arg("current"),
      shm::arg("temperature"), shm::arg("power_supply_status"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<BatteryState, 104, 8>(
      "BatteryState", "battery", "What a battery holds and gives.", kFields, kArgs);
  return kType;
}

struct NavSatFix {
  double latitude{};
  double longitude{};
  double altitude{};
  double position_covariance[9]{};
  std::uint8_t position_covariance_type{};
  std::uint8_t status{1};
  std::uint16_t satellites_visible{};
  float hdop{99.9F};
  float vdop{};
  float speed{};
  float heading{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<NavSatFix>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(NavSatFix, latitude, "deg", "Positive to the north.", 0),
      HORUS_FIELD(NavSatFix, longitude, "deg", "Positive to the east.", 8),
      HORUS_FIELD(NavSatFix, altitude, "m", "Above the ellipsoid.", 16),
      HORUS_FIELD(NavSatFix, position_covariance, "m^2", "Row-major: east, north, up.", 24),
      HORUS_FIELD(NavSatFix, position_covariance_type, "",
                  "0 unknown, 1 approximated, 2 diagonal known, 3 known.", 96),
      HORUS_FIELD(NavSatFix, status, "", "0 no fix, 1 fix, 2 SBAS, 3 GBAS.", 97),
      HORUS_FIELD(NavSatFix, satellites_visible, "", "Satellites that are received.", 98),
      HORUS_FIELD(NavSatFix, hdop, "", "Horizontal dilution of precision.", 100),
      HORUS_FIELD(NavSatFix, vdop, "", "Vertical dilution of precision.", 104),
      HORUS_FIELD(NavSatFix, speed, "m/s", "Over ground.", 108),
      HORUS_FIELD(NavSatFix, heading, "deg", "Clockwise from north.", 112),
      HORUS_FIELD(NavSatFix, timestamp_ns, "ns", "Nanoseconds since 1970.", 120),
  };
  static constexpr std::array kArgs{shm::arg("latitude"), shm::arg("longitude"),
                                    shm::arg("altitude"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<NavSatFix, 128, 8>(
      "NavSatFix", "gps", "A position from navigation satellites, WGS 84.", kFields, kArgs);
  return kType;
}

struct MagneticField {
  double magnetic_field[3]{};
  double magnetic_field_covariance[9]{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<MagneticField>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(MagneticField, magnetic_field, "T", "x, y, z.", 0),
      HORUS_FIELD(MagneticField, magnetic_field_covariance, "T^2", "Row-major.", 24),
      HORUS_TEXT(MagneticField, frame_id, "", "Coordinate frame of the sensor.", 96),
      HORUS_FIELD(MagneticField, timestamp_ns, "ns", "Nanoseconds since 1970.", 128),
  };
  static constexpr std::array kArgs{shm::arg("x", "magnetic_field[0]"),
                                    shm::arg("y", "magnetic_field[1]"),
                                    shm::arg("z", "magnetic_field[2]"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<MagneticField, 136, 8>(
      "MagneticField", "mag", "A magnetic field.", kFields, kArgs);
  return kType;
}

struct Temperature {
  double temperature{};
  double variance{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Temperature>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Temperature, temperature, "degC", "What was measured.", 0),
      HORUS_FIELD(Temperature, variance, "degC^2", "0: unknown.", 8),
      HORUS_TEXT(Temperature, frame_id, "", "Coordinate frame of the sensor.", 16),
      HORUS_FIELD(Temperature, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("temperature"), shm::arg("variance"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Temperature, 56, 8>(
      "Temperature", "temperature", "A temperature.", kFields, kArgs);
  return kType;
}

struct FluidPressure {
  double fluid_pressure{};
  double variance{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<FluidPressure>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(FluidPressure, fluid_pressure, "Pa", "What was measured, above vacuum.", 0),
      HORUS_FIELD(FluidPressure, variance, "Pa^2", "0: unknown.", 8),
      HORUS_TEXT(FluidPressure, frame_id, "", "Coordinate frame of the sensor.", 16),
      HORUS_FIELD(FluidPressure, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("pressure", "fluid_pressure"), shm::arg("variance"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<FluidPressure, 56, 8>(
      "FluidPressure", "pressure", "The pressure of air or water.", kFields, kArgs);
  return kType;
}

struct Illuminance {
  double illuminance{};
  double variance{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Illuminance>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Illuminance, illuminance, "lx", "What was measured.", 0),
      HORUS_FIELD(Illuminance, variance, "lx^2", "0: unknown.", 8),
      HORUS_TEXT(Illuminance, frame_id, "", "Coordinate frame of the sensor.", 16),
      HORUS_FIELD(Illuminance, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("illuminance"), shm::arg("variance"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Illuminance, 56, 8>(
      "Illuminance", "illuminance", "How bright it is.", kFields, kArgs);
  return kType;
}

struct Imu {
  double orientation[4]{0, 0, 0, 1};
  double orientation_covariance[9]{-1, -1, -1, -1, -1, -1, -1, -1, -1};
  double angular_velocity[3]{};
  double angular_velocity_covariance[9]{};
  double linear_acceleration[3]{};
  double linear_acceleration_covariance[9]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Imu>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Imu, orientation, "",
                  "Quaternion x, y, z, w; its covariance says whether it was measured.", 0),
      HORUS_FIELD(Imu, orientation_covariance, "rad^2",
                  "Row-major; first element -1: no orientation.", 32),
      HORUS_FIELD(Imu, angular_velocity, "rad/s", "About x, y, z.", 104),
      HORUS_FIELD(Imu, angular_velocity_covariance, "rad^2/s^2", "Row-major.", 128),
      HORUS_FIELD(Imu, linear_acceleration, "m/s^2", "x, y, z, gravity included.", 200),
      HORUS_FIELD(Imu, linear_acceleration_covariance, "m^2/s^4", "Row-major.", 224),
      HORUS_FIELD(Imu, timestamp_ns, "ns", "Nanoseconds since 1970.", 296),
  };
  static constexpr std::array kArgs{shm::required("accel_x", "linear_acceleration[0]"),
                                    shm::required("accel_y", "linear_acceleration[1]"),
                                    shm::required("accel_z", "linear_acceleration[2]"),
                                    shm::required("gyro_x", "angular_velocity[0]"),
                                    shm::required("gyro_y", "angular_velocity[1]"),
                                    shm::required("gyro_z", "angular_velocity[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType =
      shm::make_type<Imu, 304, 8>("Imu", "imu", "An inertial measurement.", kFields, kArgs);
  return kType;
}

struct LaserScan {
  float ranges[360]{};
  float angle_min{};
  float angle_max{};
  float range_min{};
  float range_max{};
  float angle_increment{};
  float time_increment{};
  float scan_time{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<LaserScan>) noexcept {
  static const std::array kFields{
      shm::in_part(HORUS_FIELD(LaserScan, ranges, "m",
                               "One a beam; 0 or beyond range_max: nothing seen.", 0)),
      HORUS_FIELD(LaserScan, angle_min, "rad", "Of the first beam.", 1440),
      HORUS_FIELD(LaserScan, angle_max, "rad", "Of the last beam.", 1444),
      HORUS_FIELD(LaserScan, range_min, "m", "Nearest that is measured.", 1448),
      HORUS_FIELD(LaserScan, range_max, "m", "Farthest that is measured.", 1452),
      HORUS_FIELD(LaserScan, angle_increment, "rad", "Between beams.", 1456),
      HORUS_FIELD(LaserScan, time_increment, "s", "Between beams.", 1460),
      HORUS_FIELD(LaserScan, scan_time, "s", "Between scans.", 1464),
      HORUS_FIELD(LaserScan, timestamp_ns, "ns", "Nanoseconds since 1970.", 1472),
  };
  static constexpr std::array kArgs{shm::arg("angle_min"),       shm::arg("angle_max"),
                                    shm::arg("angle_increment"), shm::arg("range_min"),
                                    shm::arg("range_max"),       shm::arg("ranges"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<LaserScan, 1480, 8>(
      "LaserScan", "scan", "One turn of a planar lidar.", kFields, kArgs);
  return kType;
}

struct JointState {
  std::uint8_t names[16][32]{};
  std::uint8_t joint_count{};
  double positions[16]{};
  double velocities[16]{};
  double efforts[16]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<JointState>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED_TEXT(JointState, names, "", "One text a joint.", "joint_count", 0),
      HORUS_FIELD(JointState, joint_count, "", "0 to 16.", 512),
      HORUS_COUNTED(JointState, positions, "rad", "Metres for sliding joints.", "joint_count", 520),
      HORUS_COUNTED(JointState, velocities, "rad/s", "Metres a second for sliding joints.",
                    "joint_count", 648),
      HORUS_COUNTED(JointState, efforts, "N m", "Newtons for sliding joints.", "joint_count", 776),
      HORUS_FIELD(JointState, timestamp_ns, "ns", "Nanoseconds since 1970.", 904),
  };
  static constexpr std::array kArgs{shm::arg("names"), shm::arg("positions"),
                                    shm::arg("velocities"), shm::arg("efforts"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<JointState, 912, 8>(
      "JointState", "joint_states", "Positions, velocities and efforts of up to 16 joints.",
      kFields, kArgs);
  return kType;
}

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

struct CompressedImage {
  std::uint8_t format[8]{'j', 'p', 'e', 'g'};
  std::uint32_t data_count{};
  std::uint32_t width{};
  std::uint32_t height{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<CompressedImage>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(CompressedImage, format, "", "\"jpeg\", \"png\", \"webp\".", 0),
      HORUS_FIELD(CompressedImage, data_count, "", "Bytes of the data.", 8),
      HORUS_FIELD(CompressedImage, width, "px", "0: unknown.", 12),
      HORUS_FIELD(CompressedImage, height, "px", "0: unknown.", 16),
      HORUS_TEXT(CompressedImage, frame_id, "", "Coordinate frame of the camera.", 20),
      HORUS_FIELD(CompressedImage, timestamp_ns, "ns", "Nanoseconds since 1970.", 56),
  };
  static constexpr std::array kTails{
      HORUS_TAIL(std::uint8_t, data, "", "As the format's files have it.", "data_count")};
  static constexpr std::array kArgs{shm::arg("format"), shm::arg("data"), shm::arg("width"),
                                    shm::arg("height")};
  static const shm::VaryingInfo kType =
      shm::with_tails(shm::stamped(shm::make_type<CompressedImage, 64, 8>(
                          "CompressedImage", "compressed_image", "A picture as an encoder made it.",
                          kFields, kArgs)),
                      kTails);
  return kType;
}

struct AudioFrame {
  float samples[4800]{};
  std::uint32_t num_samples{};
  std::uint32_t sample_rate{16000};
  std::uint8_t channels{1};
  std::uint8_t encoding{};
  std::uint8_t _pad[2]{};
  std::uint64_t timestamp_ns{};
  std::uint8_t frame_id[32]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<AudioFrame>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED(AudioFrame, samples, "", "-1 to 1, the channels of one instant side by side.",
                    "num_samples", 0),
      HORUS_FIELD(AudioFrame, num_samples, "", "Of all channels together, 0 to 4,800.", 19200),
      HORUS_FIELD(AudioFrame, sample_rate, "Hz", "Samples of each channel in a second.", 19204),
      HORUS_FIELD(AudioFrame, channels, "", "1 to 255.", 19208),
      HORUS_FIELD(AudioFrame, encoding, "", "Of the source: 0 f32, 1 i16.", 19209),
      HORUS_PADDING(AudioFrame, _pad, 19210),
      HORUS_FIELD(AudioFrame, timestamp_ns, "ns", "Nanoseconds since 1970.", 19216),
      HORUS_TEXT(AudioFrame, frame_id, "", "Coordinate frame of the microphone.", 19224),
  };
  static constexpr std::array kArgs{shm::arg("sample_rate"), shm::arg("channels"),
                                    shm::arg("samples"), shm::arg("timestamp_ns"),
                                    shm::arg("frame_id")};
  static const shm::TypeInfo kType = shm::make_type<AudioFrame, 19256, 8>(
      "AudioFrame", "", "Up to 4,800 samples of sound.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
