// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rt/base/host_state.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

namespace horus::wire {

/// Index and count; no zeros.
using HistogramBuckets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// Statistics as values: what is sent, and what a client prints. Durations that people read are
/// in microseconds; buckets are those of rt/base/histogram.hpp ("ll5").
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

/// What was counted lately. A host that is younger than the window: since its start.
using WindowView = RecentCounts<std::uint64_t>;

/// A subscription whose newest message is older than its time-out.
struct StaleView {
  std::string topic;
  std::string publisher;  ///< The node that sent it; empty: not known, or none came.
  bool came = false;      ///< There was one.
  double age_s = 0;       ///< Of that; else since when it is stale.
  double timeout_s = 0;
  bool stops = false;  ///< Its fallback is an emergency stop.
};

struct NodeView : NodeCounters<std::uint64_t> {
  std::string name;
  std::string node_class;
  std::string state;
  std::string busy_in;   ///< The callback that takes long: "init", "tick", "shutdown"; else empty.
  double busy_s = 0;     ///< How long it has been running.
  std::string safety{};  ///< "armed", "estopped".
  bool actuator = false;
  double rate_hz = 0;              ///< 0: none.
  std::string rung;                ///< Of its ladder; empty: it is on none.
  double rung_s = 0;               ///< Since when.
  std::uint64_t rung_misses = 0;   ///< In a row, that led to it.
  std::uint64_t rung_good = 0;     ///< Good ticks in a row since,
  std::uint64_t rung_recover = 0;  ///< of those that take it back.
  WindowView last_10s{};
  WindowView last_minute{};
  double elapsed_s = 0;  ///< Last release - first release + period, of this life.
  std::int64_t order = 0;
  std::int64_t priority = 0;
  std::int64_t cpu = -1;
  std::int64_t tid = 0;
  double budget_us = 0;
  double deadline_us = 0;
  HistogramView lateness;
  HistogramView execution;
  HistogramView response;
  HistogramView skipped_response;
  std::optional<HistogramView> gil_wait;  ///< Python nodes only, as is the next.
  std::optional<HistogramView> gil_lost;  ///< What ticks lost that lost the GIL and were timed.
  std::optional<HistogramView> awaited;   ///< Async nodes only: what their ticks waited.
  std::int64_t gil_lost_to = 0;           ///< To which Linux thread; 0: unknown.
  std::vector<StaleView> stale{};         ///< Those inputs that are so now.
  double cpu_time_s = 0;
  std::int64_t last_cpu = 0;
};

struct GcView {
  std::int64_t generation = 0;
  std::uint64_t collections = 0;
  std::uint64_t forced = 0;
  std::uint64_t collected = 0;
  std::uint64_t uncollectable = 0;
  HistogramView pause;
  double longest_us = 0;
  std::uint64_t longest_tick = 0;
};

struct DegradationView {
  std::string feature;
  std::string reason;
  std::string severity;  ///< "info", "warning", "error".
  std::string fix;
};

struct HostView {
  std::string name;
  std::int64_t pid = 0;
  bool alive = false;
  bool ready = false;
  std::string kind;  ///< "cpp" or "python".
  std::uint64_t lives = 0;
  std::uint64_t restarts_last_minute = 0;
  std::uint64_t gc_forced_last_minute = 0;  ///< Collections without enough slack.
  double silent_s = 0;                      ///< Since a dead host counted last; 0 while it lives.
  bool asks_realtime = false;               ///< What the machine does not grant is a fault.
  std::string safety{};                     ///< Of the whole host.
  std::string stop_cause{};                 ///< Why it is at rest; else empty.
  std::string stop_text{};
  double uptime_s = 0;
  std::int64_t rss_bytes = 0;
  std::int64_t gc_objects = 0;   ///< An estimate; 0 in C++ hosts.
  std::uint64_t gc_freezes = 0;  ///< 0 in C++ hosts.
  std::uint64_t rejected_files = 0;
  std::vector<DegradationView> degradations;
  std::vector<GcView> gc;  ///< Python hosts only.
  std::vector<NodeView> nodes;
};

struct StatsView {
  std::string version;
  std::int64_t monotonic_us = 0;
  std::string boot_id;
  bool truncated = false;  ///< There are more nodes than a reply holds.
  std::vector<HostView> hosts;
};

/// What the configuration in force expects to run.
struct ExpectedHost {
  /// What its supervisor says of it.
  struct Said {
    HostState state{};
    bool badly = false;  ///< Its last end was none that it came to well.
    double for_s = 0;    ///< `state` has lasted so long.
    std::string why;     ///< What its start is at, or why it ended; empty: it did not say.
  };
  std::string name;
  std::string kind;  ///< "cpp" or "python".
  std::optional<Said> said{};

  bool ended_well() const noexcept {
    return said && said->state == HostState::kEnded && !said->badly;
  }
};

/// A callback that has run for long.
struct LongCall {
  NodeActivity in{};
  std::int64_t since_ns = 0;  ///< Monotonic.
};
/// That a living host's node is in; the tick of an async node also where it only awaits, once ten
/// of its periods, and a second, have passed.
std::optional<LongCall> long_call_of(const HostStats& host, const NodeStats& node,
                                     TimePoint now) noexcept;

/// Copies a host's statistics out of the memory that its owner writes; never trusts a count in
/// it. `now` gives the uptime of a living host; that of a dead one ends at its last release.
HostView read_host(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                   TimePoint now = MonotonicClock::now());
/// The same without its nodes, and one of them.
HostView read_host_alone(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                         TimePoint now = MonotonicClock::now());
NodeView read_node(const HostStats& host, const NodeStats& node, bool alive,
                   TimePoint now = MonotonicClock::now());
/// What a verdict needs: a host with its nodes, without the histograms.
HostView read_for_verdict(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                          TimePoint now = MonotonicClock::now());
HistogramView read_histogram(const Histogram& histogram);
/// Fills version, time and boot id.
StatsView stats_of(std::vector<HostView> hosts, TimePoint now = MonotonicClock::now());

}  // namespace horus::wire
