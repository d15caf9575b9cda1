// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/text.hpp"
#include "pyhost/run/run.hpp"

namespace horus::py {

/// The Python class `Scheduler`: the nodes, the settings, and the latest run.
///
/// Thread safety: with the GIL, from any thread. run() drops it while it waits, so that other
/// threads can make the other calls meanwhile.
class PyScheduler {
 public:
  explicit PyScheduler(RunSettings settings) : settings_{std::move(settings)} {}

  /// Throws ValueError for a name that is taken, RuntimeError while running.
  void add(const pybind11::object& node);
  /// Removes a node, while running between two of its ticks. Waits for its shutdown(), except when
  /// called by an executor or the asyncio loop, which would wait for itself. Throws
  /// HorusNotFoundError for an unknown name, RuntimeError for a node of another host.
  void remove(const Text& name);

  /// Runs all nodes until the run is stopped, or for `seconds`; then throws what ended it. `self`:
  /// this scheduler's Python object. A recording is made by horus/_recordings.py around
  /// run_parts().
  void run(const pybind11::object& self, std::optional<double> seconds);
  /// run() without the recording. Nodes with a host run in processes of their own, which
  /// horus/_hosts.py starts and ends around run_own().
  void run_parts(const pybind11::object& self, std::optional<double> seconds);
  /// Runs only the nodes of this process.
  void run_own(std::optional<double> seconds);
  /// Ticks each node once, on this thread; the first call begins a run without threads.
  void tick_once();
  /// Asks the run to stop; does not wait.
  void stop();

  /// "idle", "running" or "stopped".
  const char* status() const noexcept;
  bool is_running() const noexcept {
    return !hosts.is_none() || (run_ != nullptr && run_->running());
  }
  /// How many ticks the node with the most ticks has had in the latest run.
  std::uint64_t current_tick() const noexcept;

  bool has_node(const Text& name) const;
  /// In the order in which the nodes were added.
  std::vector<std::string> node_names() const;
  const std::vector<pybind11::object>& nodes() const noexcept { return nodes_; }
  /// The node's order=. HorusNotFoundError for an unknown name.
  int node_order(const Text& name) const;
  const std::string& name() const noexcept { return settings_.name; }
  /// See Run::ended_by_miss(); of the latest run.
  std::string ended_by_miss() const { return run_ != nullptr ? run_->ended_by_miss() : ""; }
  /// Sets the name where none was given.
  void set_default_name(const Text& name) {
    if (settings_.name.empty()) settings_.name = name;
  }

  // The next three change a node for the run under way and for later ones. ValueError for a bad
  // value, HorusNotFoundError for an unknown name, RuntimeError where a run is under way in which
  // the node does not tick in this process.
  void set_node_rate(const Text& name, double hz);
  /// `microseconds`: at least 1.
  void set_tick_budget(const Text& name, double microseconds);
  void set_watchdog(const Text& name, double milliseconds);

  /// See stats_of(). HorusNotFoundError for an unknown name.
  pybind11::dict node_stats(const Text& name) const;
  /// Misses, overruns, watchdog expirations and safe states of the latest run.
  pybind11::dict safety_stats() const;
  /// What the latest run wanted and was not granted: dicts of feature, reason, severity and fix.
  pybind11::list degradations() const;

  /// The level of all nodes, such as "warning". A text that is no level: as `verbose` says.
  void set_log_level(const Text& level) noexcept {
    settings_.log_level = parse_word<LogLevel>(level);
  }
  /// This process is a host of a supervisor, which reads `descriptor` and ends the process when it
  /// hangs. Times in seconds. `robot`: the robot that this host belongs to; empty: it is a robot by
  /// itself. `of_service`: a service runs that robot.
  void supervise(int descriptor, std::optional<double> hang_timeout,
                 std::optional<double> start_timeout, const Text& robot, bool of_service);

  /// For Python's cyclic collector: tp_traverse and tp_clear.
  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;

  /// Called once each node of a run has ticked.
  pybind11::object on_ready = pybind11::none();
  /// The Hosts object (horus/_hosts.py) of a run that is under way; None: there is none.
  pybind11::object hosts = pybind11::none();
  /// True, or the path of the file that runs are recorded to; False: no recording.
  pybind11::object recording = pybind11::bool_(false);
  /// The Recorder of the latest run.
  pybind11::object recorder = pybind11::none();
  /// Whether nodes with host= run in other processes. False inside such a process.
  bool hosts_apart = true;

 private:
  PyNode& find(const std::string& name) const;
  void refuse_while_running(const char* what) const;
  void refuse_while_stepped(const char* what) const;
  static void refuse_at_end();
  /// Changes a node's configuration for the next run, and for the one that is under way.
  void change(NodeConfig& config, const NodeConfig& changed);
  bool is_apart(const PyNode& node) const noexcept {
    return hosts_apart && !node.spec.host.empty();
  }
  pybind11::dict groups_apart() const;
  pybind11::dict options_of_hosts() const;

  RunSettings settings_;
  std::vector<pybind11::object> nodes_;
  std::shared_ptr<Run> run_;
};

/// Adds `Scheduler`.
void bind_scheduler(pybind11::module_& module);

/// From now on `function` is called with each scheduler before it runs. If it raises, the scheduler
/// does not run and the exception is passed on. None ends this.
void call_before_runs(pybind11::object function);

/// Raises HorusNotFoundError.
[[noreturn]] void raise_not_found(const std::string& text);
/// Adds HorusNotFoundError, HorusTransformError and HorusTimeoutError.
void bind_exceptions(pybind11::module_& module);

}  // namespace horus::py
