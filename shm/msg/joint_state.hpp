// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

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

}  // namespace horus::msg
