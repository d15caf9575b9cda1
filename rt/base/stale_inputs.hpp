// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rt/base/name.hpp"
#include "rt/base/seqlock.hpp"

namespace horus {

/// A subscription of a node that has a time-out, and whether what it has is too old.
struct StaleInput {
  Name<208> topic{};         ///< Empty: the place is free.
  Name<64> publisher{};      ///< The node that sent what is newest; empty: not known.
  std::int64_t since_ns{};   ///< Monotonic: stale from then on; 0: it is fresh.
  std::int64_t newest_ns{};  ///< Monotonic: when the newest message was sent; 0: none came.
  std::int64_t timeout_ns{};
  std::uint64_t stops{};  ///< 1: its fallback is an emergency stop.
};

/// Those of one node, the first kMost. One writer: the node's thread.
struct StaleInputs {
  static constexpr std::size_t kMost = 8;
  std::array<Seqlock<StaleInput>, kMost> inputs{};
};

}  // namespace horus
