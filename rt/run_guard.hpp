// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <optional>
#include <string_view>

#include <horus/text.hpp>
#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// A callback that does not return.
struct BlockedCall {
  NodeName node{};  ///< Empty: a signal handler of the program, on its main thread.
  /// The callback. kNone: none runs yet, the thread waits for the GIL.
  NodeActivity in = NodeActivity::kNone;
  Nanos since{};  ///< How long it has run.
};

/// The callback in words, e.g. "tick".
inline const char* where(const BlockedCall& call) noexcept {
  if (call.node.empty()) return "signal handler";
  return call.in == NodeActivity::kNone ? "wait for the GIL" : to_text(call.in);
}

/// The owner of the callback in words, e.g. "node 'motor'".
inline Name<80> who(const BlockedCall& call) noexcept {
  if (call.node.empty()) return Name<80>::clipped("the main thread");
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "node '%.64s'", call.node.view().data());
  return Name<80>::clipped(text.data());
}

/// How the owner of a scheduler reacts to callbacks that do not return.
///
/// Thread safety: all calls come from the scheduler's watchdog thread, except await_own_calls(). An
/// implementation must not wait for anything that a blocked callback may hold, such as the GIL.
class RunGuard {
 public:
  virtual ~RunGuard() = default;

  /// The node's init() has run for 30 s. Called once for each init().
  virtual void slow_start(const BlockedCall& /*call*/) noexcept {}
  /// The node was silent for three times its limit and is about to be isolated. Called once per
  /// episode of silence.
  virtual void isolated(const BlockedCall& /*call*/) noexcept {}
  /// The node, or own_call(), was silent for its limit plus `hang_timeout`: it is lost. `why` says
  /// so in words. Called once per episode of silence.
  virtual void hung(const BlockedCall& /*call*/, std::string_view /*why*/) noexcept {}
  /// Whether the run should stop. Polled, for requests that a blocked owner cannot pass on.
  virtual bool wants_stop() noexcept { return false; }
  /// The callback that the owner's own thread runs on behalf of the run; nothing when it runs none.
  virtual std::optional<BlockedCall> own_call() noexcept { return std::nullopt; }
  /// Blocks until all callbacks of that thread are done. Called by the thread that ends the run.
  virtual void await_own_calls() noexcept {}
  /// The run stops and waits for this call: make it return, if possible.
  virtual void interrupt(const BlockedCall& /*call*/) noexcept {}
  /// The same for own_call().
  virtual void interrupt_own_call() noexcept {}
  /// Whether a stop should not wait for `stop_timeout`.
  virtual bool hurried() noexcept { return false; }
  /// The stop has waited for `stop_timeout`. Every shutdown() that could run has run, and the log
  /// was written as far as its reader allowed. May end the process. If it returns, the stop goes on
  /// waiting.
  virtual void give_up(const BlockedCall& /*call*/) noexcept {}
};

}  // namespace horus
