// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/status.hpp"

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "tools/cli/print_stats.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

std::string status_text(const wire::HealthView& status, std::size_t width) {
  std::string text = std::string{to_text(status.health)} + "\n";
  for (const wire::Reason& reason : status.reasons) text += "  " + printable(reason.line()) + "\n";
  for (const std::string& note : status.notes) text += "  note: " + printable(note) + "\n";
  Table table{{{"HOST", "", false}, {"KIND", "", false}, {"STATE", "", false}, {"PID", "", true}}};
  for (const wire::HostLine& host : status.hosts) {
    table.add({host.name, kind_text(host.kind), host.state,
               host.pid == 0 ? "-" : std::to_string(host.pid)});
  }
  if (!table.empty()) text += "\n" + table.text(width);
  return text;
}

std::string reasons_text(const wire::HealthView& status, std::string_view host,
                         std::string_view node) {
  std::string text;
  for (const wire::Reason& reason : status.reasons) {
    if (reason.host != host || (!reason.node.empty() && reason.node != node)) continue;
    text += fmt::format("{:<12}{}\n", to_text(reason.health), printable(reason.line()));
  }
  return text;
}

std::string verdict_text(const Places& places, std::string_view host, std::string_view node) {
  const auto health = fetch_health(places);
  std::string text = health ? reasons_text(health.value(), host, node) : "";
  if (const std::string end = last_end(host); !end.empty()) {
    text += fmt::format("{:<12}{}\n", "last end", printable(end));
  }
  return text;
}

wire::Json status_json(const wire::HealthView& status) {
  wire::Json json = wire::to_json(status);
  json["reasons"] = wire::Json::array();
  for (const wire::Reason& reason : status.reasons) json["reasons"].push_back(reason.line());
  return json;
}

}  // namespace horus::cli
