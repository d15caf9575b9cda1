// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "shm/message.hpp"

namespace horus::shm {

/// RT-safe. Whether no number in the message is NaN or infinite. Checks the fields (of arrays the
/// elements in use) and the tails. A limit that is +infinity (MotorCommand::max_velocity) counts as
/// finite: it means that there is none. False for bytes that are not a message of the type.
bool is_finite(const TypeInfo& type, std::span<const std::byte> message) noexcept;
/// The path of the first number that is not finite: "pose.x", "ranges[3]"; empty if all are.
std::string first_not_finite(const TypeInfo& type, std::span<const std::byte> message);

/// The same, for a message as a struct.
template <typename T>
requires requires {
  type_info(Tag<T>{});
}
bool is_finite(const T& message) noexcept {
  return is_finite(type_info(Tag<T>{}), std::as_bytes(std::span{&message, 1}));
}

}  // namespace horus::shm
