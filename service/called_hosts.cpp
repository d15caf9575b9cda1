// SPDX-License-Identifier: Apache-2.0
#include "service/called_hosts.hpp"

#include <utility>

#include "service/page_source.hpp"
#include "shm/folder.hpp"
#include "shm/names.hpp"

namespace horus::service {

CalledHosts called_hosts(const std::string& base, std::vector<std::string> configured,
                         const HostChoice& choice) {
  CalledHosts hosts;
  std::vector<std::string> folders;
  // Only for the service's own base: in another one a host of that name belongs to another robot.
  if (base == shm::kServiceBase) folders.emplace_back(kPythonRuntime);
  folders.push_back(base + "/hosts");
  PageWalk walk{base, std::move(configured)};
  while (const shm::StatsPage* const page = walk.next()) {
    if (!page->alive() || !choice(*page)) continue;
    const std::string name{page->host().name.view()};
    hosts.names.push_back(name);
    hosts.places.push_back(
        {.folders = folders, .file = shm::escape(name) + std::string{shm::kSocketSuffix}});
    if (walk.is_configured()) ++hosts.configured;
  }
  hosts.left_out = walk.truncated();
  return hosts;
}

HostAnswers sum_up(const CalledHosts& hosts, std::span<const Status> answers) {
  HostAnswers sum;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) continue;
    const bool configured = i < hosts.configured;
    Status& first = configured ? sum.configured : sum.others;
    if (!configured) ++sum.other_failures;
    if (!first) continue;
    const std::string why = "host '" + hosts.names[i] + "': " + describe(answers[i].error());
    first = Error{Errc::kBusy, "a host refused", 0, Name<200>::clipped(why)};
  }
  return sum;
}

}  // namespace horus::service
