// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "shm/message.hpp"

namespace horus::shm {

/// Whether no number in the message is NaN or infinite: its fields, as far as arrays are in use,
/// and its tails. A limit that says "none" by +infinity (MotorCommand::max_velocity) is finite.
/// RT-safe. False for bytes that are no message of the type.
bool is_finite(const TypeInfo& type, std::span<const std::byte> message) noexcept;
/// Where the first is that is not: "pose.x", "ranges[3]"; empty where all are finite.
std::string first_not_finite(const TypeInfo& type, std::span<const std::byte> message);

template <typename T>
requires requires {
  type_info(Tag<T>{});
}
bool is_finite(const T& message) noexcept {
  return is_finite(type_info(Tag<T>{}), std::as_bytes(std::span{&message, 1}));
}

}  // namespace horus::shm
