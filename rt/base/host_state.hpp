// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "rt/base/words.hpp"

namespace horus {

/// What the supervisor of Python hosts says of one.
enum class HostState : std::uint32_t {
  kWaiting,   ///< Not running; a start is due.
  kStarting,  ///< Running, not every node has ticked.
  kReady,
  kStopping,  ///< Told to end.
  kEnded,     ///< Not running, and its policy says: leave it so.
};

constexpr auto words_of(HostState /*any*/) noexcept {
  return words_in_order<HostState>("waiting", "starting", "ready", "stopping", "ended");
}

}  // namespace horus
