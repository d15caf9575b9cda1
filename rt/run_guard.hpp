// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <optional>
#include <string_view>

#include "rt/base/name.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// A callback that does not come back.
struct BlockedCall {
  NodeName node{};  ///< Empty: a signal handler of the program's, on its main thread.
  NodeActivity in = NodeActivity::kNone;  ///< kNone: its thread has not come to the node.
  Nanos since{};                          ///< How long it has run.
};

/// What it does not come back from, in words.
inline const char* where(const BlockedCall& call) noexcept {
  if (call.node.empty()) return "signal handler";
  return call.in == NodeActivity::kNone ? "wait for the GIL" : to_text(call.in);
}

/// Whose it is, in words.
inline Name<80> who(const BlockedCall& call) noexcept {
  if (call.node.empty()) return Name<80>::clipped("the main thread");
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "node '%.64s'", call.node.view().data());
  return Name<80>::clipped(text.data());
}

/// What the owner of a scheduler does about callbacks that do not come back.
///
/// Thread safety: every call but await_own_calls() comes from the scheduler's watchdog thread,
/// which must not wait for what a blocked callback may hold.
class RunGuard {
 public:
  virtual ~RunGuard() = default;

  /// The node's init() takes very long. Once for each.
  virtual void slow_start(const BlockedCall& /*call*/) noexcept {}
  /// The silence of a node that is isolated for it has gone on for three times its limit. Once an
  /// episode.
  virtual void isolated(const BlockedCall& /*call*/) noexcept {}
  /// The node does not move for its limit and `hang_timeout`; `why` says it in words. Once an
  /// episode.
  virtual void hung(const BlockedCall& /*call*/, std::string_view /*why*/) noexcept {}
  /// Whether the run is asked to stop, in a way that its owner may be unable to pass on.
  virtual bool wants_stop() noexcept { return false; }
  /// What the owner's own thread is in on behalf of the run, if it is in anything.
  virtual std::optional<BlockedCall> own_call() noexcept { return std::nullopt; }
  /// Returns once all that the run has asked of that thread is done.
  virtual void await_own_calls() noexcept {}
  /// The run is to stop, and waits for this call: have it come back, where that is possible.
  virtual void interrupt(const BlockedCall& /*call*/) noexcept {}
  /// The same for own_call().
  virtual void interrupt_own_call() noexcept {}
  /// Whether a stop shall not wait for `stop_timeout`.
  virtual bool hurried() noexcept { return false; }
  /// The stop has waited for `stop_timeout`; every shutdown() that could run has, and the log is
  /// written. Ends the process, or returns: then the stop waits on.
  virtual void give_up(const BlockedCall& /*call*/) noexcept {}
};

}  // namespace horus
