// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <horus/text.hpp>
#include <horus/time.hpp>

#include "rt/base/seqlock.hpp"

namespace horus {

/// The exceptions of one type that left a node's callbacks.
struct Failure {
  Name<96> type{};            ///< Name of the type; empty: the entry is unused.
  Name<288> message{};        ///< Message of the latest exception.
  Name<1504> trace{};         ///< End of the latest stack trace given; empty: there was none.
  std::uint64_t count = 0;    ///< How many there were.
  std::uint64_t tick = 0;     ///< Number of the tick of the latest.
  std::int64_t first_ns = 0;  ///< When the first came, monotonic.
  std::int64_t last_ns = 0;   ///< When the latest came, monotonic.
};

/// The exceptions of one node by type; the kMost types that came latest are kept.
///
/// Thread safety: one writer, the node's thread; readers in any thread or process.
struct Failures {
  static constexpr std::size_t kMost = 4;
  std::array<Seqlock<Failure>, kMost> kinds{};
};

/// An exception that was just caught. The texts are valid while it is handled.
struct Thrown {
  std::string_view type;
  std::string_view message;
  std::string_view trace;  ///< Empty: it was given before, or there is none.
};

/// Counts an exception under its type. A type that is not kept yet takes an unused entry, or else
/// replaces the type that has not occurred for the longest time.
void count(Failures& failures, const Thrown& thrown, std::uint64_t tick, TimePoint now) noexcept;
/// Copies what an earlier life of the node kept.
void carry(Failures& to, const Failures& past) noexcept;

}  // namespace horus
