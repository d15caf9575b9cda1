// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

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
static_assert(sizeof(LaserScan) == 1480);
static_assert(offsetof(LaserScan, ranges) == 0);
static_assert(offsetof(LaserScan, angle_min) == 1440);
static_assert(offsetof(LaserScan, angle_max) == 1444);
static_assert(offsetof(LaserScan, range_min) == 1448);
static_assert(offsetof(LaserScan, range_max) == 1452);
static_assert(offsetof(LaserScan, angle_increment) == 1456);
static_assert(offsetof(LaserScan, time_increment) == 1460);
static_assert(offsetof(LaserScan, scan_time) == 1464);
static_assert(offsetof(LaserScan, timestamp_ns) == 1472);

inline const shm::TypeInfo& type_info(shm::Tag<LaserScan>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(LaserScan, ranges, "m", "One a beam; 0 or beyond range_max: nothing seen."),
      HORUS_FIELD(LaserScan, angle_min, "rad", "Of the first beam."),
      HORUS_FIELD(LaserScan, angle_max, "rad", "Of the last beam."),
      HORUS_FIELD(LaserScan, range_min, "m", ""),
      HORUS_FIELD(LaserScan, range_max, "m", ""),
      HORUS_FIELD(LaserScan, angle_increment, "rad", "Between beams."),
      HORUS_FIELD(LaserScan, time_increment, "s", "Between beams."),
      HORUS_FIELD(LaserScan, scan_time, "s", "Between scans."),
      HORUS_FIELD(LaserScan, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "angle_min", .path = "angle_min"},
      shm::ArgInfo{.name = "angle_max", .path = "angle_max"},
      shm::ArgInfo{.name = "angle_increment", .path = "angle_increment"},
      shm::ArgInfo{.name = "range_min", .path = "range_min"},
      shm::ArgInfo{.name = "range_max", .path = "range_max"},
      shm::ArgInfo{.name = "ranges", .path = "ranges"},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType = shm::detail::make_type<LaserScan>(
      "LaserScan", "scan", "One turn of a planar lidar.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
