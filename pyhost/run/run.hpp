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

#include <horus/scheduler.hpp>

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
#include "shm/stats_page.hpp"
#include "shm/stop_keeper.hpp"

namespace horus::py {

/// The arguments of Scheduler(...), checked.
struct RunSettings {
  std::string name;           ///< Name of the host; empty: "py-<pid>".
  double tick_rate = 1000.0;  ///< Hz, of nodes without a rate of their own.
  bool rt = false;            ///< Ask for SCHED_FIFO, locked memory and a low wake-up latency.
  bool verbose = false;       ///< Log level debug instead of info.
  std::optional<LogLevel> log_level = {};        ///< Of all nodes; nothing: what `verbose` says.
  std::optional<Nanos> watchdog;                 ///< Of all nodes; nothing: their own.
  std::optional<Nanos> hang_timeout = {};        ///< See WatchdogOptions.
  Nanos first_tick = std::chrono::seconds{60};   ///< Limit of the first tick: imports take long.
  Nanos stop_timeout = std::chrono::seconds{5};  ///< 0: wait for ever.
  int supervisor = -1;             ///< The descriptor that a supervisor reads; -1: there is none.
  std::string robot = {};          ///< Robot whose stop latch it obeys; empty: it keeps its own.
  bool of_service = false;         ///< A service runs that robot; actuators need it to be alive.
  std::optional<Nanos> spin;       ///< The longest spin; nothing: see rt/spin_policy.hpp.
  int max_deadline_misses = 0;     ///< In a row, see SchedulerOptions; 0: no limit.
  double blackbox_mb = 0;          ///< MiB; 0: the default.
  CpuSet cores;                    ///< CPUs of its threads; empty: no restriction.
  GcPolicy gc = GcPolicy::kSlack;  ///< Asked for; see Collector::attach().
};

/// Wakes an event node when the port that it waits for gets data.
class PortSource final : public WakeSource {
 public:
  explicit PortSource(Port& port) noexcept : port_{port} {}
  bool wait_until(TimePoint until) noexcept override { return port_.wait_for_new(until); }
  void interrupt() noexcept override { port_.interrupt(); }

 private:
  Port& port_;
};

/// One run of a scheduler, from its statistics page to the last shutdown(). The scheduler of rt
/// runs on a thread of its own; the thread that called run() serves signals, safe states and
/// interruptions meanwhile. run_prepare.cpp has what comes before the threads, run_safety.cpp stops
/// and arming, run_steps.cpp a run without threads, run.cpp the rest.
///
/// Thread safety: with the GIL, except where NodeHost says otherwise. It lives until the next run
/// of the same scheduler, so that statistics can be read after the end.
class Run final : public NodeHost, private shm::StopSide, private SafetySide {
 public:
  /// Only keeps its arguments: prepare() or prepare_steps() begins the work.
  Run(const RunSettings& settings, std::vector<pybind11::object> nodes);
  ~Run() override;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // A run with threads: the next three calls, in this order, from the same thread.
  /// Creates the statistics page, opens the nodes' ports, and makes the scheduler. Throws.
  void prepare();
  /// Starts the run. It lasts until it is stopped, or for `duration`. Throws where no thread can be
  /// started; then nothing has run.
  void begin(std::optional<Nanos> duration);
  /// Waits for the end of the run; drops the GIL while it waits. Throws what ended it, such as
  /// KeyboardInterrupt, SystemExit, or the exception of a node with failure policy fatal.
  /// `on_ready` is None, or is called once each node has ticked.
  void execute(const pybind11::object& on_ready);

  // A run without threads, for tick_once().
  /// Opens the page and the ports, and calls every init(), on this thread. Throws what an init()
  /// raises.
  void prepare_steps();
  /// Ticks every node once, on this thread. Throws what ends the run, and where a step is under way
  /// already.
  void step();
  /// Whether this is a run without threads that has begun and has not ended.
  bool stepped() const noexcept { return steps_ != nullptr; }
  /// Ends the run: at once, or at the end of the step that is under way.
  void stop_steps() noexcept;
  /// Calls every shutdown() and takes the run's files away.
  void end_steps() noexcept;

  bool running() const noexcept { return running_; }
  /// For tp_traverse of the scheduler. Visits nothing while the run is under way, so that its nodes
  /// are not taken for garbage: the run must end before them.
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

  /// In the order of the nodes; empty before the page exists.
  std::span<const NodeStats> node_stats() const noexcept;
  const std::vector<Degradation>& degradations() const noexcept { return report_.degraded; }
  /// The next four are horus.estop(), release(), arm() and disarm(). From any thread with the GIL;
  /// arm() and disarm() also from the socket's thread, which has no GIL. An empty `node`: all
  /// actuators.
  void estop(std::string_view why) noexcept;
  Status release();
  Status arm(std::string_view node) noexcept override;
  Status disarm(std::string_view node) noexcept override;
  /// The next three change a node of a run with threads. kNotFound where there is no such node, or
  /// no scheduler.
  Status set_budget(const std::string& node, Nanos budget) noexcept;
  Status update(const NodeConfig& config) noexcept;
  Status remove(const std::string& node) noexcept;
  /// Says in words which node's missed deadline has ended the run: nothing is raised in that case.
  /// Empty: none has.
  std::string ended_by_miss() const;
  std::uint64_t watchdog_expirations() const noexcept {
    return scheduler_ != nullptr ? scheduler_->watchdog_expirations() : watchdog_expirations_;
  }
  std::uint64_t safe_states() const noexcept {
    // relaxed: see count_safe_state().
    return safe_states_.load(std::memory_order_relaxed);
  }

  /// In a child of fork(): lets go of threads, files and pages without ending or removing them,
  /// since they are the parent's.
  void forget_after_fork() noexcept;

 private:
  struct Steps;
  void end_step();
  void prepare_node(std::size_t index);
  void open_page();
  void open_socket();
  /// Begins to keep this run's emergency stops and to obey those of other hosts; stops the run at
  /// once where the latch says so.
  void keep_stops();
  void begin_stopped(const LatchFinding& found);
  void let_stops_go() noexcept;
  bool is_supervised() const noexcept { return settings_.supervisor >= 0; }
  /// The scheduler's, or that of a run without threads; null where there is neither.
  Safety* safety() noexcept;
  Safety* stepped_safety() noexcept;
  Status may_release_steps() const noexcept;
  Status release_steps(Safety::View seen) noexcept;
  Status arm_steps(std::string_view node, bool arms) noexcept;
  // StopSide and SafetySide: called by other threads without the GIL, between keep_stops() and
  // let_stops_go().
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
  /// Writes why the run ended into the black box.
  void tell_end() noexcept;
  void tell_lack(const char* what, const Error& why) const;
  bool ended_in_order() const noexcept;
  /// Takes the run's files away. `in_order`: the run ended as asked, so that hosts for which this
  /// one is critical need not stop.
  void unname_pages(bool in_order) noexcept {
    if (in_order) page_->host().safety.set(SafetyState::kStopped);
    // The page goes last. With it goes the host's name; another host may then take the name and
    // create the same files.
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
  // What the thread of run() does while the scheduler runs. Other threads ask for it by want_...(),
  // without the GIL, and ring.
  void serve(const pybind11::object& on_ready) noexcept;
  void tell_ready(const pybind11::object& on_ready) noexcept;
  void serve_signals() noexcept;
  void report() const noexcept;
  void serve_safe_states() noexcept;
  void serve_interrupts() noexcept;
  void serve_cancels() noexcept;
  void want_interrupt(const NodeName& node) noexcept;
  /// The body of `runner_`.
  void run_scheduler(std::optional<Nanos> duration) noexcept;
  /// Ends all that the run has begun, once the scheduler has ended.
  void finish() noexcept;
  /// Throws the interruption, the error of starting, or the exception of the node that has failed.
  void raise_what_ended_it();

  const RunSettings settings_;
  const std::uint64_t began_ = cycle_count();  ///< Nodes receive messages sent from here on.
  std::vector<pybind11::object> nodes_;
  std::vector<std::unique_ptr<PortSource>> sources_;  ///< One for each event node.
  std::shared_ptr<shm::StatsPage> page_;              ///< The nodes hold it as well, past this run.
  std::shared_ptr<HostBox> box_;                      ///< Null: no black box.
  bool page_is_public_ = false;                       ///< The page's file still has its name.
  bool running_ = false;
  RtReport report_;
  HostLog log_;  ///< Lines of the host itself are written whatever level its nodes have.
  GilHooks hooks_;
  std::optional<ConstantInterval> constant_interval_;  ///< Where GilArbiter cannot be used.
  Wakeup wakeup_;
  std::optional<CrashScope> crashes_;   ///< While the run lasts.
  std::optional<SignalScope> signals_;  ///< From before the page is seen until after it is gone.
  OwnCalls own_calls_;
  std::optional<HangGuard> guard_;         ///< Declared first, as it must outlive the scheduler.
  std::shared_ptr<shm::Session> session_;  ///< Likewise: the scheduler sends through it.
  std::unique_ptr<AsyncLoop> async_loop_;  ///< Null: no node has an async function.
  StopWords others_;                       ///< The stop words of other hosts.
  std::unique_ptr<Scheduler> scheduler_;
  std::thread runner_;                       ///< Starts the scheduler and waits for its end.
  std::unique_ptr<shm::StopKeeper> stops_;   ///< Keeps this run's stops and finds others'.
  std::shared_ptr<SafetyPort> safety_port_;  ///< What the socket's thread acts on.
  std::shared_ptr<HostSocket> socket_;       ///< Null: the host has no socket.
  std::shared_ptr<Steps> steps_;             ///< Of a run without threads; null otherwise.

  std::size_t waiting_for_init_ = 0;  ///< Nodes whose first init() is not over.
  bool collecting_ = false;           ///< Attached to the Collector.
  GcPolicy gc_ = GcPolicy::kSlack;    ///< The policy in force when this run began.
  pybind11::object interruption_;     ///< The exception to raise at the end; null: none.
  std::atomic<bool> ended_{false};    ///< The scheduler has ended.
  std::atomic<bool> cancel_wanted_{false};
  std::atomic<std::uint64_t> safe_states_{0};  ///< How often a node went into its safe state.
  std::uint64_t watchdog_expirations_ = 0;     ///< Kept of a run that has ended.
  std::mutex wanted_mutex_;  ///< Guards the next two; taken with and without the GIL.
  std::vector<PyNode*> safe_wanted_;
  std::vector<NodeName> interrupts_wanted_;
  // Written by `runner_`; read by others once `ended_` is set.
  Status started_;
  StopReport stopped_;
};

/// Takes away the files of every run of this process, which is about to end: sockets, logs, black
/// boxes, statistics. Needs no GIL; waits for the disk.
void remove_all_files() noexcept;
/// In a child of fork(): forgets these files, since they are the parent's.
void forget_all_files() noexcept;

/// Every run of this process that is under way, with and without threads. With the GIL.
std::vector<Run*> running_runs();

/// Stops every run of this process and waits for its end; no run can begin after this. For the exit
/// handler. With the GIL, which it drops while it waits.
void stop_all_runs() noexcept;

/// In a child of fork(): forgets every run, since the parent's threads do not exist here.
void forget_runs_after_fork() noexcept;

/// The runs without threads that are under way. With the GIL.
std::vector<Run*> stepped_runs_under_way();
/// Like stop_all_runs(), for runs without threads.
void stop_stepped_runs() noexcept;
/// Whether stop_all_runs() was called: no run begins any more. With the GIL.
bool program_ends() noexcept;
/// Like forget_runs_after_fork(), for runs without threads.
void forget_stepped_runs_after_fork() noexcept;

/// Adds estop(), release(), arm() and disarm().
void bind_safety(pybind11::module_& module);

}  // namespace horus::py
