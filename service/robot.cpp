// SPDX-License-Identifier: Apache-2.0
#include "service/robot.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "service/describe.hpp"

namespace horus::service {
namespace {

class BellHook final : public GroupHook {
 public:
  void thread_started() noexcept override { bells_.emplace(); }
  void thread_stopping() noexcept override { bells_.reset(); }
  void leave(TimePoint /*next*/) noexcept override { bells_->ring(); }

 private:
  std::optional<shm::DeferredBells> bells_;
};

RtProfile profile_of(const Config& config) {
  const bool wanted = config.realtime.mode != RtMode::kOff;
  return {.fifo = wanted,
          .priority_ceiling = config.realtime.priority,
          .lock_memory = wanted,
          .dma_latency = wanted,
          .cpus = *config.cpus.realtime};
}

/// Where the whole configuration is at fault: its first file.
Refusal refused_plan(const Config& config, const Error& error) {
  return {.exit = Exit::kConfig,
          .text = (config.nodes.empty() ? config.files.front() + ":1"
                                        : config.nodes.front().place.text()) +
                  ": " + describe(error)};
}

}  // namespace

std::unique_ptr<GroupHook> BellHooks::make(const ThreadRole& /*role*/) {
  return std::make_unique<BellHook>();
}

Robot::Started Robot::start(const Config& config, const std::string& base, LogSink& log) {
  std::unique_ptr<Robot> robot{new Robot{config}};
  auto refusal = robot->claim_machine();
  if (!refusal) refusal = robot->open(base);
  if (!refusal) refusal = robot->schedule(log);
  if (!refusal) return robot;
  if (robot->page_) robot->page_->remove();
  return *std::move(refusal);
}

Robot::~Robot() = default;

std::optional<Refusal> Robot::claim_machine() {
  report_ = apply(profile_of(config_));
  if (config_.realtime.mode != RtMode::kStrict) return std::nullopt;
  static constexpr std::array<std::string_view, 2> kIndispensable{"fifo", "memlock"};
  for (const Degradation& degraded : report_.degraded) {
    if (std::ranges::find(kIndispensable, degraded.feature) == kIndispensable.end()) continue;
    return Refusal{.exit = Exit::kPermission,
                   .text = "realtime.mode is \"strict\", but " + degraded.feature +
                           " was not granted: " + degraded.reason + "; " + degraded.fix};
  }
  return std::nullopt;
}

std::optional<Refusal> Robot::open(const std::string& base) {
  auto session = shm::Session::open(base);
  if (!session) return Refusal{.exit = Exit::kFailure, .text = describe(session.error())};
  session_ = std::move(session).value();
  std::vector<std::string> names;
  for (const NodeEntry& node : config_.nodes) names.emplace_back(node.config.name.view());
  auto page = shm::StatsPage::create(base, config_.robot.name, names);
  if (!page) {
    const bool busy = page.error().code == Errc::kBusy;
    return Refusal{
        .exit = busy ? Exit::kRunning : Exit::kFailure,
        .text = (busy ? "a host named '" + config_.robot.name + "' runs already: " : "") +
                describe(page.error())};
  }
  page_ = std::move(page).value();
  publish(report_.degraded, page_->host());
  auto loaded = load_nodes(config_, *session_, page_->nodes());
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return Refusal{.exit = Exit::kConfig, .text = error->text};
  }
  nodes_ = std::get<std::vector<LoadedNode>>(std::move(loaded));
  return std::nullopt;
}

std::optional<Refusal> Robot::schedule(LogSink& log) {
  SchedulerOptions options;
  options.profile = profile_of(config_);
  options.spin_limit = config_.realtime.spin;
  options.watchdog = config_.realtime.watchdog;
  options.watchdog_cpus = *config_.cpus.housekeeping;
  options.hooks = &hooks_;
  options.log = &log;
  scheduler_ = std::make_unique<Scheduler>(options);
  for (LoadedNode& node : nodes_) {
    const Status added = scheduler_->add(*node.node, node.config, node.wake.get());
    if (!added) return refused_plan(config_, added.error());
  }
  const Status started = scheduler_->start({.host = &page_->host(), .nodes = page_->nodes()});
  if (started) return std::nullopt;
  if (started.error().code == Errc::kInvalidArgument) return refused_plan(config_, started.error());
  return Refusal{.exit = Exit::kFailure, .text = describe(started.error())};
}

}  // namespace horus::service
