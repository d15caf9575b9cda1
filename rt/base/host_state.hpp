// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace horus {

/// What the supervisor of Python hosts says of one.
enum class HostState : std::uint32_t {
  kWaiting,   ///< Not running; a start is due.
  kStarting,  ///< Running, not every node has ticked.
  kReady,
  kStopping,  ///< Told to end.
  kEnded,     ///< Not running, and its policy says: leave it so.
};

constexpr const char* to_text(HostState state) noexcept {
  switch (state) {
    case HostState::kWaiting: return "waiting";
    case HostState::kStarting: return "starting";
    case HostState::kReady: return "ready";
    case HostState::kStopping: return "stopping";
    case HostState::kEnded: return "ended";
  }
  return "unknown";
}

}  // namespace horus
