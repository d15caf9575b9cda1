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

/// `Scheduler` of Python: the nodes, the settings, and the latest run.
///
/// Thread safety: with the GIL; run() drops it while it waits, and every other call works then,
/// from any thread.
class PyScheduler {
 public:
  explicit PyScheduler(RunSettings settings) : settings_{std::move(settings)} {}

  /// Throws ValueError for a name that is taken, RuntimeError while running.
  void add(const pybind11::object& node);
  /// While running: between two of its ticks. Returns once it has shut down, but in a callback.
  void remove(const Text& name);

  /// `self`: this scheduler as Python has it. One that records has horus/_recordings.py do so
  /// around run_parts().
  void run(const pybind11::object& self, std::optional<double> seconds);
  /// Nodes with a host run in processes of their own, which horus/_hosts.py starts and ends around
  /// run_own().
  void run_parts(const pybind11::object& self, std::optional<double> seconds);
  /// The nodes of this process.
  void run_own(std::optional<double> seconds);
  void tick_once();
  void stop();

  const char* status() const noexcept;
  bool is_running() const noexcept {
    return !hosts.is_none() || (run_ != nullptr && run_->running());
  }
  std::uint64_t current_tick() const noexcept;

  bool has_node(const Text& name) const;
  std::vector<std::string> node_names() const;
  const std::vector<pybind11::object>& nodes() const noexcept { return nodes_; }
  int node_order(const Text& name) const;
  const std::string& name() const noexcept { return settings_.name; }
  /// See Run, of the latest one.
  std::string ended_by_miss() const { return run_ != nullptr ? run_->ended_by_miss() : ""; }
  /// Where none was given.
  void set_default_name(const Text& name) {
    if (settings_.name.empty()) settings_.name = name;
  }

  void set_node_rate(const Text& name, double hz);
  void set_tick_budget(const Text& name, double microseconds);
  void set_watchdog(const Text& name, double milliseconds);

  pybind11::dict node_stats(const Text& name) const;
  pybind11::dict safety_stats() const;
  pybind11::list degradations() const;

  /// "warning"; any other text than a level's: as `verbose` says.
  void set_log_level(const Text& level) noexcept {
    settings_.log_level = parse_word<LogLevel>(level);
  }
  /// A supervisor reads `descriptor`, and ends this process when it hangs. Times in seconds.
  /// `robot`: whose host this is; empty: it is a robot by itself.
  void supervise(int descriptor, std::optional<double> hang_timeout,
                 std::optional<double> start_timeout, const Text& robot, bool of_service);

  /// For Python's cyclic collector: tp_traverse and tp_clear.
  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;

  /// Called once each node of a run has ticked.
  pybind11::object on_ready = pybind11::none();
  /// The Hosts of a run that is under way.
  pybind11::object hosts = pybind11::none();
  /// True, or the path of the file that a run is recorded to; False: it is not.
  pybind11::object recording = pybind11::bool_(false);
  /// The Recorder of the latest run.
  pybind11::object recorder = pybind11::none();
  /// False in a host: all nodes are its own.
  bool hosts_apart = true;

 private:
  PyNode& find(const std::string& name) const;
  void refuse_while_running(const char* what) const;
  void refuse_while_stepped(const char* what) const;
  static void refuse_at_end();
  /// For the next run, and for the one that is under way.
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

/// Adds `Scheduler` and `HorusNotFoundError` and its kin.
void bind_scheduler(pybind11::module_& module);

/// Has `function` called with each scheduler before it runs, which what it raises prevents; none
/// ends that.
void call_before_runs(pybind11::object function);

/// Raises HorusNotFoundError.
[[noreturn]] void raise_not_found(const std::string& text);
void bind_exceptions(pybind11::module_& module);

}  // namespace horus::py
