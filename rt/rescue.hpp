// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "rt/base/cpu_set.hpp"
#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/rt_thread.hpp"

namespace horus {

class NodeRunner;

/// Calls the safe states of nodes whose own thread hangs. What is called may block as well, so
/// there are two threads: where a call takes longer than kBound the other one goes on with the
/// rest. Both are made at the start, for when something hangs is no time to make a thread.
///
/// Thread safety: all, but for start().
class Rescue {
 public:
  static constexpr Nanos kBound = 10ms;

  Rescue() = default;
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;
  /// Waits for what is being called.
  ~Rescue();

  /// Once, before the first call(). `cpus`: empty: where the caller may run.
  /// \errors as RtThread::start().
  Status start(const CpuSet& cpus);

  /// In the order of the calls. Nothing where it waits for its turn already, or is being called:
  /// two threads never call one node, which follows each rest that came meanwhile. Whoever sees
  /// that it has not calls again.
  void call(NodeRunner& runner);
  /// One whose safe state is being called; null: none is.
  const NodeRunner* calls() const;
  /// Returns when nothing is called, nor waits for it.
  void await() const;

  struct Overrun {
    const NodeRunner* runner = nullptr;
    Nanos lasts{};
  };
  /// A call that takes longer than kBound, each of them once.
  std::optional<Overrun> overrun();

 private:
  struct Spare {
    Rescue* crew = nullptr;
    NodeRunner* calls = nullptr;
    TimePoint since{};
    bool said = false;
    std::optional<RtThread> thread;
  };

  void work(Spare& spare);
  /// When `spare` may take the next one; the past: now.
  TimePoint turn_of(const Spare& spare) const noexcept;
  bool idle() const noexcept;

  mutable std::mutex mutex_;                 // not RT: no executor comes here.
  mutable std::condition_variable changed_;  // not RT: as above.
  std::deque<NodeRunner*> waiting_;
  std::array<Spare, 2> spares_{};
  bool stops_ = false;
};

}  // namespace horus
