// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <horus/text.hpp>

#include "rt/base/seqlock.hpp"

namespace horus {

/// One subscription that has a time-out, and whether its newest message is too old.
struct StaleInput {
  Name<208> topic{};          ///< Empty: the entry is unused.
  Name<64> publisher{};       ///< The node that sent the newest message; empty: not known.
  std::int64_t since_ns{};    ///< When it became stale, monotonic; 0: it is fresh.
  std::int64_t newest_ns{};   ///< When the newest message was sent, monotonic; 0: none came.
  std::int64_t timeout_ns{};  ///< Age from which a message is too old.
  std::uint64_t stops{};      ///< 1: its fallback is an emergency stop.
};

/// The subscriptions of one node that have a time-out; the first kMost of them.
///
/// Thread safety: one writer, the node's thread; readers in any thread or process.
struct StaleInputs {
  static constexpr std::size_t kMost = 8;
  std::array<Seqlock<StaleInput>, kMost> inputs{};
};

}  // namespace horus
