// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "rt/base/result.hpp"

namespace rover {

/// The value; where there is none, an exception that says why. For constructors of nodes only.
template <typename T>
T or_throw(horus::Result<T> result) {
  if (result) return std::move(result).value();
  const horus::Error& error = result.error();
  throw std::runtime_error{std::string{error.what} + ": " + std::string{error.subject.view()}};
}

/// Writes a text field of a message; the rest of it is zero, and so is its last byte.
template <std::size_t kSize>
void set_text(std::uint8_t (&field)[kSize], std::string_view text) noexcept {
  std::fill(std::begin(field), std::end(field), std::uint8_t{0});
  std::copy_n(text.begin(), std::min(text.size(), kSize - 1), field);
}

/// What messages are stamped with: nanoseconds since 1970. RT-safe: the vDSO answers it.
inline std::uint64_t wall_clock_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace rover
