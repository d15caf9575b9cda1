// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rt/base/name.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// Exceptions of one type that left a node's callbacks.
struct Failure {
  Name<96> type{};      ///< Empty: none yet.
  Name<288> message{};  ///< Of the latest.
  Name<1504> trace{};   ///< The latest that was told; empty where the language has none.
  std::uint64_t count = 0;
  std::uint64_t tick = 0;  ///< Of the latest.
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
};

/// The exceptions of one node by type, the latest kMost types. One writer: the node's thread.
struct Failures {
  static constexpr std::size_t kMost = 4;
  std::array<Seqlock<Failure>, kMost> kinds{};
};

/// An exception as it is caught.
struct Thrown {
  std::string_view type;
  std::string_view message;
  std::string_view trace;  ///< Empty: as told before, or none.
};

/// Counts it; a type that is new takes the place of the one that is longest past.
void count(Failures& failures, const Thrown& thrown, std::uint64_t tick, TimePoint now) noexcept;
/// Takes over what an earlier life of the node kept.
void carry(Failures& to, const Failures& past) noexcept;

}  // namespace horus
