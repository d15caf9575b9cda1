// SPDX-License-Identifier: Apache-2.0
// How the daemon carries out emergency stops, releases, arming and disarming, here and in the
// Python hosts.
#include <algorithm>
#include <string>
#include <string_view>

#include "service/called_hosts.hpp"
#include "service/daemon.hpp"
#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::service {
namespace {

using Asked = SafetyRequest::Kind;

/// How long all hosts together have to answer. In each host a thread of its own does it, whatever
/// the nodes do.
constexpr Nanos kHostPatience = 100ms;

wire::Request request_of(const SafetyRequest& request) {
  wire::Request call;
  call.parameters = wire::Json::object();
  switch (request.kind) {
    case Asked::kEstop: call.method = wire::method::kControlEstop; break;
    case Asked::kRelease: call.method = wire::method::kControlRelease; break;
    case Asked::kMayRelease: call.method = wire::method::kControlMayRelease; break;
    case Asked::kArm: call.method = wire::method::kControlArm; break;
    case Asked::kDisarm: call.method = wire::method::kControlDisarm; break;
  }
  if (request.kind == Asked::kRelease) call.parameters["reason"] = request.text;
  if (!request.node.empty()) call.parameters["node"] = request.node;
  return call;
}

}  // namespace

Status Daemon::change_safety(const SafetyRequest& request) {
  if (!robot_) return Error{Errc::kBusy, "the robot is still starting", 0, {}};
  switch (request.kind) {
    case Asked::kEstop:
      // The hosts read our stop word in shared memory, so they need no call.
      robot_->estop(StopCause::kCommand, request.text.empty() ? "asked for" : request.text);
      return {};
    case Asked::kMayRelease: return may_release();
    case Asked::kRelease: {
      if (auto may = may_release(); !may) return may;
      if (auto released = robot_->release(); !released) return released;
      journal_.say(LogLevel::kWarning, "released: " + request.text);
      return relay_safety(request, true);
    }
    case Asked::kArm:
    case Asked::kDisarm: break;
  }
  const bool arms = request.kind == Asked::kArm;
  if (auto whole = arms ? robot_->is_whole() : Status{}; !whole) return whole;
  const Status own = arms ? robot_->arm(request.node) : robot_->disarm(request.node);
  const bool elsewhere = !own && own.error().code == Errc::kNotFound;
  if (!own && !elsewhere) return own;
  if (own && !request.node.empty()) return own;
  const Status others = relay_safety(request, static_cast<bool>(own));
  // All or none: after a failure everything that was armed by now is disarmed again.
  if (arms && !others) {
    if (own) static_cast<void>(robot_->disarm(request.node));
    static_cast<void>(relay_safety({.kind = Asked::kDisarm, .node = request.node}, true));
  }
  return others;
}

/// kBusy while the cause of a stop persists, in this process or in a configured host. A host that
/// does not answer is dead or hung. If it is critical, it refuses too; if not, the rest of the
/// robot can do without it and may be released.
Status Daemon::may_release() {
  if (auto may = robot_->ask_to_release(); !may) return may;
  const auto hosts = called_hosts(paths_.base, configured_hosts(config_), [&](const auto& page) {
    return page.host().name.view() != config_.robot.name;
  });
  const std::span<const wire::HostPlace> places = hosts.places;
  const auto answers = wire::call_hosts(places.first(hosts.configured),
                                        request_of({.kind = Asked::kMayRelease}), kHostPatience);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) continue;
    const bool refuses = answers[i].error().what == std::string_view{wire::kHostRefuses};
    const bool critical = std::ranges::any_of(config_.hosts, [&](const HostEntry& host) {
      return host.critical && host.name == hosts.names[i];
    });
    if (!refuses && !critical) continue;
    const std::string why =
        refuses ? std::string{answers[i].error().subject.view()} : describe(answers[i].error());
    return Error{Errc::kBusy, "the cause of the stop is not gone", 0,
                 Name<200>::clipped("host '" + hosts.names[i] + "': " + why)};
  }
  return {};
}

/// Sends `request` to the hosts that have its node, kNotFound if none has it. A request without a
/// node goes to all that it concerns: a release to every host with nodes, arming and disarming to
/// those with actuators. `own`: the request also concerned nodes of this process. A release never
/// fails here: a host that refuses it stays at rest, which is logged.
Status Daemon::relay_safety(const SafetyRequest& request, bool own) {
  const bool releases = request.kind == Asked::kRelease;
  const auto hosts = called_hosts(paths_.base, configured_hosts(config_), [&](const auto& page) {
    const std::string_view name = page.host().name.view();
    if (name == config_.robot.name || wire::is_recorder(name)) return false;
    return std::ranges::any_of(page.nodes(), [&](const NodeStats& node) {
      if (!request.node.empty()) return node.name.view() == request.node;
      return releases || node.actuator.value() != 0;
    });
  });
  if (hosts.places.empty() && !request.node.empty()) {
    return Error{Errc::kNotFound, "find node", 0, Name<200>::clipped(request.node)};
  }
  const wire::Request call = request_of(request);
  const auto answers = wire::call_hosts(hosts.places, call, kHostPatience);
  const HostAnswers sum = sum_up(hosts, answers);
  // Any member of the group may make a host that is not in the configuration. Such a host must not
  // be able to prevent arming: its failure is only logged.
  const bool robots = own || hosts.configured != 0;
  const bool passed_over = releases || (request.kind == Asked::kArm && robots);
  std::string note;
  if (hosts.left_out) note = kLeftOut;
  if (!sum.others && passed_over) {
    note += (note.empty() ? "" : "; ") + describe(sum.others.error()) +
            ", which is not of the configuration";
    if (sum.other_failures > 1) {
      note += ", and " + std::to_string(sum.other_failures - 1) + " more of those";
    }
  }
  if (releases && !sum.configured) {
    note += (note.empty() ? "" : "; ") + describe(sum.configured.error()) + ": it stays at rest";
  }
  if (!note.empty()) journal_.say(LogLevel::kWarning, call.method + ": " + note);
  if (releases) return {};
  return sum.configured && !passed_over ? sum.others : sum.configured;
}

}  // namespace horus::service
