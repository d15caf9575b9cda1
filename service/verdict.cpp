// SPDX-License-Identifier: Apache-2.0
#include "service/verdict.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "service/page_source.hpp"
#include "shm/host_board.hpp"

namespace horus::service {
namespace {

/// Adds what the supervisor's board says of the Python hosts. Another process writes the board, so
/// unknown names are ignored and times are clamped.
void hear_supervisor(std::span<wire::ExpectedHost> expected, std::span<const shm::HostRow> rows) {
  const std::int64_t now = to_ns(MonotonicClock::now());
  for (const shm::HostRow& row : rows) {
    const auto host = std::ranges::find(expected, row.name.view(), &wire::ExpectedHost::name);
    if (host == expected.end() || host->kind != "python") continue;
    const Nanos since{now - std::clamp<std::int64_t>(row.since_ns, 0, now)};
    host->said = {.state = row.state,
                  .badly = row.badly != 0,
                  .for_s = std::chrono::duration<double>(since).count(),
                  .why = std::string{row.why.view()}};
  }
}

}  // namespace

wire::HealthView verdict_on(const Config& config, const std::string& base) {
  std::vector<wire::ExpectedHost> expected{{config.robot.name, "cpp"}};
  for (const HostEntry& host : config.hosts) expected.push_back({host.name, "python"});
  hear_supervisor(expected, shm::HostBoard::read(base, config.robot.name));
  std::vector<wire::LimitRule> rules;
  for (const LimitEntry& entry : config.limits) rules.push_back(entry.rule);
  std::vector<std::string> names;
  for (const wire::ExpectedHost& host : expected) names.push_back(host.name);
  PageWalk walk{base, std::move(names)};
  std::vector<wire::HostView> hosts;
  while (const shm::StatsPage* const page = walk.next()) {
    hosts.push_back(wire::read_for_verdict(page->host(), page->nodes(), page->alive()));
  }
  wire::HealthView verdict = wire::judge(hosts, expected, rules);
  if (walk.truncated()) {
    verdict.notes.push_back("there are more hosts or nodes than are looked at in " + base +
                            "/hosts: some that the configuration does not name are not judged");
  }
  return verdict;
}

}  // namespace horus::service
