// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "service/wire/client.hpp"
#include "service/wire/health.hpp"
#include "service/wire/stats_view.hpp"
#include "shm/session.hpp"
#include "shm/stats_page.hpp"

namespace horus::cli {

/// Where the user told us to look; empty: the usual places.
struct Places {
  std::string socket_dir;
};

/// Directories that may hold the sockets, in the order in which they are tried: --socket-dir, and
/// only that; else $RUNTIME_DIRECTORY, the user's <base>/run, /run/horus.
std::vector<std::string> socket_directories(const Places& places);
/// Base directories of shared memory: the user's, then the service's; $HORUS_BASE, and only that.
std::vector<std::string> base_directories();
/// Where --socket-dir names a robot: from now on its shared memory is meant, too, and no other.
Status use_memory_of(const Places& places);

/// A part in the topics of `base`. Root takes part in the service's as its user, for good: it makes
/// nothing in a base of another's.
Result<std::unique_ptr<shm::Session>> join(const std::string& base);

/// Connects to the first socket `name` behind which somebody listens. Fails with kNotFound when
/// there is none, kPermission when there are only such that refuse this user.
Result<wire::Client> connect(const Places& places, const char* name);

/// The service's verdict; where none answers, ours on the hosts that run here, or died lately.
Result<wire::HealthView> fetch_health(const Places& places);

/// The version of the service's program; empty when none answers.
std::string service_version(const Places& places);

/// Statistics of everything that runs: of the service, if there is one, and of the hosts in the
/// user's own base. Fails with kNotFound when nothing runs.
Result<wire::StatsView> fetch_stats(const Places& places);

/// Hosts in the pages of the base directories; dead ones, too.
std::vector<wire::HostView> read_pages();

/// Calls `visit` with the statistics of the node's host, a living one before a dead one, and the
/// node's place in them. False where this user can read none; why is not known.
using PageVisit = std::function<void(const shm::StatsPage& page, std::size_t node)>;
bool with_page(const std::string& node, const PageVisit& visit);

/// How the host ended last, as its supervisor has told the log; empty: nobody has.
std::string last_end(std::string_view host);

/// Prints why there are no statistics, and the way out; the exit code follows from it.
int fail_to_reach(const Error& error);

}  // namespace horus::cli
