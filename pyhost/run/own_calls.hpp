// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "rt/run_guard.hpp"

namespace horus::py {

/// The calls that the thread of run() makes on behalf of others: safe-state callbacks of nodes and
/// the program's signal handlers. The watchdog sees here whether one hangs, and a stop waits until
/// all are done.
///
/// Thread safety: Scope on that thread, the rest from any, without the GIL.
class OwnCalls {
 public:
  /// Marks such a call while it exists. `node` empty: a signal handler.
  class Scope {
   public:
    Scope(OwnCalls& calls, const NodeName& node) noexcept : calls_{calls} { calls_.begin(node); }
    ~Scope() { calls_.end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    OwnCalls& calls_;
  };

  /// Announces a call that the thread is to make. Each ask() is followed by one done().
  void ask() noexcept;
  void done() noexcept;
  /// The call that the thread is in, and for how long; nothing: it is in none.
  std::optional<BlockedCall> current() noexcept;
  /// Waits until no call is announced or under way.
  void await_none() noexcept;

 private:
  void begin(const NodeName& node) noexcept;
  void end() noexcept;

  std::mutex mutex_;
  std::optional<std::pair<NodeName, TimePoint>> current_;  ///< The node, and when it began.
  std::atomic<std::uint32_t> left_{0};                     ///< Calls announced or under way.
};

}  // namespace horus::py
