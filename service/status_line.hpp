// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "service/wire/health.hpp"

namespace horus::service {

/// What the STATUS= line is made of.
struct StatusFacts {
  std::optional<wire::HealthView> verdict{};  ///< Not while it starts.
  bool realtime = true;                       ///< False: [realtime] mode = "off".
  std::vector<std::string> degraded;          ///< Features, in order.
  double rate_hz = 0;                         ///< Of the fastest node; 0: no node has a rate.
  std::uint64_t misses = 0;
  std::uint64_t ticks = 0;
  std::int64_t wake_p99_ns = 0;
  std::int64_t wake_max_ns = 0;
  std::size_t python_ready = 0;
  std::size_t python_total = 0;
  std::int64_t gc_longest_ns = 0;
  std::string note;  ///< "reload rejected: ..."; empty: none.
};

/// Adds a C++ host's nodes to the facts.
void add_nodes(StatusFacts& facts, std::span<const NodeStats> nodes);
/// Adds a Python host's collector pauses.
void add_pauses(StatusFacts& facts, const GcStats& gc);

/// One line for the operator of `systemctl status`.
std::string status_line(const StatusFacts& facts);

/// When to tell: at once when something other than a number that always moves has changed, else
/// every kInterval.
class StatusPace {
 public:
  static constexpr Nanos kInterval = 5s;

  bool due(const StatusFacts& facts, TimePoint now);

 private:
  std::string state_;
  TimePoint told_{};
};

}  // namespace horus::service
