// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"
#include "service/wire/health.hpp"

namespace horus::service {

/// What the STATUS= line says.
struct StatusFacts {
  std::optional<wire::HealthView> verdict{};  ///< Nothing while the robot starts.
  bool realtime = true;                       ///< False: [realtime] mode = "off".
  std::vector<std::string> degraded;          ///< Real-time features that were not granted.
  double rate_hz = 0;                         ///< Of the fastest node; 0: no node has a rate.
  std::uint64_t misses = 0;                   ///< Missed deadlines of all C++ nodes.
  std::uint64_t ticks = 0;                    ///< Ticks of all C++ nodes.
  std::int64_t wake_p99_ns = 0;               ///< Lateness of the ticks of nodes with a rate, p99.
  std::int64_t wake_max_ns = 0;               ///< The largest such lateness.
  std::size_t python_ready = 0;               ///< Python hosts that are ready.
  std::size_t python_total = 0;               ///< Python hosts that are configured.
  std::int64_t gc_longest_ns = 0;             ///< Longest garbage collection in a Python host.
  std::string note;                           ///< E.g. "reload rejected: ..."; empty: none.
};

/// Adds the nodes of the C++ host: misses, ticks, rate and lateness. To be called once.
void add_nodes(StatusFacts& facts, std::span<const NodeStats> nodes);
/// Adds the garbage collection of one Python host.
void add_pauses(StatusFacts& facts, const GcStats& gc);

/// One line for `systemctl status`.
std::string status_line(const StatusFacts& facts);

/// Decides when the status line is sent: at once when the verdict, real time, the Python hosts or
/// the note has changed, else every kInterval, as the numbers in it always change.
class StatusPace {
 public:
  static constexpr Nanos kInterval = 5s;

  /// Whether to send it now; if so, it takes the line as sent.
  bool due(const StatusFacts& facts, TimePoint now);

 private:
  std::string state_;  ///< The line without its numbers, as last sent.
  TimePoint told_{};   ///< When it was last sent.
};

}  // namespace horus::service
