// SPDX-License-Identifier: Apache-2.0
#include "shm/message.hpp"

#include <algorithm>
#include <array>

#include "shm/declare.hpp"
#include "shm/msg/cmd_vel.hpp"
#include "shm/msg/geometry.hpp"
#include "shm/msg/imu.hpp"
#include "shm/msg/joint_state.hpp"
#include "shm/msg/laser_scan.hpp"
#include "shm/msg/odometry.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325U;
constexpr std::uint64_t kFnvPrime = 0x100000001b3U;

void mix(std::uint64_t& hash, std::string_view text) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * kFnvPrime;
  hash *= kFnvPrime;  // A separator: ("ab", "c") is not ("a", "bc").
}

void mix(std::uint64_t& hash, std::uint64_t number) noexcept {
  for (int shift = 0; shift < 64; shift += 8) {
    hash = (hash ^ ((number >> shift) & 0xffU)) * kFnvPrime;
  }
}

}  // namespace

namespace detail {

std::uint64_t layout_hash(const TypeInfo& type) noexcept {
  std::uint64_t hash = kFnvOffset;
  mix(hash, type.name);
  mix(hash, std::uint64_t{type.size});
  for (const FieldInfo& field : type.fields) {
    mix(hash, field.name);
    mix(hash, static_cast<std::uint64_t>(field.kind));
    mix(hash, std::uint64_t{field.offset});
    mix(hash, std::uint64_t{field.size});
    mix(hash, std::uint64_t{field.count});
    if (field.nested != nullptr) mix(hash, field.nested->hash);
  }
  return hash;
}

}  // namespace detail

std::span<const TypeInfo* const> all_types() noexcept {
  static const std::array kTypes{
      &type_info(Tag<msg::CmdVel>{}),     &type_info(Tag<msg::Imu>{}),
      &type_info(Tag<msg::JointState>{}), &type_info(Tag<msg::LaserScan>{}),
      &type_info(Tag<msg::Odometry>{}),   &type_info(Tag<msg::Pose2D>{}),
      &type_info(Tag<msg::Twist>{})};
  return kTypes;
}

const TypeInfo* find_type(std::string_view name) noexcept {
  const auto types = all_types();
  const auto found =
      std::ranges::find_if(types, [name](const TypeInfo* type) { return type->name == name; });
  return found == types.end() ? nullptr : *found;
}

}  // namespace horus::shm
