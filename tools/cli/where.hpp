// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "service/wire/client.hpp"
#include "service/wire/stats_view.hpp"

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

/// Connects to the first socket `name` behind which somebody listens. Fails with kNotFound when
/// there is none, kPermission when there are only such that refuse this user.
Result<wire::Client> connect(const Places& places, const char* name);

/// What a service said: its statistics, and what it expects to run.
struct Service {
  wire::StatsView stats;
  wire::ServiceView expected;
};
/// Asks the service. Fails as connect() does, and when it answers with an error.
Result<Service> ask_service(const Places& places);

/// The version of the service's program; empty when none answers.
std::string service_version(const Places& places);

/// Statistics of everything that runs: of the service, if there is one, and of the hosts in the
/// user's own base. Fails with kNotFound when nothing runs.
Result<wire::StatsView> fetch_stats(const Places& places);

/// Hosts in the pages of the base directories; dead ones, too.
std::vector<wire::HostView> read_pages();

/// Prints why there are no statistics, and the way out; the exit code follows from it.
int fail_to_reach(const Error& error);

}  // namespace horus::cli
