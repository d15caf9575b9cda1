// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct EmergencyStop {
  shm::Flag engaged{true};
  std::uint8_t reason[64]{};
  std::uint8_t source[32]{};
  shm::Flag auto_reset{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<EmergencyStop>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(EmergencyStop, engaged, "", "True: stop.", 0),
      HORUS_TEXT(EmergencyStop, reason, "", "Why it was stopped.", 1),
      HORUS_TEXT(EmergencyStop, source, "", "Who stopped.", 65),
      HORUS_FIELD(EmergencyStop, auto_reset, "",
                  "Whether it releases itself when the cause is gone.", 97),
      HORUS_FIELD(EmergencyStop, timestamp_ns, "ns", "Nanoseconds since 1970.", 104),
  };
  static constexpr std::array kArgs{shm::arg("engaged"), shm::arg("reason"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<EmergencyStop, 112, 8>(
      "EmergencyStop", "estop", "Stop everything, or go on.", kFields, kArgs));
  return kType;
}

struct SafetyStatus {
  shm::Flag enabled{true};
  shm::Flag estop_engaged{};
  shm::Flag watchdog_ok{true};
  shm::Flag limits_ok{true};
  shm::Flag comms_ok{true};
  std::uint8_t mode{};
  std::uint32_t fault_code{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<SafetyStatus>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(SafetyStatus, enabled, "", "Whether they are on.", 0),
      HORUS_FIELD(SafetyStatus, estop_engaged, "", "Whether an emergency stop is on.", 1),
      HORUS_FIELD(SafetyStatus, watchdog_ok, "", "False: something did not answer in time.", 2),
      HORUS_FIELD(SafetyStatus, limits_ok, "", "False: a limit was exceeded.", 3),
      HORUS_FIELD(SafetyStatus, comms_ok, "", "False: a connection is lost.", 4),
      HORUS_FIELD(SafetyStatus, mode, "", "0 normal, 1 reduced, 2 safe stop.", 5),
      HORUS_FIELD(SafetyStatus, fault_code, "", "0: no fault.", 8),
      HORUS_FIELD(SafetyStatus, timestamp_ns, "ns", "Nanoseconds since 1970.", 16),
  };
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<SafetyStatus, 24, 8>(
      "SafetyStatus", "safety_status", "What the safety functions of a robot say.", kFields, {}));
  return kType;
}

}  // namespace horus::msg
