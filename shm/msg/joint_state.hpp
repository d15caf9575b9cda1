// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
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
static_assert(sizeof(JointState) == 912);
static_assert(offsetof(JointState, names) == 0);
static_assert(offsetof(JointState, joint_count) == 512);
static_assert(offsetof(JointState, positions) == 520);
static_assert(offsetof(JointState, velocities) == 648);
static_assert(offsetof(JointState, efforts) == 776);
static_assert(offsetof(JointState, timestamp_ns) == 904);

inline const shm::TypeInfo& type_info(shm::Tag<JointState>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED_TEXT(JointState, names, "", "One text a joint.", "joint_count"),
      HORUS_FIELD(JointState, joint_count, "", "0 to 16."),
      HORUS_COUNTED(JointState, positions, "rad", "Metres for sliding joints.", "joint_count"),
      HORUS_COUNTED(JointState, velocities, "rad/s", "", "joint_count"),
      HORUS_COUNTED(JointState, efforts, "N m", "", "joint_count"),
      HORUS_FIELD(JointState, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "names", .path = "names"},
      shm::ArgInfo{.name = "positions", .path = "positions"},
      shm::ArgInfo{.name = "velocities", .path = "velocities"},
      shm::ArgInfo{.name = "efforts", .path = "efforts"},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType = shm::detail::make_type<JointState>(
      "JointState", "joint_states", "Positions, velocities and efforts of up to 16 joints.",
      kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
