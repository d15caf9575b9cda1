// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

namespace horus::wire {

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
  std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets{};  ///< Index and count; no zeros.
};

struct NodeView {
  std::string name;
  std::string node_class;
  std::string state;
  double rate_hz = 0;  ///< 0: none.
  std::uint64_t ticks = 0;
  std::uint64_t skipped = 0;
  std::uint64_t carried_ticks = 0;
  std::uint64_t carried_skipped = 0;
  std::uint64_t misses = 0;
  std::uint64_t consecutive_misses = 0;
  std::uint64_t overruns = 0;
  std::uint64_t errors = 0;
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
  std::optional<HistogramView> gil_wait;     ///< Python nodes only, as is the next.
  std::optional<HistogramView> gil_lost;     ///< What ticks lost that lost the GIL and were timed.
  std::uint64_t gil_losses = 0;              ///< Ticks that lost the GIL.
  std::uint64_t gil_lost_tick = 0;           ///< The tick of the longest loss that was timed,
  std::int64_t gil_lost_to = 0;              ///< and the Linux thread that had the GIL; 0: unknown.
  std::uint64_t gil_long_waits = 0;          ///< Waits for the GIL of 100 ms and more.
  std::uint64_t gil_long_waits_off_cpu = 0;  ///< Those whose holder was kept off its CPU.
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
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
  double uptime_s = 0;
  std::int64_t rss_bytes = 0;
  std::int64_t gc_objects = 0;   ///< An estimate; 0 in C++ hosts.
  std::uint64_t gc_freezes = 0;  ///< 0 in C++ hosts.
  std::vector<DegradationView> degradations;
  std::vector<GcView> gc;  ///< Python hosts only.
  std::vector<NodeView> nodes;
};

struct StatsView {
  std::string version;
  std::int64_t monotonic_us = 0;
  std::string boot_id;
  std::vector<HostView> hosts;
};

/// What the configuration in force expects to run: io.horus.Stats.Describe.
struct ExpectedHost {
  std::string name;
  std::string kind;  ///< "cpp" or "python".
};
struct ServiceView {
  std::string version;  ///< Of the protocol.
  std::int64_t pid = 0;
  std::vector<std::string> config;  ///< The files that were read, in order.
  std::vector<ExpectedHost> hosts;
};

/// Copies a host's statistics out of the memory that its owner writes; never trusts a count in
/// it. `now` gives the uptime of a living host; that of a dead one ends at its last release.
HostView read_host(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                   TimePoint now = MonotonicClock::now());
HistogramView read_histogram(const Histogram& histogram);
/// Fills version, time and boot id.
StatsView stats_of(std::vector<HostView> hosts, TimePoint now = MonotonicClock::now());

}  // namespace horus::wire
