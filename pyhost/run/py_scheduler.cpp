// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/py_scheduler.hpp"

#include <algorithm>
#include <cmath>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/node/node_stats.hpp"
#include "rt/node_config.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr double kLongestRun = 1e9;  // s

/// The function of call_before_runs(); None or null: there is none. With the GIL. Leaked, since it
/// may outlive the interpreter.
pyb::object& before_runs = *new pyb::object;

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

/// Checks `seconds` for the Python code around run_own(), before that code starts anything.
pyb::object checked_duration(std::optional<double> seconds) {
  if (!seconds) return pyb::none();
  static_cast<void>(duration_of(*seconds, 1e9, "duration"));
  return pyb::float_{*seconds};
}

/// False as well while hosts start: `run` is then still the former one.
bool is_under_way(const std::shared_ptr<Run>& run) noexcept {
  return run != nullptr && run->running();
}

/// Applies a change to a node of the run that is under way; throws where that is refused.
template <typename Ask>
void require_changed(const std::shared_ptr<Run>& run, std::string_view node, Ask ask) {
  const Status status = is_under_way(run) ? ask(*run) : Status{Error{Errc::kNotFound, "", 0, {}}};
  if (status || status.error().code != Errc::kNotFound) return raise_unless(status);
  throw std::runtime_error("node '" + std::string{node} +
                           "' does not tick in this process now: it is of another host, or has not "
                           "started yet; change it while nothing runs");
}

}  // namespace

void PyScheduler::refuse_while_running(const char* what) const {
  if (is_running())
    throw std::runtime_error(std::string{"cannot "} + what + " while the scheduler runs");
}

void PyScheduler::refuse_while_stepped(const char* what) const {
  if (run_ == nullptr || !run_->stepped()) return;
  throw std::runtime_error(std::string{"cannot "} + what +
                           " between calls of tick_once(); call stop() first");
}

void PyScheduler::refuse_at_end() {
  if (!program_ends()) return;
  stay_away_at_the_end();
  throw std::runtime_error("the program ends: no node runs any more");
}

PyNode& PyScheduler::find(const std::string& name) const {
  for (const pyb::object& node : nodes_) {
    if (name_of(node) == name) return *node_object(node).node;
  }
  raise_not_found("there is no node '" + name + "' in this scheduler");
}

void PyScheduler::add(const pyb::object& node) {
  refuse_while_running("add a node");
  refuse_while_stepped("add a node");
  const std::string& name = name_of(node);
  if (has_node(Text{name})) throw pyb::value_error("there is a node '" + name + "' already");
  nodes_.push_back(node);
}

void PyScheduler::remove(const Text& name) {
  refuse_while_stepped("remove a node");
  PyNode& found = find(name);
  if (is_running()) {
    const auto kept = pyb::reinterpret_borrow<pyb::object>(found.self());
    const auto run = run_;
    require_changed(run, name, [&](Run& its) { return its.remove(name); });
    // An executor or the asyncio loop must not wait here: it would wait for its own thread.
    if (ThreadState::current() == nullptr && !run->on_async_loop()) {
      const GilRelease others_run;
      found.wait_until_removed();
    }
  }
  std::erase_if(nodes_, [&](const pyb::object& node) { return name_of(node) == name; });
}

void PyScheduler::tick_once() {
  refuse_while_running("tick once");
  refuse_at_end();
  if (nodes_.empty()) throw pyb::value_error("the scheduler has no nodes to tick");
  if (!recording.is(pyb::bool_(false))) {
    throw std::runtime_error("recording is of run() and tick_for(): use horus.record() here");
  }
  if (run_ == nullptr || !run_->stepped()) {
    run_.reset();
    const auto run = std::make_shared<Run>(settings_, nodes_);
    run_ = run;  // An init() may stop it.
    try {
      run->prepare_steps();
    } catch (...) {
      run_.reset();
      throw;
    }
  }
  const auto run = run_;
  if (run->stepped()) run->step();
}

void PyScheduler::run(const pyb::object& self, std::optional<double> seconds) {
  refuse_while_running("run");
  refuse_at_end();
  if (before_runs.ptr() != nullptr && !before_runs.is_none()) before_runs(self);
  if (nodes_.empty()) throw pyb::value_error("the scheduler has no nodes to run");
  if (recording.is(pyb::bool_(false))) return run_parts(self, seconds);
  pyb::module_::import("horus._recordings").attr("run")(self, checked_duration(seconds));
}

void PyScheduler::run_parts(const pyb::object& self, std::optional<double> seconds) {
  const pyb::dict groups = groups_apart();
  if (groups.empty()) return run_own(seconds);
  pyb::module_::import("horus._hosts")
      .attr("run")(self, groups, options_of_hosts(), checked_duration(seconds));
}

pyb::dict PyScheduler::groups_apart() const {
  pyb::dict groups;
  for (const pyb::object& node : nodes_) {
    const PyNode& its = *node_object(node).node;
    if (!is_apart(its)) continue;
    const pyb::str host{its.spec.host};
    if (!groups.contains(host)) groups[host] = pyb::list{};
    groups[host].attr("append")(node);
  }
  return groups;
}

pyb::dict PyScheduler::options_of_hosts() const {
  pyb::dict options;
  options["tick_rate"] = settings_.tick_rate;
  options["rt"] = settings_.rt;
  options["verbose"] = settings_.verbose;
  options["gc"] = to_text(settings_.gc);
  options["robot"] = settings_.name;
  options["stop_timeout"] = std::chrono::duration<double>(settings_.stop_timeout).count();
  if (settings_.watchdog) {
    options["watchdog_ms"] = std::chrono::duration<double, std::milli>(*settings_.watchdog).count();
  }
  if (settings_.blackbox_mb != 0) options["blackbox_mb"] = settings_.blackbox_mb;
  if (settings_.max_deadline_misses != 0) {
    options["max_deadline_misses"] = settings_.max_deadline_misses;
  }
  return options;
}

int PyScheduler::traverse(visitproc visit, void* arg) const noexcept {
  for (const pyb::object& node : nodes_) Py_VISIT(node.ptr());
  for (const pyb::object* const one : {&on_ready, &hosts, &recording, &recorder}) {
    Py_VISIT(one->ptr());
  }
  return run_ != nullptr ? run_->traverse(visit, arg) : 0;
}

void PyScheduler::clear() noexcept {
  for (pyb::object* const one : {&on_ready, &hosts, &recording, &recorder}) *one = pyb::none();
  // Moved out first: destroying them may run Python code, which must not find them here.
  const auto run = std::exchange(run_, nullptr);
  const auto nodes = std::exchange(nodes_, {});
}

void PyScheduler::run_own(std::optional<double> seconds) {
  std::optional<Nanos> duration;
  if (seconds) duration = duration_of(*seconds, 1e9, "duration");
  std::vector<pyb::object> own;
  for (const pyb::object& node : nodes_) {
    if (!is_apart(*node_object(node).node)) own.push_back(node);
  }
  // Destroy the last run before the new one makes its page, which may have the same name.
  run_.reset();
  const auto run = std::make_shared<Run>(settings_, std::move(own));
  run->prepare();
  run_ = run;
  // From here on stop() reaches this run. A stop() before this point has only told the hosts.
  if (!hosts.is_none() && hosts.attr("over").cast<bool>()) return run_.reset();
  try {
    run->begin(duration);
  } catch (...) {
    run_.reset();
    throw;
  }
  run->execute(on_ready);
}

void PyScheduler::stop() {
  if (!hosts.is_none()) hosts.attr("give_up")();
  // Keeps the run alive: it may end within this call, and its callbacks may delete this object.
  if (const auto run = run_; run != nullptr) run->request_stop();
}

const char* PyScheduler::status() const noexcept {
  if (is_running()) return "running";
  return run_ == nullptr || run_->stepped() ? "idle" : "stopped";
}

std::uint64_t PyScheduler::current_tick() const noexcept {
  std::uint64_t latest = 0;
  if (run_ == nullptr) return latest;
  for (const NodeStats& node : run_->node_stats()) latest = std::max(latest, node.ticks.value());
  return latest;
}

bool PyScheduler::has_node(const Text& name) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const pyb::object& node) { return name_of(node) == name; });
}

std::vector<std::string> PyScheduler::node_names() const {
  std::vector<std::string> names;
  for (const pyb::object& node : nodes_) names.push_back(name_of(node));
  return names;
}

int PyScheduler::node_order(const Text& name) const {
  return find(name).spec.config.order;
}

void PyScheduler::change(NodeConfig& config, const NodeConfig& changed) {
  raise_unless(validate(changed));
  if (is_running()) {
    require_changed(run_, config.name.view(), [&](Run& run) { return run.update(changed); });
  }
  config = changed;
}

void PyScheduler::set_node_rate(const Text& name, double hz) {
  NodeConfig& config = find(name).spec.config;
  if (!Rate::valid_hz(hz)) throw pyb::value_error("rate must be 0.001 to 1000000 Hz");
  if (!config.rate) throw pyb::value_error("node '" + name + "' has no rate to change");
  NodeConfig changed = config;
  changed.rate = Rate::from_hz(hz);
  change(config, changed);
}

void PyScheduler::set_tick_budget(const Text& name, double microseconds) {
  NodeConfig& config = find(name).spec.config;
  NodeConfig changed = config;
  changed.budget = duration_of(microseconds, 1e3, "us");
  if (microseconds < 1) {
    throw pyb::value_error("us is in microseconds: write 300 for 300 us, not " +
                           repr_of(pyb::float_{microseconds}.ptr()));
  }
  raise_unless(validate(changed));
  if (is_running()) {
    require_changed(run_, name, [&](Run& run) { return run.set_budget(name, *changed.budget); });
  }
  config = changed;
}

void PyScheduler::set_watchdog(const Text& name, double milliseconds) {
  NodeConfig& config = find(name).spec.config;
  NodeConfig changed = config;
  changed.watchdog = duration_of(milliseconds, 1e6, "timeout_ms");
  change(config, changed);
}

void PyScheduler::supervise(int descriptor, std::optional<double> hang_timeout,
                            std::optional<double> start_timeout, const Text& robot,
                            bool of_service) {
  settings_.supervisor = descriptor;
  settings_.robot = robot;
  settings_.of_service = of_service && !robot.empty();
  if (hang_timeout) settings_.hang_timeout = duration_of(*hang_timeout, 1e9, "hang_timeout");
  if (start_timeout) settings_.first_tick = duration_of(*start_timeout, 1e9, "start_timeout");
}

void call_before_runs(pyb::object function) {
  before_runs = std::move(function);
}

pyb::dict PyScheduler::node_stats(const Text& name) const {
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
