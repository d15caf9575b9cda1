// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rt/base/printable.hpp"
#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/varlink.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"
#include "tools/cli/command.hpp"

namespace horus::cli {
namespace {

constexpr Nanos kSafetyTimeout = 5s;
/// How long a stop waits for the service. After that the hosts are told directly.
constexpr Nanos kStopTimeout = 1s;
/// The time limit for all hosts together.
constexpr Nanos kHostsPatience = 500ms;

struct Call {
  const char* what;  ///< The command, for errors.
  wire::Request request{};
  std::string node{};  ///< The node that is meant; empty: all.
  bool stops = false;  ///< It is an emergency stop.

  bool arms() const { return request.method == wire::method::kControlArm; }
};

/// A living host, and where its socket is.
struct Host {
  std::string name;
  wire::HostPlace place;
};

std::string message_of(const wire::Reply& reply) {
  const auto text = [&reply](const char* key) {
    const auto found = reply.parameters.find(key);
    return found != reply.parameters.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (reply.error == wire::error::kTooManyRequests) {
    return "the service has too much to do (" + text("limit") + "); try again in a second";
  }
  const std::string message = text("message");
  return message.empty() ? reply.error : message;
}

/// The living hosts in the base directories that the call is for, without recorders.
std::vector<Host> hosts_for(const Call& call) {
  std::vector<Host> hosts;
  for (const std::string& base : base_directories()) {
    for (const shm::StatsPage& page : shm::StatsPage::open_all(base)) {
      const auto is_it = [&](const NodeStats& one) { return one.name.view() == call.node; };
      const std::string name{page.host().name.view()};
      if (!page.alive() || wire::is_recorder(name)) continue;
      if (!call.node.empty() && std::ranges::none_of(page.nodes(), is_it)) continue;
      hosts.push_back({.name = name,
                       .place = {.folders = {base + "/hosts"},
                                 .file = shm::escape(name) + std::string{shm::kSocketSuffix}}});
    }
  }
  return hosts;
}

/// Calls the hosts directly, without a service. Returns the exit code.
int ask_hosts(const Call& call) {
  const std::vector<Host> hosts = hosts_for(call);
  if (hosts.empty() && !call.node.empty()) {
    return fail(kError, "no living node '" + printable(call.node) + "' (see 'horusctl node list')");
  }
  if (hosts.empty()) return fail(kNotRunning, std::string{call.what} + ": nothing runs");
  std::vector<wire::HostPlace> places;
  for (const Host& host : hosts) places.push_back(host.place);
  const auto answers = wire::call_hosts(places, call.request, kHostsPatience);
  int code = kOk;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (answers[i]) continue;
    code = fail(kError, std::string{call.what} + ": host '" + printable(hosts[i].name) +
                            "': " + printable(describe(answers[i].error())));
  }
  // Arming is for all hosts or none: if one has refused, disarm them again.
  if (code != kOk && call.arms()) {
    const wire::Request disarm{.method = wire::method::kControlDisarm,
                               .parameters = call.request.parameters};
    static_cast<void>(wire::call_hosts(places, disarm, kHostsPatience));
  }
  return code;
}

/// Calls the service. Returns the exit code; nothing where there is no service.
std::optional<int> ask_service(const Call& call, const Places& places, const char* socket) {
  auto client = connect(places, socket);
  if (!client && client.error().code == Errc::kNotFound) return std::nullopt;
  if (!client) return fail_to_reach(client.error());
  const auto reply = client.value().call(call.request, call.stops ? kStopTimeout : kSafetyTimeout);
  if (!reply) return fail_to_reach(reply.error());
  const wire::Reply& answer = reply.value();
  if (answer.error.empty()) return kOk;
  if (answer.error == wire::error::kPermissionDenied) {
    return fail(kNoPermission, std::string{call.what} +
                                   ": only root, the service's user and group horus-admin may");
  }
  if (answer.error == wire::error::kNoNodeToSet) {
    return fail(kError, "no living node '" + printable(call.node) + "' (see 'horusctl node list')");
  }
  return fail(kError, std::string{call.what} + ": " + printable(message_of(answer)));
}

int ask(const Call& call, const Places& places) {
  if (const auto answered = ask_service(call, places, wire::kControlSocket)) return *answered;
  return ask_hosts(call);
}

/// An emergency stop. It goes to the service's stop socket, which serves nothing else, so that no
/// other callers take up its connections; where that cannot be reached (it was removed, or refuses
/// this user), to the control socket. If the service does not stop the robot, for whatever reason
/// but a missing permission, each host is told directly.
int ask_to_stop(const Call& call, const Places& places) {
  const bool reached = static_cast<bool>(connect(places, wire::kStopSocket));
  const auto answered =
      ask_service(call, places, reached ? wire::kStopSocket : wire::kControlSocket);
  if (answered == kOk || answered == kNoPermission) return *answered;
  const int told = ask_hosts(call);
  if (!answered || told != kOk) return answered.value_or(told);
  warn_of("estop: every living host was told itself");
  return kOk;
}

Action declare_arming(CLI::App& app, const Places& places, const char* what, const char* method) {
  const auto node = std::make_shared<std::string>();
  app.add_option("node", *node, "Name of the node (else every actuator)")->type_name("NODE");
  return [node, what, method, &places](Output& /*output*/) {
    Call call{.what = what, .request = {.method = method}, .node = *node};
    call.request.parameters = wire::Json::object();
    if (!node->empty()) call.request.parameters["node"] = *node;
    return ask(call, places);
  };
}

}  // namespace

Action declare_estop(CLI::App& app, const Places& places) {
  const auto why = std::make_shared<std::string>();
  app.add_option("why", *why, "The reason, for who finds the robot at rest")->type_name("WHY");
  return [why, &places](Output& /*output*/) {
    Call call{.what = "estop", .request = {.method = wire::method::kControlEstop}, .stops = true};
    call.request.parameters = wire::Json::object();
    if (!why->empty()) call.request.parameters["why"] = *why;
    return ask_to_stop(call, places);
  };
}

Action declare_release(CLI::App& app, const Places& places) {
  const auto reason = std::make_shared<std::string>();
  app.add_option("--reason", *reason, "Why the robot may be armed again; it is logged")
      ->required()
      ->type_name("TEXT");
  return [reason, &places](Output& /*output*/) {
    if (reason->find_first_not_of(' ') == std::string::npos) {
      return fail(kUsage, "release: say why: --reason TEXT");
    }
    Call call{.what = "release", .request = {.method = wire::method::kControlRelease}};
    call.request.parameters = {{"reason", *reason}};
    return ask(call, places);
  };
}

Action declare_arm(CLI::App& app, const Places& places) {
  return declare_arming(app, places, "arm", wire::method::kControlArm);
}

Action declare_disarm(CLI::App& app, const Places& places) {
  return declare_arming(app, places, "disarm", wire::method::kControlDisarm);
}

}  // namespace horus::cli
