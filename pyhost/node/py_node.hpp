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

#include "pyhost/node/callback.hpp"
#include "pyhost/topic/port_table.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "rt/node_runner.hpp"

namespace horus::py {

class AsyncCall;
class AsyncLoop;
class PyNode;

/// What a node needs of the run that it takes part in.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  virtual TimePoint epoch() const noexcept = 0;
  virtual void request_stop() noexcept = 0;
  /// Lets a node with an actuator move, or no longer.
  virtual Status arm(std::string_view node) noexcept = 0;
  virtual Status disarm(std::string_view node) noexcept = 0;
  /// A node's first init() is over, well or badly. With the GIL.
  virtual void initialised() noexcept = 0;
  /// Ends the run with `exception` (SystemExit, KeyboardInterrupt). With the GIL.
  virtual void interrupt(PyObject* exception) noexcept = 0;
  /// A node goes into safe state. Any thread, with the GIL or without.
  virtual void count_safe_state() noexcept = 0;
  /// Calls node.run_safe_state() from a thread that does not hang. Without the GIL.
  virtual void want_safe_state(PyNode& node) noexcept = 0;
  /// The loop of the run's async functions; made when first asked for. Throws.
  virtual AsyncLoop& async_loop() = 0;
  /// Has AsyncLoop::cancel_asked() called from a thread that has the GIL. Without the GIL.
  virtual void want_cancel() noexcept = 0;
};

/// What Node(...) was told, checked.
struct NodeSpec {
  struct PortSpec {
    std::string topic;
    PortType type{};
    shm::TopicOptions options{};
    std::vector<std::byte> fallback{};  ///< What the options' value shows.
  };
  /// In seconds, as they were given: nanoseconds do not give 1/300 back. 0: none was given.
  struct Seconds {
    double budget = 0;
    double deadline = 0;
    double watchdog = 0;
  };
  std::string name;
  NodeConfig config{};
  Seconds given{};
  bool asked_99 = false;  ///< For a priority of 99, in whose place it has the highest there is.
  std::string on;         ///< Event nodes: the topic.
  std::string host;       ///< The process that it runs in; empty: its scheduler's own.
  std::uint32_t default_capacity = 1024;
  std::vector<PortSpec> publishers;
  std::vector<PortSpec> subscribers;
};

/// A Python Node as the scheduler sees it.
///
/// Async functions run on the asyncio thread of the run, which the node's executor waits for;
/// where a node has one, its init and shutdown run there as well.
///
/// Thread safety: prepare(), release(), spec and failure with the GIL; tick() with the GIL, which
/// the executor's hook has taken; the other callbacks take it themselves.
class PyNode final : public horus::Node {
  struct Call {
    PyObject* function = nullptr;  ///< Strong; null: nothing to call.
    std::size_t arguments = 1;     ///< How many times the node itself is passed.
  };

  // First, on one cache line: what every tick touches.
  PyObject* self_;
  AsyncCall* async_ = nullptr;
  TimePoint epoch_{};
  unsigned long thread_ = 0;  ///< As CPython names it.
  std::atomic<bool> removed_{true};
  bool initialised_ = false;
  bool in_callback_ = false;   ///< tick, init or shutdown runs, on `thread_`.
  bool interrupting_ = false;  ///< interrupt() was called meanwhile.
  std::array<Call, kCallbacks> calls_{};

 public:
  /// `self` owns this object.
  explicit PyNode(PyObject* self) noexcept : self_{self} {}
  ~PyNode() override;

  NodeSpec spec;
  std::array<PyObject*, kCallbacks> given{};  ///< The constructor's functions; strong, or null.
  PyObject* info = nullptr;                   ///< The NodeInfo, once asked for; strong.
  /// (class, arguments, keywords) that make it anew in its host; strong, null without one.
  PyObject* made_with = nullptr;

  PyObject* self() const noexcept { return self_; }
  bool constructed() const noexcept { return !spec.name.empty(); }

  /// Resolves the callbacks, methods of a subclass included, before a run. Throws.
  void prepare(NodeHost& host, std::shared_ptr<NodeStats> stats,
               std::shared_ptr<const HostStats> host_stats);
  /// After a run: `host` is gone. The statistics stay readable until the next run, or until
  /// forget_stats().
  void release() noexcept;
  void forget_stats() noexcept {
    stats_.reset();
    host_stats_.reset();
  }

  /// The numbers of a node that runs in another process, which writes them.
  void show_stats(std::shared_ptr<const NodeStats> stats,
                  std::shared_ptr<const HostStats> host_stats) noexcept {
    stats_ = std::move(stats);
    host_stats_ = std::move(host_stats);
  }
  NodeHost* host() const noexcept { return host_; }
  /// Its statistics to write to, while it takes part in a run.
  NodeStats& own_stats() const noexcept { return *own_stats_; }
  const NodeStats* stats() const noexcept { return stats_.get(); }
  /// Whether its lines of that level are written, whichever thread they come from.
  bool hears(LogLevel level) const noexcept;
  const HostStats* host_stats() const noexcept { return host_stats_.get(); }
  /// Ticks that raised; NodeStats::errors counts the other callbacks' as well.
  std::uint64_t failed_ticks() const noexcept { return failed_ticks_; }
  /// The exception that the latest failed callback raised; a new reference, or null.
  PyObject* take_failure() noexcept;

  void init() override;
  void tick(const Tick& tick) override;
  void shutdown() override;
  void enter_safe_state() noexcept override;
  void leave_safe_state() noexcept override;
  void removed() noexcept override;
  /// Until removed() or the end of the run. Without the GIL.
  void wait_until_removed() const noexcept {
    // acquire: what its shutdown() has done is seen.
    removed_.wait(false, std::memory_order_acquire);
  }
  void stop_waiting() noexcept override;
  /// The safe state's callback, here and now. Takes the GIL.
  void run_safe_state() noexcept { run_safety(Callback::kSafeState); }
  /// Has the callback that runs on another thread raise KeyboardInterrupt, which then does not
  /// count as a failure. With the GIL.
  void interrupt() noexcept;

  /// An exception is set that leaves a task of the node: one that means the run ends it, whether
  /// somebody awaits the task or not.
  void pass_on_interruption() noexcept;

  /// Whether it has a tick, once it takes part in a run.
  bool ticks() const noexcept {
    return calls_[static_cast<std::size_t>(Callback::kTick)].function != nullptr;
  }
  /// Its part of the asyncio thread while it takes part in a run, if it has an async function.
  AsyncCall* async() const noexcept { return async_; }
  /// Calls the user's function, and nothing else. A new reference, or null with an exception set.
  PyObject* call_function(Callback callback) noexcept;
  /// Around what interrupt() can reach, on the thread that runs it.
  void enter_callback() noexcept {
    thread_ = PyThread_get_thread_ident();
    in_callback_ = true;
  }
  void leave_callback() noexcept {
    in_callback_ = false;
    // What came too late must not hit what runs next.
    if (interrupting_) [[unlikely]]
      PyThreadState_SetAsyncExc(thread_, nullptr);
  }

  /// For the garbage collector: every object that this one holds.
  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;

 private:
  Call resolve(Callback callback);
  PyObject* invoke(Callback callback) noexcept;
  void run_callback(Callback callback);
  void tick_on_loop(const Tick& tick);
  bool on_loop(Callback callback) const noexcept;
  PyObject* call_bounded(Callback callback) noexcept;
  void run_safety(Callback callback) noexcept;
  bool was_interrupted() noexcept;
  /// Throws CallbackFailed, unless the exception that is set means the run.
  void fail(Callback callback, std::uint64_t number);
  void notify(PyObject* exception) noexcept;
  void tell_on_error_failed(PyObject* exception) noexcept;
  void log_traceback(PyObject* exception) noexcept;
  /// Its traceback, where none of its kind and place was told before; else empty.
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

/// The Python object. The ports come first: they are what the hot calls touch.
struct NodeObject {
  PyObject_HEAD PortTable* ports;
  PyNode* node;
  PyObject* dict;
  PyObject* weak_references;
};

/// The PyNode of a horus.Node; throws TypeError for any other object.
NodeObject& node_object(pybind11::handle object);

/// Whether one of them wants a priority or a CPU.
bool ask_realtime(std::span<const pybind11::object> nodes);

/// Adds `Node`.
void bind_node(pybind11::module_& module);

/// Whether it means the run and not the callback that it came through: KeyboardInterrupt,
/// SystemExit and their like.
bool is_interruption(PyObject* exception) noexcept;

/// Logs `text` as it would be written: line by line, long ones in pieces, with the node's name
/// in front where the logger cannot know it and there is one. Needs no GIL.
void log_lines(int level, const std::string& node, const std::string& text) noexcept;

}  // namespace horus::py
