// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include <horus/realtime.hpp>
#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/rt_thread.hpp"

namespace horus {

class NodeRunner;

/// Calls the safe states of nodes whose own thread hangs, on two spare threads (RT-14). A safe
/// state may block as well: when one takes longer than kBound, the other thread goes on with the
/// rest. Both threads are made at the start, because memory may be short when something hangs.
///
/// Thread safety: start() once, before all other calls; the rest from any thread that is no
/// executor.
class Rescue {
 public:
  static constexpr Nanos kBound = 10ms;

  Rescue() = default;
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;
  /// Waits for running calls; drops those that have not begun.
  ~Rescue();

  /// Starts the threads on `cpus`; empty: where the caller may run.
  /// \errors those of RtThread::start().
  Status start(const CpuSet& cpus);

  /// Queues a call of follow_safe_state_for() of `runner`. Does nothing if the runner is in the
  /// queue or being called: one call follows all rests until its end, and two threads never call
  /// the same node. If the node still has not followed afterwards, call this again.
  void call(NodeRunner& runner);
  /// A node whose safe state is being called; null: none.
  const NodeRunner* calls() const;
  /// Blocks until no call is running or in the queue.
  void await() const;

  /// A call that takes too long.
  struct Overrun {
    const NodeRunner* runner = nullptr;
    Nanos lasts{};  ///< How long it has run.
  };
  /// A running call that takes longer than kBound. Returns each call only once.
  std::optional<Overrun> overrun();

 private:
  /// One of the two threads.
  struct Spare {
    Rescue* crew = nullptr;
    NodeRunner* calls = nullptr;  // The node that it calls; null: it is idle.
    TimePoint since{};            // When that call began.
    bool said = false;            // overrun() has returned that call.
    std::optional<RtThread> thread;
  };

  void work(Spare& spare);
  /// From when on `spare` may take the next call: once the other thread's call has taken kBound.
  TimePoint turn_of(const Spare& spare) const noexcept;
  bool idle() const noexcept;

  mutable std::mutex mutex_;                 // not RT: no executor comes here.
  mutable std::condition_variable changed_;  // not RT: as above.
  std::deque<NodeRunner*> waiting_;
  std::array<Spare, 2> spares_{};
  bool stops_ = false;
};

}  // namespace horus
