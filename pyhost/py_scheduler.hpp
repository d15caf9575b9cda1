// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/run.hpp"

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
  void remove(const std::string& name);

  void run(std::optional<double> seconds);
  void stop() noexcept;

  const char* status() const noexcept;
  bool is_running() const noexcept { return run_ != nullptr && run_->running(); }
  std::uint64_t current_tick() const noexcept;

  bool has_node(const std::string& name) const;
  std::vector<std::string> node_names() const;
  const std::vector<pybind11::object>& nodes() const noexcept { return nodes_; }
  int node_order(const std::string& name) const;
  const std::string& name() const noexcept { return settings_.name; }

  void set_node_rate(const std::string& name, double hz);
  void set_tick_budget(const std::string& name, double microseconds);
  void set_watchdog(const std::string& name, double milliseconds);

  pybind11::dict node_stats(const std::string& name) const;
  pybind11::dict safety_stats() const;
  pybind11::list degradations() const;

  bool log_prefix() const noexcept { return settings_.log_prefix; }
  void set_log_prefix(bool prefix) noexcept { settings_.log_prefix = prefix; }

  /// Called once each node of a run has ticked.
  pybind11::object on_ready = pybind11::none();

 private:
  PyNode& find(const std::string& name) const;
  void refuse_while_running(const char* what) const;

  RunSettings settings_;
  std::vector<pybind11::object> nodes_;
  std::shared_ptr<Run> run_;
};

/// Adds `Scheduler` and `HorusNotFoundError` and its kin.
void bind_scheduler(pybind11::module_& module);

/// Raises HorusNotFoundError.
[[noreturn]] void raise_not_found(const std::string& text);
void bind_exceptions(pybind11::module_& module);

}  // namespace horus::py
