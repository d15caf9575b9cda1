// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/words.hpp"
#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// How a robot is. The numbers are exit codes.
enum class Health { kHealthy = 0, kDegraded = 1, kFailed = 2 };
constexpr auto words_of(Health /*any*/) noexcept {
  return words_in_order<Health>("healthy", "degraded", "failed");
}

/// Above which number a robot is degraded. Nothing: it is not judged.
struct HealthLimits {
  using Number = std::optional<double>;

  Number late = 1.0;         ///< Percent of the releases of 10 s that were late or skipped,
  Number late_minute = 0.1;  ///< and of a minute. A single one never counts.
  // How often in a minute.
  Number overruns{};   ///< Ticks over their budget.
  Number errors = 0;   ///< Exceptions.
  Number hangs = 0;    ///< Silences over the watchdog's limit.
  Number missed = 0;   ///< Messages that were overwritten while the node wanted them.
  Number old = 10;     ///< Ticks whose first message was an old one, see kOldPeriods.
  Number refused{};    ///< Messages that were refused at send.
  Number gil_waits{};  ///< Waits for the GIL of 100 ms and more.
  // The same, of a host.
  Number gc_forced{};   ///< Collections for which there was no slack.
  Number restarts = 0;  ///< Lives after the first.
};

/// Limits of a node, of all nodes of a host, or of the one in the other.
struct LimitRule {
  std::string host;  ///< Empty: any.
  std::string node;  ///< Empty: any, and the host itself.
  HealthLimits limits{};
};

/// Why a robot is not healthy.
struct Reason {
  Health health = Health::kDegraded;
  std::string host;
  std::string node;    ///< Empty: it is the host's.
  std::string text;    ///< Who, and the number.
  std::string advice;  ///< What to do.
  /// Tells it from others with the same advice, whatever the numbers are; not part of the reply.
  std::string cause{};

  /// Stays the same while numbers move.
  std::string key() const { return host + '\n' + node + '\n' + advice + '\n' + cause; }
  std::string line() const { return advice.empty() ? text : text + "; " + advice; }
};

struct HostLine {
  std::string name;
  std::string kind;  ///< "cpp" or "python".
  /// "ready", "not ready", "dead", "missing"; of one without statistics what its supervisor says
  /// (to_text(HostState)).
  std::string state;
  std::int64_t pid = 0;
};

struct HealthView {
  Health health = Health::kHealthy;
  /// Every expected host is up and each of its periodic nodes has ticked, or it has ended well.
  bool ready = true;
  std::vector<HostLine> hosts;
  std::vector<Reason> reasons;  ///< The worst first.
  /// What the machine does not grant, and nobody asked for; what was not judged.
  std::vector<std::string> notes;
};

/// The verdict on a robot. `expected`: what is to run; each other host that lives is judged too.
/// Empty, where no service says: then also who has died in the last minute, or is a service.
HealthView judge(std::span<const HostView> hosts, std::span<const ExpectedHost> expected,
                 std::span<const LimitRule> rules = {});

/// "ready", "not ready" or "dead".
std::string state_text(const HostView& host);
/// "running", or "in its tick for 12 s".
std::string state_text(const NodeView& node);

/// Of a node that is on a rung of its ladder: "isolated, since 3 s, after 10 deadlines missed in a
/// row: ...; back after 100 good ticks in a row (42 so far)".
std::string rung_text(const NodeView& node);

/// The reply of io.horus.Stats.Health.
Json to_json(const HealthView& health);
Result<HealthView> health_from_json(const Json& json);

}  // namespace horus::wire
