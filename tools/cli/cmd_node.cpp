// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "service/wire/varlink.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/nodes.hpp"
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
      table.add({node.name, host.name, node.node_class, node.state, rate_text(node.rate_hz),
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
