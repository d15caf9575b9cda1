// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct CmdVel {
  std::uint64_t timestamp_ns{};
  float linear{};
  float angular{};
};

inline const shm::TypeInfo& type_info(shm::Tag<CmdVel>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CmdVel, timestamp_ns, "ns", "Nanoseconds since 1970.", 0),
      HORUS_FIELD(CmdVel, linear, "m/s", "Forward.", 8),
      HORUS_FIELD(CmdVel, angular, "rad/s", "Counter-clockwise.", 12),
  };
  static constexpr std::array kArgs{shm::required("linear"), shm::required("angular"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::neutral<CmdVel>(shm::make_type<CmdVel, 16, 8>(
      "CmdVel", "cmd_vel", "A velocity for a mobile base.", kFields, kArgs));
  return kType;
}

}  // namespace horus::msg
