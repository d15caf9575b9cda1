// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>
#include <horus/topic.hpp>

#include "service/wire/client.hpp"
#include "service/wire/health.hpp"
#include "service/wire/stats_view.hpp"
#include "shm/stats_page.hpp"

namespace horus::cli {

/// The places that the user has named; empty: the usual ones.
struct Places {
  std::string socket_dir;  ///< --socket-dir
};

/// The directories where sockets are looked for, in this order: $RUNTIME_DIRECTORY, the user's
/// <base>/run, /run/horus. With --socket-dir only that one.
std::vector<std::string> socket_directories(const Places& places);
/// The base directories of shared memory: the user's, then the service's. With $HORUS_BASE only
/// that one.
std::vector<std::string> base_directories();
/// With --socket-dir: asks the service there for its base directory, and makes that the only one
/// that base_directories() returns, by setting $HORUS_BASE. Without it does nothing.
Status use_memory_of(const Places& places);

/// Opens a session in `base`. In the service's base root first becomes the service's user, for the
/// rest of the process, so that it leaves no files of root's there.
Result<std::unique_ptr<shm::Session>> join(const std::string& base);

/// Connects to the first socket `name` on which a service listens. Fails with kNotFound when there
/// is none, kPermission when those that there are refuse this user.
Result<wire::Client> connect(const Places& places, const char* name);

/// The service's health verdict. Where no service answers, a verdict on the hosts in the base
/// directories, made here; but with --socket-dir it fails then.
Result<wire::HealthView> fetch_health(const Places& places);

/// The version of the service's program; empty when no service answers.
std::string service_version(const Places& places);

/// Statistics of everything that runs: the service's, and those of the hosts in the base
/// directories; with --socket-dir the service's only. Fails with kNotFound when nothing runs.
Result<wire::StatsView> fetch_stats(const Places& places);

/// The statistics of all hosts in the base directories, dead ones included.
std::vector<wire::HostView> read_pages();

/// Finds a statistics page with the node `node`, of a living host before a dead one, and calls
/// `visit` with the page and the node's index in it. False where there is no such page, or none
/// that this user may read.
using PageVisit = std::function<void(const shm::StatsPage& page, std::size_t node)>;
bool with_page(const std::string& node, const PageVisit& visit);

/// How the host last ended, as its supervisor has logged it; empty: not known.
std::string last_end(std::string_view host);

/// Prints why nothing can be reached, and what to do about it. Returns the exit code.
int fail_to_reach(const Error& error);

}  // namespace horus::cli
