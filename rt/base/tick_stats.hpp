// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rt/base/counter.hpp"
#include "rt/base/failures.hpp"
#include "rt/base/histogram.hpp"
#include "rt/base/log_level.hpp"
#include "rt/base/name.hpp"
#include "rt/base/node_counters.hpp"
#include "rt/base/safety.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/stale_inputs.hpp"
#include "rt/base/time.hpp"
#include "rt/base/words.hpp"

namespace horus {

/// Layout of a host's statistics. `rt` and `pyhost` write it in place in memory they are given
/// (a shared page, or the heap in a test); everybody else maps it read-only. Zeroed memory is a
/// valid empty block. Definitions (all on CLOCK_MONOTONIC):
///   lateness = start - release          (the wait for the GIL is part of it)
///   execution = finish - start - awaited
///   response = finish - release
///   awaited = what of a tick its coroutine waited for something and ran no code (async nodes)
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

/// How far a node that misses its deadlines has come on its ladder.
enum class Rung : std::uint32_t {
  kNone,
  kWarned,
  kDegraded,  ///< It has half its rate.
  kIsolated,  ///< It is in safe state, and its readers take their fallbacks.
  kStopped,   ///< It has stopped the run.
};

/// What of a node's is running.
enum class NodeActivity : std::uint32_t { kNone, kInit, kTick, kShutdown, kSafeState };

constexpr auto words_of(NodeClass /*any*/) noexcept {
  return words_in_order<NodeClass>("tick", "compute", "event", "async", "best_effort");
}
constexpr auto words_of(NodeState /*any*/) noexcept {
  return words_in_order<NodeState>("uninitialized", "initializing", "running", "stopping",
                                   "stopped", "error", "crashed");
}
constexpr auto words_of(NodeActivity /*any*/) noexcept {
  return words_in_order<NodeActivity>("none", "init", "tick", "shutdown", "safe_state");
}
constexpr auto words_of(Rung /*any*/) noexcept {
  return words_in_order<Rung>("none", "warned", "degraded", "isolated", "stopped");
}

/// From here on a wait for the GIL is counted apart.
inline constexpr Nanos kLongGilWait = 100ms;

/// A message that was sent so many periods, and kOldAtLeast, before the tick that receives it is an
/// old one.
inline constexpr int kOldPeriods = 10;
inline constexpr Nanos kOldAtLeast = 100ms;

/// From here on a callback that is still running is shown as such.
inline constexpr Nanos kLongCall = 1s;

/// What a node had counted at one instant.
using NodeCounts = RecentCounts<Counter>;

/// How many instants a page keeps, a second apart: a minute, and some that are being written.
inline constexpr std::size_t kSnapshots = 64;

/// One node. One writer per word: the node's thread, but for what is of its thread, `busy_*`,
/// `hangs` and `snapshots`, which the host's supervising thread writes, and `log_level`, `safety`,
/// `outputs_shut` and `held`, which are anybody's of the host.
struct NodeStats : NodeCounters<Counter> {
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

  Cell<Rung> rung{};                   ///< Of its ladder,
  Cell<std::uint32_t> rung_recover{};  ///< the good ticks in a row that take it back,
  Cell<std::uint32_t> rung_good{};     ///< those that there are so far,
  Cell<std::uint32_t> rung_misses{};   ///< and the misses in a row that led to it.
  Gauge rung_since_ns{};               ///< Monotonic; 0: it is on none.
  Counter degrades{};                  ///< Times that its rate was halved.
  Gauge first_release_ns{};            ///< Monotonic; of this life; 0 before the first.
  Gauge last_release_ns{};             ///< Monotonic; of the latest tick.
  Counter began{};                     ///< cycle_count() at the start of the latest tick.
  Gauge last_execution_ns{};
  Counter stops_asked{};  ///< Times that an input became stale whose fallback is a stop.

  Gauge gil_lost_longest_ns{};       ///< The longest loss of the GIL that was timed,
  Cell<std::int32_t> gil_lost_to{};  ///< and the Linux thread that had it; 0: unknown.
  Cell<std::int32_t> last_cpu{};     ///< Of its thread.
  Counter cpu_time_ns{};             ///< Of its thread, since the first release.

  Gauge busy_since_ns{};         ///< Monotonic: when the callback began that takes kLongCall
  Cell<NodeActivity> busy_in{};  ///< and more, and which it is; 0: there is none.

  Cell<LogLevel> log_level{};  ///< Down to which its lines are written; 0: all.

  SafetyCell safety{};
  Cell<std::uint32_t> actuator{};              ///< 1: what it sends moves something.
  std::atomic<std::uint32_t> outputs_shut{0};  ///< 1: what it sends on its outputs is refused.

  std::array<NodeCounts, kSnapshots> snapshots{};  ///< Of HostStats::snapshot's instants.
  Failures failures{};
  StaleInputs stale{};

  Histogram lateness{};
  Histogram execution{};
  Histogram response{};
  Histogram skipped_response{};  ///< What the skipped releases would have seen.
  Histogram gil_wait{};          ///< Python nodes only; as is the next.
  Histogram gil_lost{};          ///< By tick that lost some; not those whose loss went unseen.
  Histogram awaited{};           ///< Async nodes only.
};

/// The number of the tick that runs, or comes next: those of this life that are over come before
/// it.
inline std::uint64_t current_tick(const NodeStats& node) noexcept {
  return node.ticks.value() - node.carried_ticks.value();
}

/// RT-safe. Whether what an actuator sends on its outputs goes out.
inline bool outputs_open(const NodeStats& node) noexcept {
  if (node.actuator.value() == 0) return true;
  return node.outputs_shut.load() == 0 && may_act(node.safety.value());
}

/// Where the messages of one owner are counted; null: nowhere. One writing thread at a time.
struct MessageCounters {
  Counter* sent = nullptr;
  Counter* bytes = nullptr;  ///< Of those.
  Counter* received = nullptr;
  Counter* dropped = nullptr;  ///< Refused at send, or missed by the subscriber.
  Counter* missed = nullptr;   ///< See NodeStats, as for the next two.
  Counter* refused = nullptr;
  Counter* passed_over = nullptr;
  const NodeName* node = nullptr;  ///< Whose; null: nobody's.
  NodeStats* whole = nullptr;      ///< Of a node that ticks: what messages' ages are told from.
};

inline void count(Counter* counter, std::uint64_t n = 1) noexcept {
  if (counter != nullptr) counter->add(n);
}

inline MessageCounters message_counters(NodeStats& node) noexcept {
  return {.sent = &node.messages_sent,
          .bytes = &node.bytes_sent,
          .received = &node.messages_received,
          .dropped = &node.messages_dropped,
          .missed = &node.messages_missed,
          .refused = &node.messages_refused,
          .passed_over = &node.messages_passed_over,
          .node = &node.name,
          .whole = &node};
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
  /// Of the same instants as NodeStats::snapshots.
  struct Snapshot {
    Gauge at_ns{};  ///< Monotonic.
    Counter lives{};
    Counter gc_forced{};
  };

  NodeName name{};
  Cell<std::int32_t> pid{};
  Cell<std::uint32_t> python{};  ///< 1: a Python host.
  Gauge epoch_ns{};              ///< Monotonic: release 0 of every node's grid.
  Counter lives{};               ///< 1 for the first; a restart after a crash adds one.
  Counter heartbeat{};           ///< Moves while the process does.
  Cell<std::uint32_t> ready{};   ///< 1: each periodic node has ticked.
  Cell<std::uint32_t> degradations{};
  Gauge rss_bytes{};                    ///< Resident memory of the process; about once a second.
  Cell<std::uint32_t> asks_realtime{};  ///< 1: what the machine does not grant is a fault.
  Cell<std::uint32_t> pad{};
  Cell<SafetyState> safety{};  ///< Of the whole host; for display.
  Cell<std::uint32_t> safety_pad{};
  Seqlock<StopNote> stop{};  ///< Why it is at rest, or was last.
  Counter rejected{};        ///< Files of others in shared memory that were not used.
  Counter snapshots{};       ///< Taken so far, by all lives; the latest is at (snapshots - 1).
  std::array<Snapshot, kSnapshots> snapshot{};
  std::array<DegradationRecord, kMaxDegradations> degradation{};
  GcStats gc{};
};

static_assert(sizeof(NodeStats) % 8 == 0 && sizeof(HostStats) % 8 == 0);

/// What `node` has counted by now, into `counts`.
void take_counts(const NodeStats& node, NodeCounts& counts) noexcept;
/// Takes the next snapshot of a host. From one thread, about once a second.
void take_snapshot(HostStats& host, std::span<NodeStats> nodes, TimePoint now) noexcept;
/// Collections of the collector that had no slack, of all generations.
std::uint64_t forced_collections(const GcStats& gc) noexcept;

}  // namespace horus
