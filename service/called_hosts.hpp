// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <horus/result.hpp>

#include "service/wire/host_control.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// Folder of the sockets of the service's Python hosts (WIRE-5). All other hosts have theirs beside
/// their statistics pages.
inline constexpr const char* kPythonRuntime = "/run/horus-py/hosts";

/// The living hosts to which a command is relayed: first the configured ones, then a limited number
/// of others, because any member of the group may make hosts.
struct CalledHosts {
  std::vector<std::string> names;
  std::vector<wire::HostPlace> places;  ///< Socket of each of `names`.
  std::size_t configured = 0;           ///< How many of `names`, from the first, are configured.
  bool left_out = false;                ///< A limit left out hosts, or nodes of one.
};
inline constexpr const char* kLeftOut =
    "there are more hosts or nodes than are asked: some that the configuration does not name were "
    "left out";
/// Whether a command concerns the host of this page.
using HostChoice = std::function<bool(const shm::StatsPage&)>;
/// Finds the hosts under `base` that live and that `choice` accepts.
CalledHosts called_hosts(const std::string& base, std::vector<std::string> configured,
                         const HostChoice& choice);

/// What the hosts answered, summed up.
struct HostAnswers {
  Status configured{};             ///< The first failure of a configured host.
  Status others{};                 ///< The first failure of any other host.
  std::size_t other_failures = 0;  ///< How many others failed.
};
/// `answers` has one entry for each of hosts.names, in the same order.
HostAnswers sum_up(const CalledHosts& hosts, std::span<const Status> answers);

}  // namespace horus::service
