// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace rover {

/// What goes over the bus between the rover and its two wheel drives, little-endian, the
/// identifiers as CANopen has them for node 1 (process data in, process data out).
///
///   0x201  to the drives:    left i16, right i16 in millivolts; the tick's number u32
///   0x181  from the drives:  left i32, right i32 encoder counts, kCountsPerTurn a wheel turn
static_assert(std::endian::native == std::endian::little, "frames are copied as they lie");

inline constexpr std::uint32_t kSetpointId = 0x201;
inline constexpr std::uint32_t kEncoderId = 0x181;
inline constexpr double kCountsPerTurn = 4096.0 * 33.0;  ///< 1,024 lines in quadrature, gear 33:1.

using FrameBytes = std::array<std::uint8_t, 8>;

struct Setpoint {
  std::int16_t left_mv;
  std::int16_t right_mv;
  std::uint32_t tick;
};

struct Encoders {
  std::int32_t left;
  std::int32_t right;
};

inline FrameBytes encode(double left_volts, double right_volts, std::uint64_t tick) noexcept {
  const auto millivolts = [](double volts) {
    return static_cast<std::int16_t>(std::lround(std::clamp(volts, -32.0, 32.0) * 1e3));
  };
  return std::bit_cast<FrameBytes>(Setpoint{.left_mv = millivolts(left_volts),
                                            .right_mv = millivolts(right_volts),
                                            .tick = static_cast<std::uint32_t>(tick)});
}

inline Encoders decode(const FrameBytes& bytes) noexcept {
  return std::bit_cast<Encoders>(bytes);
}

/// The wheel's turn between two counts, in radians; right across the counter's overflow.
inline double turned(std::int32_t from, std::int32_t to) noexcept {
  const auto counts =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(to) - static_cast<std::uint32_t>(from));
  return counts / kCountsPerTurn * 2.0 * std::numbers::pi;
}

}  // namespace rover
