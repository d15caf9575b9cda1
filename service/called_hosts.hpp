// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "service/wire/host_control.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// Where the hosts of horus-pyhost have their sockets, if not beside their pages.
inline constexpr const char* kPythonRuntime = "/run/horus-py/hosts";

/// The living hosts that a command is relayed to. As of the statistics: the configured ones first,
/// then only some others, as anybody of the group may make more.
struct CalledHosts {
  std::vector<std::string> names;
  std::vector<wire::HostPlace> places;
  std::size_t configured = 0;  ///< The first ones.
  bool left_out = false;       ///< There are more, or more nodes in one of them.
};
inline constexpr const char* kLeftOut =
    "there are more hosts or nodes than are asked: some that the configuration does not name were "
    "left out";
using HostChoice = std::function<bool(const shm::StatsPage&)>;
CalledHosts called_hosts(const std::string& base, std::vector<std::string> configured,
                         const HostChoice& choice);

/// What they answered, put together.
struct HostAnswers {
  Status configured{};  ///< The first that failed of those.
  Status others{};
  std::size_t other_failures = 0;
};
HostAnswers sum_up(const CalledHosts& hosts, std::span<const Status> answers);

}  // namespace horus::service
