// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/handlers.hpp"

namespace horus::service::test {

/// Hosts that are there already.
class ListedHosts final : public StatsSource {
 public:
  explicit ListedHosts(std::vector<wire::HostView> hosts) : hosts_{std::move(hosts)} {}

  std::optional<wire::HostView> next_host() override {
    if (next_host_ == hosts_.size()) return std::nullopt;
    next_node_ = 0;
    wire::HostView host = hosts_[next_host_++];
    host.nodes.clear();
    return host;
  }
  std::optional<wire::NodeView> next_node(const std::string& wanted) override {
    const auto& nodes = hosts_[next_host_ - 1].nodes;
    while (next_node_ < nodes.size()) {
      const wire::NodeView& node = nodes[next_node_++];
      if (wanted.empty() || node.name == wanted) return node;
    }
    return std::nullopt;
  }
  bool done() const override { return next_host_ == hosts_.size(); }
  bool truncated() const override { return false; }

 private:
  std::vector<wire::HostView> hosts_;
  std::size_t next_host_ = 0;
  std::size_t next_node_ = 0;
};

/// A service with two hosts of one node each.
class FakeService final : public Service {
 public:
  std::unique_ptr<StatsSource> stats() override {
    wire::HostView rover;
    rover.name = "rover";
    rover.nodes.emplace_back().name = "imu";
    wire::HostView planner;
    planner.name = "planner";
    planner.nodes.resize(plans);
    for (wire::NodeView& node : planner.nodes) node.name = "plan" + padding;
    return std::make_unique<ListedHosts>(std::vector{rover, planner});
  }
  Expected expected() override {
    return {.base = "/dev/shm/robot",
            .files = {"robot.toml"},
            .hosts = {{"rover", "cpp"}, {"planner", "python"}}};
  }
  wire::HealthView health() override { return verdict; }
  BoxOutcome flush_boxes() override { return box; }
  bool set_log_level(const std::string& node, LogLevel level) override {
    set_level = node + "=" + to_text(level);
    return node == "arm";
  }
  Status change_safety(const SafetyRequest& request) override {
    asked = std::to_string(static_cast<int>(request.kind)) + request.text + "/" + request.node;
    stops += request.kind == SafetyRequest::Kind::kEstop ? 1 : 0;
    return request.node == "none" ? Status{Error{Errc::kNotFound, "find", 0, {}}} : safety_answer;
  }
  std::string asked;
  std::atomic<int> stops{0};
  Status safety_answer{};
  std::string set_level;
  ReloadOutcome reload() override {
    ++reloads;
    return outcome;
  }

  std::string padding;  ///< Makes replies as large as a test wants them.
  std::size_t plans = 1;
  wire::HealthView verdict{};
  BoxOutcome box{.kept = true, .text = "/x/rover.blackbox"};
  ReloadOutcome outcome{.accepted = true, .message = "nothing has changed"};
  std::atomic<int> reloads{0};
};

}  // namespace horus::service::test
