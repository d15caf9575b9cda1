// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

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

}  // namespace horus::msg
