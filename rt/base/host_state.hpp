// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <horus/text.hpp>

namespace horus {

/// The state of a Python host, as its supervisor sees it.
enum class HostState : std::uint32_t {
  kWaiting,   ///< Not running; will be started.
  kStarting,  ///< Running, but not every node has ticked.
  kReady,     ///< Running, and its nodes have ticked.
  kStopping,  ///< Told to end.
  kEnded,     ///< Not running; its policy says not to start it again.
};

constexpr auto words_of(HostState /*any*/) noexcept {
  return words_in_order<HostState>("waiting", "starting", "ready", "stopping", "ended");
}

}  // namespace horus
