// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <horus/time.hpp>

#include "rt/base/host_state.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::wire {

// Statistics as plain values: a service sends them, and a client prints them. Durations are in
// microseconds unless a field's name says seconds; only histogram buckets are in nanoseconds.

/// Pairs of bucket index and count. Empty buckets are left out.
using HistogramBuckets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// A histogram of durations. The buckets are those of rt/base/histogram.hpp ("ll5").
struct HistogramView {
  std::uint64_t count = 0;
  double min_us = 0;
  double mean_us = 0;
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  HistogramBuckets buckets{};
};

/// What a node counted in the last 10 s or minute; in a younger host since its start.
using WindowView = RecentCounts<std::uint64_t>;

/// A subscription whose newest message is older than its time-out.
struct StaleView {
  std::string topic;
  std::string publisher;  ///< The node that sent the newest message; empty: unknown, or none came.
  bool came = false;      ///< A message has come at all.
  double age_s = 0;       ///< Age of the newest message; if none came, how long the input is stale.
  double timeout_s = 0;   ///< Of the subscription.
  bool stops = false;     ///< The subscription's fallback is an emergency stop.
};

/// One node: its counters, and the rest of its statistics.
struct NodeView : NodeCounters<std::uint64_t> {
  std::string name;
  std::string node_class;
  std::string state;
  std::string busy_in;   ///< The callback that takes long: "init", "tick", "shutdown"; else empty.
  double busy_s = 0;     ///< How long that callback has been running.
  std::string safety{};  ///< E.g. "armed", "estopped".
  bool actuator = false;
  double rate_hz = 0;              ///< 0: the node has no rate.
  std::string rung;                ///< The rung of its ladder that it is on; empty: none.
  double rung_s = 0;               ///< How long it has been on that rung.
  std::uint64_t rung_misses = 0;   ///< Deadlines missed in a row that led to that rung.
  std::uint64_t rung_good = 0;     ///< Good ticks in a row since then.
  std::uint64_t rung_recover = 0;  ///< Good ticks in a row that take it off the rung.
  WindowView last_10s{};
  WindowView last_minute{};
  double elapsed_s = 0;  ///< Last release - first release + period, of this life.
  std::int64_t order = 0;
  std::int64_t priority = 0;
  std::int64_t cpu = -1;
  std::int64_t tid = 0;  ///< Linux thread that ticks it.
  double budget_us = 0;
  double deadline_us = 0;
  HistogramView lateness;                 ///< Start - release.
  HistogramView execution;                ///< Finish - start.
  HistogramView response;                 ///< Finish - release.
  HistogramView skipped_response;         ///< What the skipped releases would have seen.
  std::optional<HistogramView> gil_wait;  ///< Waits for the GIL; Python nodes only.
  std::optional<HistogramView> gil_lost;  ///< Time lost by ticks that lost the GIL; Python only.
  std::optional<HistogramView> awaited;   ///< What ticks awaited; async nodes only.
  std::int64_t gil_lost_to = 0;           ///< Linux thread that took the GIL; 0: unknown.
  std::vector<StaleView> stale{};         ///< Inputs that are stale now.
  double cpu_time_s = 0;
  std::int64_t last_cpu = 0;
};

/// One generation of the garbage collector of a Python host.
struct GcView {
  std::int64_t generation = 0;
  std::uint64_t collections = 0;
  std::uint64_t forced = 0;         ///< Collections without enough slack.
  std::uint64_t collected = 0;      ///< Objects that were freed.
  std::uint64_t uncollectable = 0;  ///< Objects that could not be freed.
  HistogramView pause;              ///< How long collections took.
  double longest_us = 0;            ///< The longest one.
  std::uint64_t longest_tick = 0;   ///< The tick at which that was.
};

/// A real-time setting that was not granted.
struct DegradationView {
  std::string feature;
  std::string reason;
  std::string severity;  ///< "info", "warning", "error".
  std::string fix;       ///< What to do about it.
};

/// One host.
struct HostView {
  std::string name;
  std::int64_t pid = 0;
  bool alive = false;
  bool ready = false;       ///< Each periodic node has ticked.
  std::string kind;         ///< "cpp" or "python".
  std::uint64_t lives = 0;  ///< 1 for the first life; a restart after a crash adds one.
  std::uint64_t restarts_last_minute = 0;
  std::uint64_t gc_forced_last_minute = 0;  ///< Collections without enough slack.
  /// Time since the host counted last. At most about 1 s in a host that lives and moves; 0 in one
  /// that is not ready yet.
  double silent_s = 0;
  bool asks_realtime = false;  ///< A setting that is not granted is a fault, not just a note.
  std::string safety{};        ///< Safety state of the whole host.
  std::string stop_cause{};    ///< Why it is at rest; empty: it is not.
  std::string stop_text{};     ///< The same in words.
  double uptime_s = 0;
  std::int64_t rss_bytes = 0;        ///< Resident memory.
  std::int64_t gc_objects = 0;       ///< Objects that the collector knows, an estimate; 0 in C++.
  std::uint64_t gc_freezes = 0;      ///< Freezes in place of a collection; 0 in C++ hosts.
  std::uint64_t rejected_files = 0;  ///< Files of others in shared memory that it did not use.
  std::vector<DegradationView> degradations;
  std::vector<GcView> gc;  ///< Empty in C++ hosts.
  std::vector<NodeView> nodes;
};

/// The statistics of all hosts.
struct StatsView {
  std::string version;            ///< Of the protocol.
  std::int64_t monotonic_us = 0;  ///< When it was read.
  std::string boot_id;            ///< The kernel's; monotonic times of another boot do not compare.
  bool truncated = false;         ///< A limit left out hosts or nodes.
  std::vector<HostView> hosts;
};

/// A host that should run according to the configuration in force.
struct ExpectedHost {
  /// What the supervisor's board says of it.
  struct Said {
    HostState state{};
    bool badly = false;  ///< Its last end was not a success.
    double for_s = 0;    ///< How long `state` has lasted.
    std::string why;     ///< Stage of its start, or why it ended; empty: not known.
  };
  std::string name;
  std::string kind;            ///< "cpp" or "python".
  std::optional<Said> said{};  ///< Nothing: no supervisor tells.

  /// It has ended with success and is not started again.
  bool ended_well() const noexcept {
    return said && said->state == HostState::kEnded && !said->badly;
  }
};

/// A callback that has been running for long.
struct LongCall {
  NodeActivity in{};
  std::int64_t since_ns = 0;  ///< Monotonic time at which it began.
};
/// The long callback that a node of a living host is in; nothing: none. An async node that only
/// awaits also counts, once ten of its periods, and at least 1 s, have passed since its last
/// release.
std::optional<LongCall> long_call_of(const HostStats& host, const NodeStats& node,
                                     TimePoint now) noexcept;

// The calls below copy statistics out of memory that another process writes at the same time. They
// trust nothing in it: no count leads beyond an array. From any thread; not RT-safe. `alive`: the
// page's owner lives.

/// A host with all its nodes. The uptime of a living host ends at `now`, that of a dead one at its
/// last release.
HostView read_host(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                   TimePoint now = MonotonicClock::now());
/// A host without its nodes. `nodes` are needed for the uptime of a dead host.
HostView read_host_alone(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                         TimePoint now = MonotonicClock::now());
/// One node of a host.
NodeView read_node(const HostStats& host, const NodeStats& node, bool alive,
                   TimePoint now = MonotonicClock::now());
/// What judge() needs: a host with its nodes, without the nodes' histograms.
HostView read_for_verdict(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                          TimePoint now = MonotonicClock::now());
HistogramView read_histogram(const Histogram& histogram);
/// A reply with these hosts; fills in version, time and boot id.
StatsView stats_of(std::vector<HostView> hosts, TimePoint now = MonotonicClock::now());

}  // namespace horus::wire
