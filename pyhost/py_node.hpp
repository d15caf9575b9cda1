// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/fast_call.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"

namespace horus::py {

class PyNode;

/// What a node needs of the run that it takes part in.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  virtual TimePoint epoch() const noexcept = 0;
  virtual void request_stop() noexcept = 0;
  /// A node's first init() is over, well or badly. With the GIL.
  virtual void initialised() noexcept = 0;
  /// Ends the run with `exception` (SystemExit, KeyboardInterrupt). With the GIL.
  virtual void interrupt(PyObject* exception) noexcept = 0;
  /// A node goes into safe state. Any thread, with the GIL or without.
  virtual void count_safe_state() noexcept = 0;
  /// Calls node.run_safe_state() from a thread that does not hang. Without the GIL.
  virtual void want_safe_state(PyNode& node) noexcept = 0;
};

/// What Node(...) was told, checked.
struct NodeSpec {
  struct PortSpec {
    std::string topic;
    PortType type{};
    shm::TopicOptions options{};
  };
  std::string name;
  NodeConfig config{};
  std::string on;  ///< Event nodes: the topic.
  std::uint32_t default_capacity = 1024;
  std::vector<PortSpec> publishers;
  std::vector<PortSpec> subscribers;
};

/// The user's functions, by the place where they are kept.
enum class Callback : std::size_t { kTick, kInit, kShutdown, kOnError, kSafeState };
inline constexpr std::size_t kCallbacks = 5;
/// The attribute of a Node (or method of a subclass): "tick", "init", ...
const char* name_of(Callback callback) noexcept;
/// Throws ValueError where calling `function` would only make a coroutine or a generator.
void require_plain(Callback callback, PyObject* function);

/// An exception of Python's that left a callback; what the failure policy sees.
class CallbackFailed : public std::exception {
 public:
  explicit CallbackFailed(std::string text) : text_{std::move(text)} {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

/// A Python Node as the scheduler sees it.
///
/// Thread safety: prepare(), release(), spec and failure with the GIL; tick() with the GIL, which
/// the executor's hook has taken; the other callbacks take it themselves.
class PyNode final : public horus::Node {
 public:
  /// `self` owns this object.
  explicit PyNode(PyObject* self) noexcept : self_{self} {}
  ~PyNode() override;

  NodeSpec spec;
  std::array<PyObject*, kCallbacks> given{};  ///< The constructor's functions; strong, or null.
  PyObject* info = nullptr;                   ///< The NodeInfo, once asked for; strong.

  PyObject* self() const noexcept { return self_; }
  bool constructed() const noexcept { return !spec.name.empty(); }

  /// Resolves the callbacks, methods of a subclass included, before a run. Throws.
  void prepare(NodeHost& host, std::shared_ptr<const NodeStats> stats,
               std::shared_ptr<const HostStats> host_stats);
  /// After a run: `host` is gone. The statistics stay readable until the next run, or until
  /// forget_stats().
  void release() noexcept;
  void forget_stats() noexcept {
    stats_.reset();
    host_stats_.reset();
  }

  NodeHost* host() const noexcept { return host_; }
  const NodeStats* stats() const noexcept { return stats_.get(); }
  const HostStats* host_stats() const noexcept { return host_stats_.get(); }
  /// Ticks that raised; NodeStats::errors counts the other callbacks' as well.
  std::uint64_t failed_ticks() const noexcept { return failed_ticks_; }
  /// The exception that the latest failed callback raised; a new reference, or null.
  PyObject* take_failure() noexcept;

  void init() override;
  void tick(const Tick& tick) override;
  void shutdown() override;
  void enter_safe_state() noexcept override;
  /// The safe state's callback, here and now. Takes the GIL.
  void run_safe_state() noexcept;

  /// For the garbage collector: every object that this one holds.
  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;

 private:
  struct Call {
    PyObject* function = nullptr;  ///< Strong; null: nothing to call.
    std::size_t arguments = 1;     ///< How many times the node itself is passed.
  };

  Call resolve(Callback callback);
  PyObject* invoke(Callback callback) noexcept;
  void run_callback(Callback callback);
  [[noreturn]] void fail(Callback callback, std::uint64_t number);
  void notify(PyObject* exception) noexcept;
  void log_traceback(PyObject* exception) noexcept;

  PyObject* self_;
  std::array<Call, kCallbacks> calls_{};
  NodeHost* host_ = nullptr;
  std::shared_ptr<const NodeStats> stats_;
  std::shared_ptr<const HostStats> host_stats_;
  TimePoint epoch_{};
  bool initialised_ = false;
  std::uint64_t failed_ticks_ = 0;
  PyObject* failure_ = nullptr;
  std::vector<std::string> reported_;  ///< Exceptions whose traceback has been logged.
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

/// Adds `Node`.
void bind_node(pybind11::module_& module);

/// The normalised exception that is set, with its traceback attached; takes it from the thread.
/// A new reference.
PyObject* take_exception() noexcept;
/// Whether it means the run and not the callback that it came through: KeyboardInterrupt,
/// SystemExit and their like.
bool is_interruption(PyObject* exception) noexcept;

/// Logs `text` as it would be written: line by line, long ones in pieces, with the node's name
/// in front where the logger cannot know it. Needs no GIL.
void log_lines(int level, const std::string& node, const std::string& text) noexcept;

}  // namespace horus::py
