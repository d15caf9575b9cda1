// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include <horus/node.hpp>

#include "pyhost/node/callback.hpp"
#include "pyhost/topic/port_table.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/node_runner.hpp"

namespace horus::py {

class AsyncCall;
class AsyncLoop;
class PyNode;
struct RunningTick;

/// What a node needs of the run that it takes part in. Implemented by Run.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  /// When the run began.
  virtual TimePoint epoch() const noexcept = 0;
  /// Asks the run to stop; does not wait.
  virtual void request_stop() noexcept = 0;
  /// Lets a node with an actuator act, or forbids it. An empty `node`: all actuators.
  virtual Status arm(std::string_view node) noexcept = 0;
  virtual Status disarm(std::string_view node) noexcept = 0;
  /// A node's first init() has ended, in success or failure. With the GIL.
  virtual void initialised() noexcept = 0;
  /// Ends the run with `exception` (SystemExit, KeyboardInterrupt). With the GIL.
  virtual void interrupt(PyObject* exception) noexcept = 0;
  /// A node goes into its safe state. From any thread, with the GIL or without.
  virtual void count_safe_state() noexcept = 0;
  /// Has node.run_safe_state() called by the thread of run(), since the node's own may hang.
  /// Without the GIL.
  virtual void want_safe_state(PyNode& node) noexcept = 0;
  /// The asyncio loop of the run; made at the first call. With the GIL; throws.
  virtual AsyncLoop& async_loop() = 0;
  /// Has AsyncLoop::cancel_asked() called by a thread that can take the GIL. Without the GIL.
  virtual void want_cancel() noexcept = 0;
};

/// The arguments of Node(...), checked.
struct NodeSpec {
  struct PortSpec {
    std::string topic;
    PortType type{};
    shm::TopicOptions options{};
    std::vector<std::byte> fallback{};  ///< The bytes that options.value refers to.
  };
  /// The durations as they were given, s; 0: not given. Kept so that attributes read as they were
  /// written: nanoseconds cannot reproduce a value such as 1/300.
  struct Seconds {
    double budget = 0;
    double deadline = 0;
    double watchdog = 0;
  };
  std::string name;
  NodeConfig config{};
  Seconds given{};
  bool asked_99 = false;  ///< priority=99 was given; it gets 98, since 99 is the kernel's.
  std::string on;         ///< The topic that an event node waits for; empty: no event node.
  std::string host;       ///< The host process that it runs in; empty: its scheduler's own.
  std::uint32_t default_capacity = 1024;
  std::vector<PortSpec> publishers;
  std::vector<PortSpec> subscribers;
};

/// A Python Node as the scheduler of rt sees it: calls the user's functions and turns their
/// exceptions into what the failure policy sees.
///
/// An async function runs on the run's asyncio thread while the node's executor waits for it. If
/// tick, init or shutdown of a node is async, its init and shutdown both run there.
///
/// Thread safety: with the GIL, except where a call says otherwise. For tick() the executor's hook
/// has taken it; init(), shutdown() and run_safe_state() take it themselves.
class alignas(64) PyNode final : public horus::Node {
  struct Call {
    PyObject* function = nullptr;  ///< Strong; null: nothing to call.
    std::size_t arguments = 1;     ///< How many times the node is passed: 0, 1, or 2 with self.
  };

  // The members that every tick touches come first, on two cache lines. NodeRunner::prefetch()
  // fetches these two.
  PyObject* self_;
  TimePoint epoch_{};
  RunningTick* running_ = nullptr;     ///< That of the thread that ticks it.
  std::uint64_t ticks_on_ = 0;         ///< CPython's number of that thread; 0: not known yet.
  unsigned long thread_ = 0;           ///< CPython's identifier of the thread that runs a callback.
  const NodeStats* shown_ = nullptr;   ///< What the running tick shows as its node's.
  bool ticks_on_loop_ = false;         ///< Its tick runs on the asyncio thread.
  bool calls_plain_function_ = false;  ///< The tick's function is one of Python itself.
  bool in_callback_ = false;   ///< A callback that interrupt() can reach runs, on `thread_`.
  bool interrupting_ = false;  ///< interrupt() was called meanwhile.
  std::array<Call, kCallbacks> calls_{};  ///< That of tick() is the first.
  AsyncCall* async_ = nullptr;
  const void* code_ = nullptr;  ///< The code of the tick's function, for prefetch() alone.
  bool initialised_ = false;
  std::atomic<bool> removed_{true};

 public:
  /// `self` owns this object.
  explicit PyNode(PyObject* self) noexcept : self_{self} {}
  ~PyNode() override;

  NodeSpec spec;
  std::array<PyObject*, kCallbacks> given{};  ///< The constructor's functions; strong, or null.
  PyObject* info = nullptr;                   ///< The NodeInfo; strong, null until asked for.
  /// (class, arguments, keywords) that make the node again in its host process; strong, null
  /// without host=.
  PyObject* made_with = nullptr;

  PyObject* self() const noexcept { return self_; }
  /// Whether Node.__init__() has succeeded.
  bool constructed() const noexcept { return !spec.name.empty(); }

  /// Before a run: finds the callbacks, methods of a subclass included. Throws ValueError for one
  /// that is no fit (a generator, an async safe state).
  void prepare(NodeHost& host, std::shared_ptr<NodeStats> stats,
               std::shared_ptr<const HostStats> host_stats);
  /// After a run: forgets the host and the callbacks. The statistics stay readable until the next
  /// run, or until forget_stats().
  void release() noexcept;
  void forget_stats() noexcept {
    stats_.reset();
    host_stats_.reset();
  }

  /// For a node that runs in another process: the statistics that the other process writes.
  void show_stats(std::shared_ptr<const NodeStats> stats,
                  std::shared_ptr<const HostStats> host_stats) noexcept {
    stats_ = std::move(stats);
    host_stats_ = std::move(host_stats);
  }
  /// Null while it takes part in no run.
  NodeHost* host() const noexcept { return host_; }
  /// Its statistics to write to. Only while it takes part in a run.
  NodeStats& own_stats() const noexcept { return *own_stats_; }
  /// Null before its first run.
  const NodeStats* stats() const noexcept { return stats_.get(); }
  /// Whether its log lines of that level are written, whichever thread logs them.
  bool hears(LogLevel level) const noexcept;
  const HostStats* host_stats() const noexcept { return host_stats_.get(); }
  /// How many ticks have raised. NodeStats::errors counts failed callbacks of other kinds as well.
  std::uint64_t failed_ticks() const noexcept { return failed_ticks_; }
  /// Takes the exception of the latest callback that failed; a new reference, or null.
  PyObject* take_failure() noexcept;

  void init() override;
  void tick(const Tick& tick) override;
  void shutdown() override;
  void enter_safe_state() noexcept override;
  void leave_safe_state() noexcept override;
  void removed() noexcept override;
  /// Waits for removed() or the end of the run. Without the GIL.
  void wait_until_removed() const noexcept {
    // acquire: the caller sees what the node's shutdown() has done.
    removed_.wait(false, std::memory_order_acquire);
  }
  /// The run stops: cancels an async callback that waits. Without the GIL.
  void stop_waiting() noexcept override;
  /// Of the node and of its tick's function. Without the GIL: it reads nothing of Python's.
  void prefetch() const noexcept override;
  /// Calls the safe state's callback on this thread. Takes the GIL.
  void run_safe_state() noexcept { run_safety(Callback::kSafeState); }
  /// Makes the callback that runs on another thread raise KeyboardInterrupt, and cancels an async
  /// one that is pending. Neither counts as a failure. Does nothing where no callback runs. With
  /// the GIL.
  void interrupt() noexcept;

  /// A task of the node ends with the exception that is set. If that is SystemExit or
  /// KeyboardInterrupt, ends the run, whether or not the task is awaited. Leaves the exception set.
  void pass_on_interruption() noexcept;

  /// Whether it has a tick function. Only while it takes part in a run.
  bool ticks() const noexcept {
    return calls_[static_cast<std::size_t>(Callback::kTick)].function != nullptr;
  }
  /// Its call on the asyncio thread; null where it has no async function or takes part in no run.
  AsyncCall* async() const noexcept { return async_; }
  /// Calls the user's function. A new reference, or null with an exception set; None where there is
  /// no such function.
  PyObject* call_function(Callback callback) noexcept;
  /// Called before and after a callback that interrupt() can reach, on the thread that runs it.
  void enter_callback() noexcept {
    thread_ = PyThread_get_thread_ident();
    in_callback_ = true;
  }
  void leave_callback() noexcept {
    in_callback_ = false;
    // An interrupt that came too late must not hit the code that runs next.
    if (interrupting_) [[unlikely]]
      PyThreadState_SetAsyncExc(thread_, nullptr);
  }

  /// For Python's garbage collector: visits, and drops, every Python object that this one holds.
  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;

 private:
  Call resolve(Callback callback);
  PyObject* invoke(Callback callback) noexcept;
  void run_callback(Callback callback);
  void tick_on_loop(const Tick& tick);
  bool on_loop(Callback callback) const noexcept;
  PyObject* call_bounded(Callback callback) noexcept;
  PyObject* call_tick() noexcept;
  void come_to(const PyThreadState& thread) noexcept;
  void end_tick(PyObject* result, std::uint64_t number);
  static PyObject* refuse_coroutine(Callback callback, PyObject* result) noexcept;
  void run_safety(Callback callback) noexcept;
  bool was_interrupted() noexcept;
  /// Handles the exception that is set, of tick `number` or of another callback. Throws
  /// CallbackFailed; but an exception that ends the run (is_interruption()) is passed to the run,
  /// and fails only an init().
  void fail(Callback callback, std::uint64_t number);
  void notify(PyObject* exception) noexcept;
  void tell_on_error_failed(PyObject* exception) noexcept;
  void log_traceback(PyObject* exception) noexcept;
  /// Its traceback; empty where one of the same type and source line was logged before.
  std::string new_traceback(PyObject* exception) noexcept;

  NodeHost* host_ = nullptr;
  NodeStats* own_stats_ = nullptr;
  std::shared_ptr<const NodeStats> stats_;
  std::shared_ptr<const HostStats> host_stats_;
  std::uint64_t failed_ticks_ = 0;
  PyObject* failure_ = nullptr;
  LogLimit on_error_log_;
  std::vector<std::string> reported_;  ///< Exceptions whose traceback has been told.
};

/// The Python object of a Node. The ports come first, as send() and recv() use them.
struct NodeObject {
  PyObject_HEAD PortTable* ports;
  PyNode* node;
  PyObject* dict;
  PyObject* weak_references;
};

/// The PyNode of a horus.Node; throws TypeError for any other object.
NodeObject& node_object(pybind11::handle object);

/// Whether one of the nodes asks for a priority or a CPU.
bool ask_realtime(std::span<const pybind11::object> nodes);

/// Adds `Node`.
void bind_node(pybind11::module_& module);

/// Whether the exception ends the whole run and not only the callback that raised it: any that is
/// no Exception (KeyboardInterrupt, SystemExit), except asyncio's CancelledError.
bool is_interruption(PyObject* exception) noexcept;

/// Logs `text` line by line, long lines in pieces, of very many lines only the first and the last.
/// Each begins with the node's name, unless `node` is empty or the logger adds the name. Needs no
/// GIL.
void log_lines(int level, const std::string& node, const std::string& text) noexcept;

}  // namespace horus::py
