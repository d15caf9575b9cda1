// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/status.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/cli/print_stats.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

using wire::HostView;

void worsen(StatusView& status, Health health, std::string reason) {
  status.health = std::max(status.health, health);
  status.reasons.push_back(std::move(reason));
}

/// The living host `name`; else a dead one; else null.
const HostView* find_host(const wire::StatsView& stats, const std::string& name) {
  const HostView* found = nullptr;
  for (const HostView& host : stats.hosts) {
    if (host.name == name && (found == nullptr || host.alive)) found = &host;
  }
  return found;
}

void judge_host(const HostView& host, StatusView& status) {
  if (!host.alive) return worsen(status, Health::kFailed, "host '" + host.name + "' is dead");
  if (!host.ready) worsen(status, Health::kDegraded, "host '" + host.name + "' is not ready yet");
  for (const auto& node : host.nodes) {
    if (node.state != "error" && node.state != "crashed") continue;
    worsen(status, Health::kFailed,
           fmt::format("node '{}' of host '{}' is in state {}", node.name, host.name, node.state));
  }
  for (const auto& one : host.degradations) {
    if (one.severity == "info") continue;
    std::string reason =
        fmt::format("host '{}' runs without {}: {}", host.name, one.feature, one.reason);
    if (!one.fix.empty()) reason += " (" + one.fix + ")";
    worsen(status, Health::kDegraded, std::move(reason));
  }
}

}  // namespace

const char* to_text(Health health) noexcept {
  switch (health) {
    case Health::kHealthy: return "healthy";
    case Health::kDegraded: return "degraded";
    case Health::kFailed: break;
  }
  return "failed";
}

StatusView judge_status(const wire::StatsView& stats,
                        const std::vector<wire::ExpectedHost>& expected) {
  std::vector<wire::ExpectedHost> wanted = expected;
  for (const HostView& host : stats.hosts) {
    const bool known = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const auto& one) { return one.name == host.name; });
    if (host.alive && !known) wanted.push_back({host.name, host.kind});
  }
  StatusView status;
  for (const wire::ExpectedHost& one : wanted) {
    const HostView* host = find_host(stats, one.name);
    if (host == nullptr) {
      worsen(status, Health::kFailed, "host '" + one.name + "' is missing");
      status.hosts.push_back({one.name, one.kind, "missing", 0});
    } else {
      judge_host(*host, status);
      status.hosts.push_back({host->name, host->kind, state_text(*host), host->pid});
    }
    status.ready = status.ready && status.hosts.back().state == "ready";
  }
  return status;
}

std::string status_text(const StatusView& status, std::size_t width) {
  std::string text = std::string{to_text(status.health)} + "\n";
  for (const std::string& reason : status.reasons) text += "  " + printable(reason) + "\n";
  Table table{{{"HOST", "", false}, {"KIND", "", false}, {"STATE", "", false}, {"PID", "", true}}};
  for (const HostState& host : status.hosts) {
    table.add({host.name, kind_text(host.kind), host.state,
               host.pid == 0 ? "-" : std::to_string(host.pid)});
  }
  if (!table.empty()) text += "\n" + table.text(width);
  return text;
}

wire::Json status_json(const StatusView& status) {
  wire::Json hosts = wire::Json::array();
  for (const HostState& host : status.hosts) {
    hosts.push_back(
        {{"name", host.name}, {"kind", host.kind}, {"state", host.state}, {"pid", host.pid}});
  }
  return {{"status", to_text(status.health)},
          {"ready", status.ready},
          {"reasons", status.reasons},
          {"hosts", std::move(hosts)}};
}

}  // namespace horus::cli
