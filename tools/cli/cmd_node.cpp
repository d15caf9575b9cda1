// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>

#include <horus/log.hpp>

#include "rt/base/printable.hpp"
#include "service/wire/health.hpp"
#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/varlink.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/nodes.hpp"
#include "tools/cli/print_stats.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

std::string nodes_text(const wire::StatsView& stats, std::size_t width) {
  Table table{{{"NODE", "", false},
               {"HOST", "", false},
               {"CLASS", "", false},
               {"STATE", "", false},
               {"RATE", "", true},
               {"ORDER", "", true},
               {"PRIORITY", "", true},
               {"CPU", "", true},
               {"PID", "", true},
               {"TID", "", true}}};
  for (const auto& host : stats.hosts) {
    if (!host.alive) continue;
    for (const auto& node : host.nodes) {
      table.add({node.name, host.name, node.node_class, state_text(node), rate_text(node.rate_hz),
                 std::to_string(node.order), std::to_string(node.priority),
                 node.cpu < 0 ? "any" : std::to_string(node.cpu), std::to_string(host.pid),
                 std::to_string(node.tid)});
    }
  }
  return table.empty() ? "no nodes\n" : table.text(width);
}

std::string nodes_lines(const wire::StatsView& stats) {
  std::string lines;
  for (const auto& host : stats.hosts) {
    if (!host.alive) continue;
    for (const auto& node : host.nodes) {
      lines += wire::to_line({{"name", node.name},
                              {"host", host.name},
                              {"class", node.node_class},
                              {"state", node.state},
                              {"busy_in", node.busy_in},
                              {"busy_s", node.busy_s},
                              {"rate_hz", node.rate_hz},
                              {"order", node.order},
                              {"priority", node.priority},
                              {"cpu", node.cpu},
                              {"pid", host.pid},
                              {"tid", node.tid}}) +
               "\n";
    }
  }
  return lines;
}

namespace {

constexpr Nanos kLevelTimeout = 5s;
/// The time limit for all hosts together. A host answers at once, from a thread that does nothing
/// else.
constexpr Nanos kHostPatience = 1s;

/// Sets the level by asking the hosts in the base directories directly. False where no host has
/// set it; `last` is then the last error, if there was one.
bool set_level_in_hosts(const std::string& node, LogLevel level, Error& last) {
  const TimePoint until = MonotonicClock::now() + kHostPatience;
  const auto left = [until] { return std::max(until - MonotonicClock::now(), Nanos{}); };
  for (const std::string& base : base_directories()) {
    for (const shm::StatsPage& page : shm::StatsPage::open_all(base)) {
      const auto is_it = [&node](const NodeStats& one) { return one.name.view() == node; };
      if (!page.alive() || std::ranges::none_of(page.nodes(), is_it)) continue;
      const std::string file =
          shm::escape(page.host().name.view()) + std::string{shm::kSocketSuffix};
      const Status set = wire::set_log_level(base + "/hosts", file, node, level, left());
      if (set) return true;
      last = set.error();
    }
  }
  return false;
}

int set_level(const std::string& node, const std::string& text, const Places& places) {
  const auto level = parse_word<LogLevel>(text);
  if (!level) {
    return fail(kUsage, "'" + text + "' is no level (error, warning, info, debug)");
  }
  auto client = connect(places, wire::kControlSocket);
  Error last = client ? Error{Errc::kNotFound, "find node", 0, {}} : client.error();
  if (client) {
    const auto reply = client.value().call({.method = wire::method::kControlSetLogLevel,
                                            .parameters = {{"node", node}, {"level", text}}},
                                           kLevelTimeout);
    if (!reply) return fail_to_reach(reply.error());
    if (reply.value().error.empty()) return kOk;
    if (reply.value().error == wire::error::kPermissionDenied) {
      last = Error{Errc::kPermission, "set the level of", 0, Name<200>::clipped(node)};
    } else if (reply.value().error != wire::error::kNoNodeToSet) {
      return fail(kError, "the service answered with " + printable(reply.value().error));
    }
  }
  // With --socket-dir only that robot is meant, so the hosts here are not asked.
  const bool named = !places.socket_dir.empty();
  if (!named && set_level_in_hosts(node, *level, last)) return kOk;
  if (last.code == Errc::kPermission || (named && !client)) return fail_to_reach(last);
  return fail(kError, "no living node '" + printable(node) +
                          "' that can be told (see 'horusctl node list')");
}

}  // namespace

Action declare_node_level(CLI::App& app, const Places& places) {
  struct Options {
    std::string node;
    std::string level;
  };
  const auto options = std::make_shared<Options>();
  app.add_option("node", options->node, "Name of the node")->required()->type_name("NODE");
  app.add_option("level", options->level, "error, warning, info or debug")
      ->required()
      ->type_name("LEVEL");
  return [options, &places](Output& /*output*/) {
    return set_level(options->node, options->level, places);
  };
}

Action declare_node_list(CLI::App& app, const Places& places) {
  const auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "One line of JSON for each node");
  return [json, &places](Output& output) {
    const auto stats = fetch_stats(places);
    if (!stats) return fail_to_reach(stats.error());
    output.write(*json ? nodes_lines(stats.value()) : nodes_text(stats.value(), output.width()));
    return static_cast<int>(kOk);
  };
}

}  // namespace horus::cli
