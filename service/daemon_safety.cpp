// SPDX-License-Identifier: Apache-2.0
// What the service is asked of the robot's safety.
#include <algorithm>
#include <string>
#include <vector>

#include "service/daemon.hpp"
#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {
namespace {

using Asked = SafetyRequest::Kind;

/// Of all hosts: a thread of its own answers in each, whatever its nodes do.
constexpr Nanos kHostPatience = 100ms;

wire::Request request_of(const SafetyRequest& request) {
  wire::Request call;
  call.parameters = wire::Json::object();
  switch (request.kind) {
    case Asked::kEstop: call.method = wire::method::kControlEstop; break;
    case Asked::kRelease: call.method = wire::method::kControlRelease; break;
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
      // The others see it by its word, and need no call.
      robot_->estop(StopCause::kCommand, request.text.empty() ? "asked for" : request.text);
      return {};
    case Asked::kRelease: {
      if (auto released = robot_->release(); !released) return released;
      journal_.say(LogLevel::kWarning, "released: " + request.text);
      return relay_safety(request);
    }
    case Asked::kArm:
    case Asked::kDisarm: break;
  }
  const bool arms = request.kind == Asked::kArm;
  const Status own = arms ? robot_->arm(request.node) : robot_->disarm(request.node);
  const bool elsewhere = !own && own.error().code == Errc::kNotFound;
  if (!own && !elsewhere) return own;
  if (own && !request.node.empty()) return own;
  const Status others = relay_safety(request);
  // All or none: whoever has been armed by now is not.
  if (arms && !others) {
    if (own) static_cast<void>(robot_->disarm(request.node));
    static_cast<void>(relay_safety({.kind = Asked::kDisarm, .node = request.node}));
  }
  return others;
}

/// To the hosts that have the node; where none is named to all that it concerns.
Status Daemon::relay_safety(const SafetyRequest& request) {
  const bool releases = request.kind == Asked::kRelease;
  std::vector<wire::HostPlace> places;
  std::vector<std::string> names;
  for (const shm::StatsPage& page : shm::StatsPage::open_all(paths_.base)) {
    const std::string name{page.host().name.view()};
    if (!page.alive() || name == config_.robot.name || wire::is_recorder(name)) continue;
    const auto nodes = page.nodes();
    const bool has = std::ranges::any_of(nodes, [&](const NodeStats& node) {
      if (!request.node.empty()) return node.name.view() == request.node;
      return releases || node.actuator.value() != 0;
    });
    if (!has) continue;
    names.push_back(name);
    places.push_back({.folders = {kPythonRuntime, paths_.base + "/hosts"},
                      .file = shm::escape(name) + std::string{shm::kSocketSuffix}});
  }
  if (places.empty() && !request.node.empty()) {
    return Error{Errc::kNotFound, "find node", 0, Name<200>::clipped(request.node)};
  }
  const auto answers = wire::call_hosts(places, request_of(request), kHostPatience);
  Status first{};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) continue;
    const std::string why = "host '" + names[i] + "': " + describe(answers[i].error());
    // A release needs nobody's answer.
    if (releases) journal_.say(LogLevel::kWarning, why + ": it stays at rest");
    if (first) first = Error{Errc::kBusy, "a host refused", 0, Name<200>::clipped(why)};
  }
  return releases ? Status{} : first;
}

}  // namespace horus::service
