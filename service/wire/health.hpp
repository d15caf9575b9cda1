// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <horus/result.hpp>
#include <horus/text.hpp>

#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// The overall health of a robot. The numbers are the exit codes of `horusctl status`.
enum class Health { kHealthy = 0, kDegraded = 1, kFailed = 2 };
constexpr auto words_of(Health /*any*/) noexcept {
  return words_in_order<Health>("healthy", "degraded", "failed");
}

/// Limits above which a node or host makes the robot "degraded". Nothing: not judged.
struct HealthLimits {
  using Number = std::optional<double>;

  // Percent of the releases of a node that were late or skipped. A single late one never counts.
  Number late = 1.0;         ///< In the last 10 s.
  Number late_minute = 0.1;  ///< In the last minute.
  // Counts of a node in the last minute.
  Number overruns{};   ///< Ticks over their budget.
  Number errors = 0;   ///< Exceptions.
  Number hangs = 0;    ///< Silences over the watchdog's limit.
  Number missed = 0;   ///< Messages that were overwritten while the node wanted them.
  Number old = 10;     ///< Ticks whose first message was too old, see kOldPeriods.
  Number refused{};    ///< Messages that were refused at send.
  Number gil_waits{};  ///< Waits of 100 ms and more for the GIL.
  // Counts of a host in the last minute.
  Number gc_forced{};   ///< Garbage collections without enough slack.
  Number restarts = 0;  ///< Restarts of the host.
};

/// Limits for one node, for a node's name in any host, or for all nodes of a host and the host
/// itself. Of several rules that fit, one that names a node wins, then one that names a host.
struct LimitRule {
  std::string host;  ///< Empty: any host.
  std::string node;  ///< Empty: any node, and the host itself.
  HealthLimits limits{};
};

/// One reason why a robot is not healthy.
struct Reason {
  Health health = Health::kDegraded;
  std::string host;
  std::string node;    ///< Empty: the reason concerns the whole host.
  std::string text;    ///< What is wrong, with names and numbers.
  std::string advice;  ///< What to do.
  /// Distinguishes reasons that have the same advice. Holds no changing numbers. Not sent.
  std::string cause{};

  /// Identifies the reason for as long as it lasts: the numbers in `text` are not part of it.
  std::string key() const { return host + '\n' + node + '\n' + advice + '\n' + cause; }
  /// The reason in one line.
  std::string line() const { return advice.empty() ? text : text + "; " + advice; }
};

/// One host in the verdict.
struct HostLine {
  std::string name;
  std::string kind;  ///< "cpp" or "python".
  /// "ready", "not ready", "dead", "starting" or "missing"; for a host that does not run, what its
  /// supervisor says (to_text(HostState)) if it does.
  std::string state;
  std::int64_t pid = 0;  ///< 0: it has no statistics.
};

/// The verdict on a robot.
struct HealthView {
  Health health = Health::kHealthy;
  /// Every expected host is ready, or has ended well and is not to run again.
  bool ready = true;
  std::vector<HostLine> hosts;
  std::vector<Reason> reasons;  ///< The worst first.
  /// Real-time settings that were not granted but that nobody asked for; what was not judged.
  std::vector<std::string> notes;
};

/// Judges a robot. `expected` are the hosts that should run; any other host that lives is judged as
/// well. Without `expected` (no service tells) dead hosts count, too: C++ hosts, and those that
/// died in the last minute. `rules`: see LimitRule; without a rule that fits the defaults hold.
/// Pure.
HealthView judge(std::span<const HostView> hosts, std::span<const ExpectedHost> expected,
                 std::span<const LimitRule> rules = {});

/// "ready", "not ready" or "dead".
std::string state_text(const HostView& host);
/// "running", or "in its tick for 12 s".
std::string state_text(const NodeView& node);

/// For a node that is on a rung of its ladder (node.rung is not empty): "isolated, since 3 s, after
/// 10 deadlines missed in a row: ...; back after 100 good ticks in a row (42 so far)".
std::string rung_text(const NodeView& node);

/// The reply of io.horus.Stats.Health.
Json to_json(const HealthView& health);
/// Reads that reply. kCorrupt if a field is missing or has a wrong type.
Result<HealthView> health_from_json(const Json& json);

}  // namespace horus::wire
