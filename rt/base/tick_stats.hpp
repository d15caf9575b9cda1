// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <horus/log.hpp>
#include <horus/node.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

#include "rt/base/counter.hpp"
#include "rt/base/failures.hpp"
#include "rt/base/histogram.hpp"
#include "rt/base/node_counters.hpp"
#include "rt/base/safety.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/stale_inputs.hpp"

namespace horus {

/// The layout of a host's statistics. `rt` and `pyhost` write them in place, in memory that they
/// are given: a shared page, or the heap in a test. All other processes map them read-only. Zeroed
/// memory is a valid empty block. Definitions (all on CLOCK_MONOTONIC):
///   lateness = start - release          (the wait for the GIL is part of it)
///   execution = finish - start - awaited
///   response = finish - release
///   awaited = time within the tick in which its coroutine waited and ran no code (async nodes)
///   lost = part of the execution in which another thread had the GIL that the tick wanted (Python)
///   miss: response > deadline; at most one per tick
///   overrun: execution - lost > budget; independent of a miss
///   skipped: whole releases given up, floor((wake - release) / period); they never count as misses

/// Where a node is in its life. kError: isolated, or waits for its restart. kCrashed: its init()
/// failed, or its failure policy ended the run.
enum class NodeState : std::uint32_t {
  kUninitialized,
  kInitializing,
  kRunning,
  kStopping,
  kStopped,
  kError,
  kCrashed
};

/// The rungs of the ladder that a node climbs while it keeps missing deadlines, see ladder.hpp.
enum class Rung : std::uint32_t {
  kNone,      ///< Not on the ladder.
  kWarned,    ///< A warning was logged.
  kDegraded,  ///< The node runs at half its rate.
  kIsolated,  ///< The node is in safe state, and its readers take their fallbacks.
  kStopped,   ///< The node has stopped the run.
};

/// Which of a node's callbacks is running.
enum class NodeActivity : std::uint32_t { kNone, kInit, kTick, kShutdown, kSafeState };

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

/// Waits for the GIL of at least this length also count as gil_long_waits.
inline constexpr Nanos kLongGilWait = 100ms;

/// A received message is old if it was sent more than kOldPeriods periods of its reader, and more
/// than kOldAtLeast, before the tick that receives it. See NodeCounters::messages_old.
inline constexpr int kOldPeriods = 10;
inline constexpr Nanos kOldAtLeast = 100ms;

/// A callback that has run for at least this long is shown in `busy_in` and `busy_since_ns`.
inline constexpr Nanos kLongCall = 1s;

/// The counters of a node at one instant.
using NodeCounts = RecentCounts<Counter>;

/// How many snapshots a page keeps, about one a second: a minute, and a few to spare, so that the
/// one that is being written is not among the last minute's.
inline constexpr std::size_t kSnapshots = 64;

/// What every tick of a node touches. With the first counters it fills one cache line: after a
/// rest a tick pays for each line that has left the cache.
struct LatestTick {
  Counter began{};                 ///< cycle_count() at the start of the latest tick.
  Gauge last_release_ns{};         ///< Release of the latest tick, monotonic.
  Gauge last_execution_ns{};       ///< Execution time of the latest tick.
  Counter stops_asked{};           ///< How often an input whose fallback is "stop" became stale.
  SafetyCell safety{};             ///< Whether the node may act.
  Cell<std::uint32_t> actuator{};  ///< 1: what it sends moves something.
};
static_assert(sizeof(LatestTick) + 3 * sizeof(Counter) == 64);

/// The statistics of one node.
///
/// Thread safety: one writer per word, readers in any thread or process. The node's own thread is
/// the writer, with two exceptions. The host's supervising thread writes `hangs`, `busy_*`,
/// `snapshots`, and what the kernel counts for the node's thread: faults, switches, `cpu_time_ns`
/// and `last_cpu`. Any thread of the host may write `state`, `log_level`, `safety`, `outputs_shut`
/// and `held`.
struct alignas(64) NodeStats : LatestTick, NodeCounters<Counter> {
  NodeName name{};                ///< Written once, before the node first ticks.
  Cell<NodeClass> node_class{};   ///< Written once, before the node first ticks.
  Cell<NodeState> state{};        ///< Where the node is in its life.
  Cell<std::int32_t> order{};     ///< NodeConfig::order.
  Cell<std::int32_t> priority{};  ///< SCHED_FIFO priority wanted, 0: none.
  Cell<std::int32_t> cpu{};       ///< CPU index, -1: any of the host's.
  Cell<std::int32_t> tid{};       ///< Linux thread id of its executor, 0 before start.
  Gauge period_ns{};              ///< 0: no rate (event nodes).
  Gauge budget_ns{};              ///< 0: none.
  Gauge deadline_ns{};            ///< 0: none.

  Cell<Rung> rung{};                   ///< The rung of its ladder that the node is on.
  Cell<std::uint32_t> rung_recover{};  ///< Good ticks in a row that take it off the ladder.
  Cell<std::uint32_t> rung_good{};     ///< Good ticks in a row so far, counted on the ladder.
  Cell<std::uint32_t> rung_misses{};   ///< Misses in a row that led to the present rung.
  Gauge rung_since_ns{};               ///< When it reached the rung, monotonic; 0: it is on none.
  Counter degrades{};                  ///< How often its rate was halved.
  Gauge first_release_ns{};            ///< First release of this life, monotonic; 0 before it.

  Gauge gil_lost_longest_ns{};       ///< The longest measured loss of the GIL in one tick.
  Cell<std::int32_t> gil_lost_to{};  ///< Linux thread that had the GIL in it; 0: unknown.
  Cell<std::int32_t> last_cpu{};     ///< CPU on which its thread ran last.
  Counter cpu_time_ns{};             ///< CPU time of its thread since the first release.

  Gauge busy_since_ns{};         ///< Start of the callback in `busy_in`, monotonic; 0: none.
  Cell<NodeActivity> busy_in{};  ///< The callback that has run for kLongCall or more; 0: none.

  Cell<LogLevel> log_level{};  ///< Less urgent lines of the node are dropped; 0: all are kept.

  std::atomic<std::uint32_t> outputs_shut{0};  ///< 1: what it sends on its outputs is refused.

  std::array<NodeCounts, kSnapshots> snapshots{};  ///< At the instants of HostStats::snapshot.
  Failures failures{};                             ///< The latest exceptions of its callbacks.
  StaleInputs stale{};                             ///< Its inputs that have a time-out.

  alignas(64) Histogram lateness{};
  alignas(64) Histogram execution{};
  alignas(64) Histogram response{};
  Histogram skipped_response{};  ///< From each skipped release to the start of the next tick.
  Histogram gil_wait{};          ///< Waits for the GIL before a tick. Python nodes only.
  Histogram gil_lost{};          ///< Measured GIL losses, one entry per tick. Python nodes only.
  Histogram awaited{};           ///< Awaited time per tick. Async nodes only.
};

/// RT-safe. The number of the running tick, or of the next one when none runs. Numbers count from 0
/// in each life of the host.
inline std::uint64_t current_tick(const NodeStats& node) noexcept {
  return node.ticks.value() - node.carried_ticks.value();
}

/// RT-safe. Whether messages that the node sends on its outputs go out. Always true for a node that
/// is no actuator.
inline bool outputs_open(const NodeStats& node) noexcept {
  if (node.actuator.value() == 0) return true;
  return node.outputs_shut.load() == 0 && may_act(node.safety.value());
}

/// Where the messages of one publisher or subscriber are counted. A null pointer counts nowhere.
///
/// Thread safety: one writing thread at a time.
struct MessageCounters {
  Counter* sent = nullptr;         ///< Messages sent.
  Counter* bytes = nullptr;        ///< Bytes of the messages sent.
  Counter* received = nullptr;     ///< Messages received.
  Counter* dropped = nullptr;      ///< Refused at send, or missed by the subscriber.
  Counter* missed = nullptr;       ///< See NodeCounters::messages_missed.
  Counter* refused = nullptr;      ///< See NodeCounters::messages_refused.
  Counter* passed_over = nullptr;  ///< See NodeCounters::messages_passed_over.
  const NodeName* node = nullptr;  ///< The node that owns the counters; null: no node.
  NodeStats* whole = nullptr;      ///< The owner's statistics, which tell a message's age; or null.
};

/// RT-safe. Adds `n` to `counter`, if that is not null.
inline void count(Counter* counter, std::uint64_t n = 1) noexcept {
  if (counter != nullptr) counter->add(n);
}

/// The message counters of a node that ticks. They refer into `node`.
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
    Histogram pause{};        ///< Duration of each collection.
    Counter collections{};    ///< Collections.
    Counter collected{};      ///< Objects collected.
    Counter uncollectable{};  ///< Objects found that could not be collected.
    Counter forced{};         ///< Collections without enough slack before the next release.
    Gauge longest_ns{};       ///< The longest collection.
    Counter longest_tick{};   ///< Tick number, at that time, of the node that ran or ran last.
  };
  std::array<Generation, 3> generation{};
  Counter finished{};  ///< Collections of all generations. With the GIL: not ahead of the others.
  Counter freezes{};   ///< How often a freeze replaced a collection for which there was no slack.
  /// Objects that the collector tracks, an estimate. They are counted before the first tick and,
  /// where the slack allows, after a full collection. In between CPython's count of allocations
  /// minus deallocations is added at each collection; this reads too high after many objects were
  /// freed at once.
  Gauge objects{};
};

/// A real-time setting that was wanted and not granted. See Degradation.
struct DegradationRecord {
  Name<32> feature{};              ///< "fifo", "memlock", "cpu_isolation", ...
  Name<160> reason{};              ///< What refused, and why.
  Name<160> fix{};                 ///< What to do about it.
  Cell<std::uint32_t> severity{};  ///< 0 info, 1 warning, 2 error.
  Cell<std::uint32_t> pad{};
};

/// The statistics of one host (process).
///
/// Thread safety: one writer per word, readers in any thread or process.
struct alignas(64) HostStats {
  static constexpr std::size_t kMaxDegradations = 16;
  /// The host's part of a snapshot, taken at the same instant as NodeStats::snapshots.
  struct Snapshot {
    Gauge at_ns{};        ///< When it was taken, monotonic.
    Counter lives{};      ///< HostStats::lives at that time.
    Counter gc_forced{};  ///< forced_collections() at that time.
  };

  NodeName name{};
  Cell<std::int32_t> pid{};
  Cell<std::uint32_t> python{};         ///< 1: a Python host.
  Gauge epoch_ns{};                     ///< Release 0 of every node's grid, monotonic.
  Counter lives{};                      ///< 1 for the first; a restart after a crash adds one.
  Counter heartbeat{};                  ///< Grows while the supervising thread runs.
  Cell<std::uint32_t> ready{};          ///< 1: see Scheduler::ready().
  Cell<std::uint32_t> degradations{};   ///< How many entries of `degradation` are used.
  Gauge rss_bytes{};                    ///< Resident memory of the process; about once a second.
  Cell<std::uint32_t> asks_realtime{};  ///< 1: a setting that the machine refuses is a fault.
  Cell<std::uint32_t> pad{};
  Cell<SafetyState> safety{};  ///< State of the whole host; for display only.
  Cell<std::uint32_t> safety_pad{};
  Seqlock<StopNote> stop{};  ///< Why the host is at rest, or was at rest last.
  Counter rejected{};        ///< Files of other processes in shared memory that were not used.
  Counter snapshots{};  ///< Taken so far in all lives. The latest: (snapshots - 1) % kSnapshots.
  std::array<Snapshot, kSnapshots> snapshot{};
  std::array<DegradationRecord, kMaxDegradations> degradation{};
  GcStats gc{};
};

static_assert(sizeof(NodeStats) % 8 == 0 && sizeof(HostStats) % 8 == 0);

/// Copies the present counters of `node` into `counts`.
void take_counts(const NodeStats& node, NodeCounts& counts) noexcept;
/// Takes the next snapshot of the host and of `nodes`, at `now`. Call it from one thread, about
/// once a second.
void take_snapshot(HostStats& host, std::span<NodeStats> nodes, TimePoint now) noexcept;
/// The number of forced collections (GcStats::Generation::forced), over all generations.
std::uint64_t forced_collections(const GcStats& gc) noexcept;

}  // namespace horus
