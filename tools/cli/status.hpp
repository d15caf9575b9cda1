// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::cli {

/// How a robot is. The numbers are exit codes.
enum class Health { kHealthy = 0, kDegraded = 1, kFailed = 2 };
const char* to_text(Health health) noexcept;

struct HostState {
  std::string name;
  std::string kind;   ///< "cpp" or "python".
  std::string state;  ///< "ready", "not ready", "dead", "missing".
  std::int64_t pid = 0;
};

struct StatusView {
  Health health = Health::kHealthy;
  bool ready = true;  ///< Every expected host is up and each of its periodic nodes has ticked.
  std::vector<HostState> hosts;
  std::vector<std::string> reasons;  ///< Why it is not healthy, one line each.
};

/// Failed: an expected host is missing or dead, or a node has given up. Degraded: a host is not
/// ready yet, or a real-time setting was not granted. Without a service nobody says what is
/// expected (`expected` is empty): then every host that lives is.
StatusView judge_status(const wire::StatsView& stats,
                        const std::vector<wire::ExpectedHost>& expected);

std::string status_text(const StatusView& status, std::size_t width);
wire::Json status_json(const StatusView& status);

}  // namespace horus::cli
