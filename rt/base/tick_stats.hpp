// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rt/base/counter.hpp"
#include "rt/base/histogram.hpp"
#include "rt/base/name.hpp"

namespace horus {

/// Layout of a host's statistics. `rt` and `pyhost` write it in place in memory they are given
/// (a shared page, or the heap in a test); everybody else maps it read-only. Zeroed memory is a
/// valid empty block. Definitions (all on CLOCK_MONOTONIC):
///   lateness = start - release          (the wait for the GIL is part of it)
///   execution = finish - start
///   response = finish - release
///   lost = what of the execution another thread had the GIL while the tick wanted it (Python)
///   miss: response > deadline, once per tick
///   overrun: execution - lost > budget, independent of it
///   skipped: whole releases given up, floor((wake - release) / period); never misses

enum class NodeClass : std::uint32_t { kTick, kCompute, kEvent, kAsync, kBestEffort };
enum class NodeState : std::uint32_t {
  kUninitialized,
  kInitializing,
  kRunning,
  kStopping,
  kStopped,
  kError,
  kCrashed
};

/// Lower-case names as users see them ("tick", "best_effort"; "running", ...).
const char* to_text(NodeClass node_class) noexcept;
const char* to_text(NodeState state) noexcept;

/// From here on a wait for the GIL is counted apart.
inline constexpr Nanos kLongGilWait = 100ms;

/// One node. One writer per word: the node's thread, but for `thread`, which the host's
/// supervising thread writes.
struct NodeStats {
  // Written once before the node first ticks.
  NodeName name{};
  Cell<NodeClass> node_class{};
  Cell<NodeState> state{};
  Cell<std::int32_t> order{};
  Cell<std::int32_t> priority{};  ///< SCHED_FIFO priority wanted, 0: none.
  Cell<std::int32_t> cpu{};       ///< CPU index, -1: any of the host's.
  Cell<std::int32_t> tid{};       ///< Linux thread id of its executor, 0 before start.
  Gauge period_ns{};              ///< 0: no rate (event, async).
  Gauge budget_ns{};              ///< 0: none.
  Gauge deadline_ns{};            ///< 0: none.

  Counter ticks{};
  Counter skipped{};
  Counter misses{};
  Counter overruns{};
  Counter errors{};              ///< Exceptions out of tick(), and out of init() at a restart.
  Counter consecutive_misses{};  ///< Of the current episode.
  Gauge first_release_ns{};      ///< Monotonic; of this life; 0 before the first.
  Gauge last_release_ns{};       ///< Monotonic; of the latest tick.
  Gauge last_execution_ns{};
  Counter carried_ticks{};  ///< Part of `ticks` that earlier lives of the host counted.
  Counter carried_skipped{};

  Counter messages_sent{};
  Counter messages_received{};
  Counter messages_dropped{};  ///< Missed by its subscribers, or refused at send.

  Counter gil_losses{};              ///< Ticks that lost the GIL before they were done.
  Gauge gil_lost_longest_ns{};       ///< The longest loss that was timed,
  Counter gil_lost_tick{};           ///< its tick's number,
  Cell<std::int32_t> gil_lost_to{};  ///< and the Linux thread that had the GIL; 0: unknown.
  Cell<std::int32_t> gil_pad{};
  Counter gil_long_waits{};          ///< Waits for the GIL of kLongGilWait and more.
  Counter gil_long_waits_off_cpu{};  ///< Those whose holder was kept off its CPU meanwhile.

  struct Thread {
    Counter minor_faults{};  ///< Since the first release.
    Counter major_faults{};
    Counter voluntary_switches{};
    Counter involuntary_switches{};
    Counter cpu_time_ns{};
    Cell<std::int32_t> last_cpu{};
    Cell<std::int32_t> pad{};
  } thread{};

  Histogram lateness{};
  Histogram execution{};
  Histogram response{};
  Histogram skipped_response{};  ///< What the skipped releases would have seen.
  Histogram gil_wait{};          ///< Python nodes only; as is the next.
  Histogram gil_lost{};          ///< By tick that lost some; not those whose loss went unseen.
};

/// Where the messages of one owner are counted; null: nowhere. One writing thread at a time.
struct MessageCounters {
  Counter* sent = nullptr;
  Counter* received = nullptr;
  Counter* dropped = nullptr;  ///< Refused at send, or missed by the subscriber.
};

inline void count(Counter* counter, std::uint64_t n = 1) noexcept {
  if (counter != nullptr) counter->add(n);
}

inline MessageCounters message_counters(NodeStats& node) noexcept {
  return {.sent = &node.messages_sent,
          .received = &node.messages_received,
          .dropped = &node.messages_dropped};
}

/// The garbage collector of a Python host, by generation.
struct GcStats {
  struct Generation {
    Histogram pause{};
    Counter collections{};
    Counter collected{};
    Counter uncollectable{};
    Counter forced{};  ///< Collected without enough slack.
    Gauge longest_ns{};
    Counter longest_tick{};  ///< Tick number of the node that ran, or ran last, then.
  };
  std::array<Generation, 3> generation{};
  Counter freezes{};  ///< Times that a freeze took the place of a collection without slack.
  /// Objects that the collector knows, an estimate: counted before the first tick and, where the
  /// slack allows, after a full collection; in between by CPython's count of allocations less
  /// deallocations at each collection, which reads too high after many were freed at once.
  Gauge objects{};
};

/// A real-time setting that was wanted and not granted.
struct DegradationRecord {
  Name<32> feature{};  ///< "fifo", "memlock", "cpu_isolation", ...
  Name<160> reason{};
  Name<160> fix{};
  Cell<std::uint32_t> severity{};  ///< 0 info, 1 warning, 2 error.
  Cell<std::uint32_t> pad{};
};

struct HostStats {
  static constexpr std::size_t kMaxDegradations = 16;

  NodeName name{};
  Cell<std::int32_t> pid{};
  Cell<std::uint32_t> python{};  ///< 1: a Python host.
  Gauge epoch_ns{};              ///< Monotonic: release 0 of every node's grid.
  Counter lives{};               ///< 1 for the first; a restart after a crash adds one.
  Counter heartbeat{};           ///< Moves while every executor of the host moves.
  Cell<std::uint32_t> ready{};   ///< 1: each periodic node has ticked.
  Cell<std::uint32_t> degradations{};
  Gauge rss_bytes{};  ///< Resident memory of the process; about once a second.
  std::array<DegradationRecord, kMaxDegradations> degradation{};
  GcStats gc{};
};

static_assert(sizeof(NodeStats) % 8 == 0 && sizeof(HostStats) % 8 == 0);

}  // namespace horus
