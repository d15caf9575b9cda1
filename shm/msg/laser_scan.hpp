// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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

}  // namespace horus::msg
