// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/node/async_loop.hpp"
#include "pyhost/node/py_node.hpp"
#include "pyhost/run/collector.hpp"
#include "pyhost/run/gil_hook.hpp"
#include "pyhost/run/hang_guard.hpp"
#include "pyhost/run/host_box.hpp"
#include "pyhost/run/host_log.hpp"
#include "pyhost/run/host_socket.hpp"
#include "pyhost/run/own_calls.hpp"
#include "pyhost/run/signals.hpp"
#include "rt/base/stop_latch.hpp"
#include "rt/crash.hpp"
#include "rt/scheduler.hpp"
#include "shm/stats_page.hpp"
#include "shm/stop_keeper.hpp"

namespace horus::py {

/// What Scheduler(...) was told, checked.
struct RunSettings {
  std::string name;  ///< Of the host; empty: "py-<pid>".
  double tick_rate = 1000.0;
  bool rt = false;
  bool verbose = false;
  std::optional<LogLevel> log_level = {};  ///< Of all nodes; nothing: what `verbose` says.
  std::optional<Nanos> watchdog;
  std::optional<Nanos> hang_timeout = {};       ///< See WatchdogOptions.
  Nanos first_tick = std::chrono::seconds{60};  ///< Imports and first calls take long.
  Nanos stop_timeout = std::chrono::seconds{5};
  int supervisor = -1;        ///< The descriptor that a supervisor reads.
  std::string robot = {};     ///< Whose latch it obeys and does not keep; empty: its own.
  bool of_service = false;    ///< That robot's service has to live.
  std::optional<Nanos> spin;  ///< Nothing: see rt/spin_policy.hpp.
  int max_deadline_misses = 0;
  double blackbox_mb = 0;  ///< 0: the default.
  CpuSet cores;
  GcPolicy gc = GcPolicy::kSlack;
};

/// Wakes an event node when one of its ports gets data.
class PortSource final : public WakeSource {
 public:
  explicit PortSource(Port& port) noexcept : port_{port} {}
  bool wait_until(TimePoint until) noexcept override { return port_.wait_for_new(until); }
  void interrupt() noexcept override { port_.interrupt(); }

 private:
  Port& port_;
};

/// One run of a scheduler, from its statistics page to the last shutdown(). In run.cpp; what comes
/// before its threads in run_prepare.cpp, stops and arming in run_safety.cpp, a run without threads
/// in run_steps.cpp.
///
/// Thread safety: with the GIL, but for what NodeHost says. It lives until the next run of the
/// same scheduler, so that statistics can be read after the end.
class Run final : public NodeHost, private shm::StopSide, private SafetySide {
 public:
  Run(const RunSettings& settings, std::vector<pybind11::object> nodes);
  ~Run() override;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Creates the statistics page, opens the nodes' ports, plans. Throws.
  void prepare();
  /// Then starts to run, until it is stopped or for `duration`. Throws where no thread is to be
  /// had: then nothing has run.
  void begin(std::optional<Nanos> duration);
  /// Then waits for the end; drops the GIL while it waits. Throws what ended it: KeyboardInterrupt,
  /// or the exception of a node with failure policy fatal. `on_ready` may be none; else it is
  /// called once each node has ticked.
  void execute(const pybind11::object& on_ready);

  /// In place of these three: opens the page and the ports, and calls every init(), on
  /// this thread. Throws what an init() raises.
  void prepare_steps();
  /// Ticks every node once, on this thread. Throws what ends the run.
  void step();
  /// Between the first init() and the last shutdown() of a stepped run.
  bool stepped() const noexcept { return steps_ != nullptr; }
  /// Calls every shutdown(), at once or when the step that is under way has ended.
  void stop_steps() noexcept;
  void end_steps() noexcept;

  bool running() const noexcept { return running_; }
  /// As tp_traverse does. Not of one that is under way: it ends before its nodes do.
  int traverse(visitproc visit, void* arg) const noexcept;
  Nanos stop_timeout() const noexcept { return settings_.stop_timeout; }
  void request_stop() noexcept override;
  TimePoint epoch() const noexcept override;
  void initialised() noexcept override;
  void interrupt(PyObject* exception) noexcept override;
  void count_safe_state() noexcept override {
    // relaxed: a number on its own.
    safe_states_.fetch_add(1, std::memory_order_relaxed);
  }
  void want_safe_state(PyNode& node) noexcept override;
  AsyncLoop& async_loop() override;
  /// Whether the caller is the asyncio loop's thread.
  bool on_async_loop() const noexcept;
  void want_cancel() noexcept override;

  std::span<const NodeStats> node_stats() const noexcept;
  const std::vector<Degradation>& degradations() const noexcept { return report_.degraded; }
  /// See horus.estop() and its kin. From any thread with the GIL.
  void estop(std::string_view why) noexcept;
  Status release();
  Status arm(std::string_view node) noexcept override;
  Status disarm(std::string_view node) noexcept override;
  Status set_budget(const std::string& node, Nanos budget) noexcept;
  Status update(const NodeConfig& config) noexcept;
  Status remove(const std::string& node) noexcept;
  /// The node whose missed deadline has ended it, and that in words, for nothing is raised then;
  /// empty: none has.
  std::string ended_by_miss() const;
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
  struct Steps;
  void end_step();
  void prepare_node(std::size_t index);
  void open_page();
  void open_socket();
  void keep_stops();
  void begin_stopped(const LatchFinding& found);
  void let_stops_go() noexcept;
  bool is_supervised() const noexcept { return settings_.supervisor >= 0; }
  Safety* safety() noexcept;
  Safety* stepped_safety() noexcept;
  Status may_release_steps() const noexcept;
  Status release_steps(Safety::View seen) noexcept;
  Status arm_steps(std::string_view node, bool arms) noexcept;
  // Of StopSide and SafetySide: without the GIL, between keep_stops() and let_stops_go().
  std::optional<StopNote> stopped() noexcept override;
  void stop(StopCause cause, std::string_view text) noexcept override;
  void follow(std::int64_t since_ns) noexcept override;
  std::uint64_t seen() noexcept override;
  Status may_release() noexcept override;
  Status release(std::uint64_t seen) noexcept override;
  Status release_all() override { return stops_->release(); }
  Status may_release_all() override { return stops_->may_release(); }
  bool ending() noexcept override { return guard_ && guard_->wants_stop(); }
  void tell(const std::string& text) noexcept override;
  void open_box();
  BlackBox* box() const noexcept { return box_ ? &box_->box() : nullptr; }
  std::string say_what_stopped_it() const;
  /// The last word in the box.
  void tell_end() noexcept;
  void tell_lack(const char* what, const Error& why) const;
  bool ended_in_order() const noexcept;
  /// `in_order`: who needs this host need not stop for it.
  void unname_pages(bool in_order) noexcept {
    if (in_order) page_->host().safety.set(SafetyState::kStopped);
    // Last the page: with it goes the name, and another host may have it and its files then.
    if (socket_ != nullptr) socket_->remove();
    log_.unname();
    if (const auto box = std::exchange(box_, nullptr)) box->remove();
    page_->remove();
  }
  void make_scheduler();
  NodeConfig config_of(const NodeSpec& spec) const;
  void add_node(NodeObject& node);
  Nanos shortest_budget() const;
  void degrade(const char* feature, std::string reason, const char* fix, int severity = 1);
  void serve(const pybind11::object& on_ready) noexcept;
  void tell_ready(const pybind11::object& on_ready) noexcept;
  void serve_signals() noexcept;
  void report() const noexcept;
  void serve_safe_states() noexcept;
  void serve_interrupts() noexcept;
  void serve_cancels() noexcept;
  void want_interrupt(const NodeName& node) noexcept;
  void run_scheduler(std::optional<Nanos> duration) noexcept;
  void finish() noexcept;
  void raise_what_ended_it();

  const RunSettings settings_;
  const std::uint64_t began_ = cycle_count();  ///< Nodes receive what was sent since.
  std::vector<pybind11::object> nodes_;
  std::vector<std::unique_ptr<PortSource>> sources_;
  std::shared_ptr<shm::StatsPage> page_;  ///< The nodes hold it as well, past this run.
  std::shared_ptr<HostBox> box_;          ///< Null: no events are kept.
  bool page_is_public_ = false;
  bool running_ = false;
  RtReport report_;
  HostLog log_;  ///< What the host itself has to say is written whatever level its nodes have.
  GilHooks hooks_;
  std::optional<ConstantInterval> constant_interval_;  ///< Where the GIL cannot be asked for.
  Wakeup wakeup_;
  std::optional<CrashScope> crashes_;   ///< As long as it runs.
  std::optional<SignalScope> signals_;  ///< From before the page is seen until after it is gone.
  OwnCalls own_calls_;
  std::optional<HangGuard> guard_;         ///< Outlives the scheduler.
  std::shared_ptr<shm::Session> session_;  ///< As does what it sends on.
  std::unique_ptr<AsyncLoop> async_loop_;  ///< Where a node has an async function.
  StopWords others_;
  std::unique_ptr<Scheduler> scheduler_;
  std::thread runner_;
  std::unique_ptr<shm::StopKeeper> stops_;
  std::shared_ptr<SafetyPort> safety_port_;  ///< What the socket's thread acts on.
  std::shared_ptr<HostSocket> socket_;
  std::shared_ptr<Steps> steps_;

  std::size_t waiting_for_init_ = 0;
  bool collecting_ = false;         ///< Attached to the Collector.
  GcPolicy gc_ = GcPolicy::kSlack;  ///< In force, when this run began.
  pybind11::object interruption_;   ///< What shall be raised at the end.
  std::atomic<bool> ended_{false};
  std::atomic<bool> cancel_wanted_{false};
  std::atomic<std::uint64_t> safe_states_{0};
  std::uint64_t watchdog_expirations_ = 0;  ///< Of a run that has ended.
  std::mutex wanted_mutex_;
  std::vector<PyNode*> safe_wanted_;
  std::vector<NodeName> interrupts_wanted_;
  // Of the thread that runs the scheduler, read once it has ended.
  Status started_;
  StopReport stopped_;
};

/// Takes back the files of every run of this process, whose end is near: statistics, lines of its
/// log, socket. Needs no GIL.
void remove_all_files() noexcept;
/// In a child of fork(): they are the parent's.
void forget_all_files() noexcept;

/// Every run of this process that is under way. With the GIL.
std::vector<Run*> running_runs();

/// Stops every run of this process and waits for its end; for the exit handler. Drops the GIL.
void stop_all_runs() noexcept;

/// In a child of fork(): there is no run any more, and the parent's go on.
void forget_runs_after_fork() noexcept;

std::vector<Run*> stepped_runs_under_way();
/// The same for stepped runs.
void stop_stepped_runs() noexcept;
/// With the GIL. The program ends: no run begins any more.
bool program_ends() noexcept;
void forget_stepped_runs_after_fork() noexcept;

/// Adds estop() and its kin.
void bind_safety(pybind11::module_& module);

}  // namespace horus::py
