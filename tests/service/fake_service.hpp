// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/handlers.hpp"

namespace horus::service::test {

/// A service with two hosts of one node each.
class FakeService final : public Service {
 public:
  wire::StatsView stats() override {
    wire::HostView rover;
    rover.name = "rover";
    rover.nodes.emplace_back().name = "imu";
    wire::HostView planner;
    planner.name = "planner";
    planner.nodes.emplace_back().name = "plan" + padding;
    return wire::stats_of({rover, planner});
  }
  Expected expected() override {
    return {.files = {"robot.toml"}, .hosts = {{"rover", "cpp"}, {"planner", "python"}}};
  }
  ReloadOutcome reload() override {
    ++reloads;
    return outcome;
  }

  std::string padding;  ///< Makes replies as large as a test wants them.
  ReloadOutcome outcome{.accepted = true, .message = "nothing has changed"};
  int reloads = 0;
};

}  // namespace horus::service::test
