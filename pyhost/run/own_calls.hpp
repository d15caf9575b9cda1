// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "rt/run_guard.hpp"

namespace horus::py {

/// What the thread that called run() does for the nodes: their safe states, and the program's
/// signal handlers.
///
/// Thread safety: begin() and end() from that thread, the rest from any, without the GIL.
class OwnCalls {
 public:
  /// The thread is in such a call while one exists. `node` empty: a signal handler.
  class Scope {
   public:
    Scope(OwnCalls& calls, const NodeName& node) noexcept : calls_{calls} { calls_.begin(node); }
    ~Scope() { calls_.end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    OwnCalls& calls_;
  };

  /// One is asked for, until done().
  void ask() noexcept;
  void done() noexcept;
  /// The one that the thread is in.
  std::optional<BlockedCall> current() noexcept;
  /// Returns once none is asked for, nor under way.
  void await_none() noexcept;

 private:
  void begin(const NodeName& node) noexcept;
  void end() noexcept;

  std::mutex mutex_;
  std::optional<std::pair<NodeName, TimePoint>> current_;
  std::atomic<std::uint32_t> left_{0};
};

}  // namespace horus::py
