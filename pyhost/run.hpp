// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/gc.hpp"
#include "pyhost/host_log.hpp"
#include "pyhost/py_executor.hpp"
#include "pyhost/py_node.hpp"
#include "pyhost/signals.hpp"
#include "rt/scheduler.hpp"
#include "shm/stats_page.hpp"

namespace horus::py {

/// What Scheduler(...) was told, checked.
struct RunSettings {
  std::string name;  ///< Of the host; empty: "py-<pid>".
  double tick_rate = 1000.0;
  bool rt = false;
  bool verbose = false;
  bool log_prefix = false;  ///< A supervisor reads stderr.
  std::optional<Nanos> watchdog;
  std::optional<Nanos> spin;  ///< Nothing: see rt/spin_policy.hpp.
  int max_deadline_misses = 0;
  CpuSet cores;
  GcPolicy gc = GcPolicy::kSlack;
};

/// Wakes an event node when one of its ports gets data.
class PortSource final : public WakeSource {
 public:
  explicit PortSource(Port& port) noexcept : port_{port} {}
  bool wait_until(TimePoint until) noexcept override { return port_.wait_until(until); }
  void interrupt() noexcept override { port_.interrupt(); }

 private:
  Port& port_;
};

/// One run of a scheduler, from its statistics page to the last shutdown().
///
/// Thread safety: with the GIL, but for what NodeHost says. It lives until the next run of the
/// same scheduler, so that statistics can be read after the end.
class Run final : public NodeHost {
 public:
  Run(const RunSettings& settings, std::vector<pybind11::object> nodes);
  ~Run() override;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Creates the statistics page, opens the nodes' ports, plans. Throws.
  void prepare();
  /// Runs until stopped, or for `duration`; drops the GIL while it waits. Throws what ended it:
  /// KeyboardInterrupt, or the exception of a node with failure policy fatal. `on_ready` may be
  /// none; else it is called once each node has ticked.
  void execute(std::optional<Nanos> duration, const pybind11::object& on_ready);

  bool running() const noexcept { return running_; }
  void request_stop() noexcept override;
  TimePoint epoch() const noexcept override { return scheduler_->epoch(); }
  void initialised() noexcept override;
  void interrupt(PyObject* exception) noexcept override;
  void count_safe_state() noexcept override {
    // relaxed: a number on its own.
    safe_states_.fetch_add(1, std::memory_order_relaxed);
  }
  void want_safe_state(PyNode& node) noexcept override;

  std::span<const NodeStats> node_stats() const noexcept;
  const std::vector<Degradation>& degradations() const noexcept { return report_.degraded; }
  Status set_budget(const std::string& node, Nanos budget) noexcept;
  /// With the GIL.
  std::uint64_t watchdog_expirations() const noexcept {
    return scheduler_ != nullptr ? scheduler_->watchdog_expirations() : watchdog_expirations_;
  }
  std::uint64_t safe_states() const noexcept {
    // relaxed: see count_safe_state().
    return safe_states_.load(std::memory_order_relaxed);
  }

  /// In a child of fork(): the parent's threads, files and pages are not ours.
  void forget_after_fork() noexcept;

 private:
  void prepare_node(std::size_t index);
  void open_page();
  void make_scheduler();
  void add_node(NodeObject& node);
  Nanos shortest_budget() const;
  void degrade(const char* feature, std::string reason, const char* fix);
  void serve(const pybind11::object& on_ready) noexcept;
  void tell_ready(const pybind11::object& on_ready) noexcept;
  void serve_signals() noexcept;
  void serve_safe_states() noexcept;
  void run_scheduler(std::optional<Nanos> duration) noexcept;
  void finish() noexcept;
  void raise_what_ended_it();

  const RunSettings settings_;
  std::vector<pybind11::object> nodes_;
  std::vector<std::unique_ptr<PortSource>> sources_;
  std::shared_ptr<shm::StatsPage> page_;  ///< The nodes hold it as well, past this run.
  bool page_is_public_ = false;
  bool running_ = false;
  RtReport report_;
  HostLog log_;
  GilHooks hooks_;
  std::optional<ConstantInterval> constant_interval_;  ///< Where the GIL cannot be asked for.
  Wakeup wakeup_;
  std::optional<SignalScope> signals_;  ///< From before the page is seen until after it is gone.
  std::unique_ptr<Scheduler> scheduler_;

  std::size_t waiting_for_init_ = 0;
  bool collecting_ = false;         ///< Attached to the Collector.
  GcPolicy gc_ = GcPolicy::kSlack;  ///< In force, when this run began.
  pybind11::object interruption_;   ///< What shall be raised at the end.
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> safe_states_{0};
  std::uint64_t watchdog_expirations_ = 0;  ///< Of a run that has ended.
  std::mutex safe_mutex_;
  std::vector<PyNode*> safe_wanted_;
  // Of the thread that runs the scheduler, read once it has ended.
  Status started_;
  StopReport stopped_;
};

/// Stops every run of this process and waits for its end; for the exit handler. Drops the GIL.
void stop_all_runs() noexcept;

/// In a child of fork(): there is no run any more, and the parent's go on.
void forget_runs_after_fork() noexcept;

}  // namespace horus::py
