// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct CmdVel {
  std::uint64_t timestamp_ns{};
  float linear{};
  float angular{};
};
static_assert(sizeof(CmdVel) == 16);
static_assert(offsetof(CmdVel, timestamp_ns) == 0);
static_assert(offsetof(CmdVel, linear) == 8);
static_assert(offsetof(CmdVel, angular) == 12);

inline const shm::TypeInfo& type_info(shm::Tag<CmdVel>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CmdVel, timestamp_ns, "ns", "Nanoseconds since 1970."),
      HORUS_FIELD(CmdVel, linear, "m/s", "Forward."),
      HORUS_FIELD(CmdVel, angular, "rad/s", "Counter-clockwise."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "linear", .path = "linear", .required = true},
      shm::ArgInfo{.name = "angular", .path = "angular", .required = true},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType = shm::detail::make_type<CmdVel>(
      "CmdVel", "cmd_vel", "A velocity for a mobile base.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
