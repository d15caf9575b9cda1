// SPDX-License-Identifier: Apache-2.0
#include "pyhost/py_scheduler.hpp"

#include <algorithm>
#include <cmath>

#include "pyhost/errors.hpp"
#include "pyhost/node_stats.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr double kLongestRun = 1e9;  // s

const std::string& name_of(const pyb::object& node) {
  return node_object(node).node->spec.name;
}

/// `value` units of `ns` nanoseconds; throws ValueError that names the argument.
Nanos duration_of(double value, double ns, const char* argument) {
  if (!std::isfinite(value) || value <= 0.0 || value * ns > kLongestRun * 1e9) {
    throw pyb::value_error(std::string{argument} + " must be a finite number above 0");
  }
  return Nanos{std::llround(value * ns)};
}

}  // namespace

void PyScheduler::refuse_while_running(const char* what) const {
  if (is_running())
    throw std::runtime_error(std::string{"cannot "} + what + " while the scheduler runs");
}

PyNode& PyScheduler::find(const std::string& name) const {
  for (const pyb::object& node : nodes_) {
    if (name_of(node) == name) return *node_object(node).node;
  }
  raise_not_found("there is no node '" + name + "' in this scheduler");
}

void PyScheduler::add(const pyb::object& node) {
  refuse_while_running("add a node");
  const std::string& name = name_of(node);
  if (has_node(name)) throw pyb::value_error("there is a node '" + name + "' already");
  nodes_.push_back(node);
}

void PyScheduler::remove(const std::string& name) {
  refuse_while_running("remove a node");
  find(name);
  std::erase_if(nodes_, [&](const pyb::object& node) { return name_of(node) == name; });
}

void PyScheduler::run(std::optional<double> seconds) {
  refuse_while_running("run");
  if (nodes_.empty()) throw pyb::value_error("the scheduler has no nodes to run");
  std::optional<Nanos> duration;
  if (seconds) duration = duration_of(*seconds, 1e9, "duration");
  // The last run's page goes before the new one is made: it may have the same name.
  run_.reset();
  const auto run = std::make_shared<Run>(settings_, nodes_);
  run->prepare();
  run_ = run;
  run->execute(duration, on_ready);
}

void PyScheduler::stop() noexcept {
  if (run_ != nullptr) run_->request_stop();
}

const char* PyScheduler::status() const noexcept {
  if (is_running()) return "running";
  return run_ == nullptr ? "idle" : "stopped";
}

std::uint64_t PyScheduler::current_tick() const noexcept {
  std::uint64_t latest = 0;
  if (run_ == nullptr) return latest;
  for (const NodeStats& node : run_->node_stats()) latest = std::max(latest, node.ticks.value());
  return latest;
}

bool PyScheduler::has_node(const std::string& name) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const pyb::object& node) { return name_of(node) == name; });
}

std::vector<std::string> PyScheduler::node_names() const {
  std::vector<std::string> names;
  for (const pyb::object& node : nodes_) names.push_back(name_of(node));
  return names;
}

int PyScheduler::node_order(const std::string& name) const {
  return find(name).spec.config.order;
}

void PyScheduler::set_node_rate(const std::string& name, double hz) {
  refuse_while_running("change a node's rate");
  NodeConfig& config = find(name).spec.config;
  if (!Rate::valid_hz(hz)) throw pyb::value_error("rate must be 0.001 to 1000000 Hz");
  if (!config.rate) throw pyb::value_error("node '" + name + "' has no rate to change");
  NodeConfig changed = config;
  changed.rate = Rate::from_hz(hz);
  raise_unless(validate(changed));
  config = changed;
}

void PyScheduler::set_tick_budget(const std::string& name, double microseconds) {
  NodeConfig& config = find(name).spec.config;
  NodeConfig changed = config;
  changed.budget = duration_of(microseconds, 1e3, "us");
  raise_unless(validate(changed));
  if (is_running()) raise_unless(run_->set_budget(name, *changed.budget));
  config = changed;
}

void PyScheduler::set_watchdog(const std::string& name, double milliseconds) {
  refuse_while_running("make a node critical");
  NodeConfig& config = find(name).spec.config;
  config.watchdog = duration_of(milliseconds, 1e6, "timeout_ms");
}

pyb::dict PyScheduler::node_stats(const std::string& name) const {
  return stats_of(find(name));
}

pyb::dict PyScheduler::safety_stats() const {
  const auto nodes = run_ != nullptr ? run_->node_stats() : std::span<const NodeStats>{};
  pyb::dict stats = safety_stats_of(nodes, status());
  stats["watchdog_expirations"] = run_ != nullptr ? run_->watchdog_expirations() : 0;
  stats["degrade_activations"] = run_ != nullptr ? run_->safe_states() : 0;
  return stats;
}

pyb::list PyScheduler::degradations() const {
  static constexpr const char* kSeverities[] = {"info", "warning", "error"};
  pyb::list list;
  if (run_ == nullptr) return list;
  for (const Degradation& degraded : run_->degradations()) {
    pyb::dict entry;
    entry["feature"] = degraded.feature;
    entry["reason"] = degraded.reason;
    entry["severity"] = kSeverities[std::clamp(degraded.severity, 0, 2)];
    entry["fix"] = degraded.fix;
    list.append(entry);
  }
  return list;
}

}  // namespace horus::py
