// SPDX-License-Identifier: Apache-2.0
#include "service/verdict.hpp"

#include <string>
#include <utility>
#include <vector>

#include "service/page_source.hpp"

namespace horus::service {

wire::HealthView verdict_on(const Config& config, const std::string& base) {
  std::vector<wire::ExpectedHost> expected{{config.robot.name, "cpp"}};
  for (const HostEntry& host : config.hosts) expected.push_back({host.name, "python"});
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
