// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rt/rt_profile.hpp"
#include "rt/scheduler.hpp"
#include "service/config.hpp"
#include "service/node_loader.hpp"
#include "service/program.hpp"
#include "shm/publisher.hpp"
#include "shm/session.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// Why a service does not start.
struct Refusal {
  Exit exit = Exit::kFailure;
  std::string text;
};

/// Rings after the tick whom the ticks' messages wake.
class BellHooks final : public HookFactory {
 public:
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;
};

/// The C++ nodes of a configuration, running: session, plug-ins, statistics page, scheduler.
///
/// Thread safety: wait() from one thread, the rest from another.
class Robot {
 public:
  using Started = std::variant<std::unique_ptr<Robot>, Refusal>;

  /// Claims the machine (memory, priorities) as the configuration wants, loads and starts every
  /// node. `config` is checked; `log` outlives the robot.
  static Started start(const Config& config, const std::string& base, LogSink& log);
  /// Stops the nodes.
  ~Robot();
  Robot(const Robot&) = delete;
  Robot& operator=(const Robot&) = delete;

  bool ready() const noexcept { return scheduler_->ready(); }
  bool alive() const noexcept { return scheduler_->alive(); }
  void request_stop() noexcept { scheduler_->request_stop(); }
  StopReport wait() { return scheduler_->wait(); }
  Status set_budget(const std::string& node, Nanos budget) noexcept {
    return scheduler_->set_budget(node, budget);
  }
  const std::vector<Degradation>& degraded() const noexcept { return report_.degraded; }
  std::span<const NodeStats> nodes() const noexcept { return std::as_const(*page_).nodes(); }

  /// After a clean stop: nothing of this robot is to be carried on.
  void forget() noexcept { page_->remove(); }

 private:
  explicit Robot(const Config& config) : config_{config} {}
  std::optional<Refusal> claim_machine();
  std::optional<Refusal> open(const std::string& base);
  std::optional<Refusal> schedule(LogSink& log);

  // In the order of their making: each uses those above it.
  const Config& config_;
  RtReport report_;
  std::unique_ptr<shm::Session> session_;
  std::optional<shm::StatsPage> page_;
  std::vector<LoadedNode> nodes_;
  BellHooks hooks_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace horus::service
