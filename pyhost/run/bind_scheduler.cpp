// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <pybind11/stl.h>

#include <horus/realtime.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/run/py_scheduler.hpp"
#include "rt/spin_policy.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;
using namespace pybind11::literals;  // NOLINT(google-build-using-namespace): "name"_a

PyObject* not_found = nullptr;

[[noreturn]] void refuse_unavailable(const std::string& argument) {
  throw pyb::value_error(argument + " is not available yet; leave it at its default");
}

[[noreturn]] void refuse_replay() {
  throw std::runtime_error("replay is not available yet");
}

/// The arguments of Scheduler(...) whose feature does not exist yet. They are refused, not silently
/// ignored.
struct Unavailable {
  bool deterministic;
  pyb::object telemetry;
  pyb::object net;

  void check() const {
    if (deterministic) refuse_unavailable("deterministic=True");
    if (!telemetry.is_none()) refuse_unavailable("telemetry");
    if (PyObject_IsTrue(net.ptr()) != 0) refuse_unavailable("net");
  }
};

CpuSet cores_of(const std::optional<std::vector<int>>& cores) {
  CpuSet set;
  if (!cores) return set;
  if (cores->empty()) throw pyb::value_error("cores must name at least one CPU, or be None");
  std::string text;
  for (const int core : *cores) {
    if (!CpuSet::allowed().contains(core)) {
      throw pyb::value_error("cores: CPU " + std::to_string(core) +
                             " is not among those this "
                             "process may use (" +
                             CpuSet::allowed().text() + ")");
    }
    text += (text.empty() ? "" : ",") + std::to_string(core);
  }
  return CpuSet::parse(text).value();
}

GcPolicy gc_of(const std::string& text) {
  const auto policy = parse_word<GcPolicy>(text);
  if (!policy) {
    throw pyb::value_error("gc must be " + std::string{kChoices<GcPolicy, '\''>} + ", not '" +
                           text + "'");
  }
  return *policy;
}

double box_size_of(double mebibytes) {
  if (shm::is_box_size(mebibytes)) return mebibytes;
  throw pyb::value_error("blackbox_mb must be 0 (1 MiB) or a number of MiB from 0.0625 to 64");
}

/// Reads spin=: None (the default policy), True, False, or the longest spin in seconds.
std::optional<Nanos> spin_of(const pyb::object& spin) {
  if (spin.is_none()) return std::nullopt;
  if (pyb::isinstance<pyb::bool_>(spin)) return spin.cast<bool>() ? kLongestSpin : Nanos{};
  constexpr double kMost = 1e-3;
  if (!pyb::isinstance<pyb::float_>(spin) && !pyb::isinstance<pyb::int_>(spin)) {
    throw pyb::type_error("spin must be None, True, False or a number of seconds");
  }
  const double seconds = spin.cast<double>();
  if (!(seconds >= 0.0 && seconds <= kMost)) {
    throw pyb::value_error("spin must be at most 0.001 s, or None, True or False");
  }
  return Nanos{static_cast<std::int64_t>(seconds * 1e9)};
}

/// The numbers of Scheduler(...).
struct Numbers {
  double tick_rate;
  double watchdog_ms;
  std::optional<int> max_deadline_misses;
  double stop_timeout;
};

void set_numbers(RunSettings& settings, const Numbers& numbers) {
  if (!Rate::valid_hz(numbers.tick_rate)) {
    throw pyb::value_error("tick_rate must be 0.001 to 1000000 Hz");
  }
  if (!(numbers.watchdog_ms >= 0.0 && numbers.watchdog_ms < 1e9)) {
    throw pyb::value_error(
        "watchdog_ms must be 0 (the nodes' defaults) or a number of milliseconds");
  }
  if (!(numbers.stop_timeout >= 0.0 && numbers.stop_timeout < 1e6)) {
    throw pyb::value_error("stop_timeout must be 0 (wait for ever) or a number of seconds");
  }
  settings.stop_timeout = Nanos{static_cast<std::int64_t>(numbers.stop_timeout * 1e9)};
  if (numbers.max_deadline_misses && *numbers.max_deadline_misses < 1) {
    throw pyb::value_error("max_deadline_misses must be at least 1, or None");
  }
  settings.tick_rate = numbers.tick_rate;
  settings.max_deadline_misses = numbers.max_deadline_misses.value_or(0);
  if (numbers.watchdog_ms > 0.0) {
    settings.watchdog = Nanos{static_cast<std::int64_t>(numbers.watchdog_ms * 1e6)};
  }
}

pyb::dict capabilities() {
  const RtCapabilities probed = probe_capabilities();
  pyb::dict found;
  found["preempt_rt"] = probed.preempt_rt;
  found["rt_priority_available"] = probed.fifo;
  found["max_rt_priority"] = probed.max_priority;
  found["min_rt_priority"] = probed.min_priority;
  return found;
}

bool has_full_rt(const PyScheduler& scheduler) {
  const RtCapabilities probed = probe_capabilities();
  return probed.preempt_rt && probed.fifo && scheduler.degradations().empty();
}

/// The PyScheduler in a Python object; null where its __init__ was not called or failed.
PyScheduler* scheduler_in(PyObject* self) {
  const auto held = reinterpret_cast<pyb::detail::instance*>(self)->get_value_and_holder();
  return held.holder_constructed() ? held.value_ptr<PyScheduler>() : nullptr;
}

int scheduler_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const PyScheduler* const scheduler = scheduler_in(self);
  return scheduler != nullptr ? scheduler->traverse(visit, arg) : 0;
}

int scheduler_clear(PyObject* self) {
  if (PyScheduler* const scheduler = scheduler_in(self)) scheduler->clear();
  return 0;
}

/// Makes schedulers visible to Python's garbage collector. They are often part of a cycle: a node's
/// function may refer to the object that holds the scheduler.
void let_be_collected(PyHeapTypeObject* heap) {
  PyTypeObject& type = heap->ht_type;
  type.tp_flags |= Py_TPFLAGS_HAVE_GC;
  type.tp_traverse = scheduler_traverse;
  type.tp_clear = scheduler_clear;
}

void bind_constructor(pyb::class_<PyScheduler>& type) {
  type.def(
      pyb::init([](double tick_rate, bool rt, bool deterministic, double blackbox_mb,
                   double watchdog_ms, const pyb::object& recording,
                   const std::optional<Text>& name, const std::optional<std::vector<int>>& cores,
                   std::optional<int> max_deadline_misses, bool verbose,
                   const pyb::object& telemetry, const pyb::object& net, const Text& gc,
                   const pyb::object& spin, double stop_timeout) {
        Unavailable{deterministic, telemetry, net}.check();
        RunSettings settings{.name = name.value_or(Text{}),
                             .rt = rt,
                             .verbose = verbose,
                             .watchdog = {},
                             .spin = spin_of(spin),
                             .blackbox_mb = box_size_of(blackbox_mb),
                             .cores = cores_of(cores),
                             .gc = gc_of(gc)};
        set_numbers(settings, {tick_rate, watchdog_ms, max_deadline_misses, stop_timeout});
        PyScheduler made{std::move(settings)};
        if (!recording.is_none()) {
          made.recording = pyb::module_::import("horus._recordings").attr("checked")(recording);
        }
        return made;
      }),
      pyb::kw_only(), "tick_rate"_a = 1000.0, "rt"_a.noconvert() = false,
      "deterministic"_a.noconvert() = false, "blackbox_mb"_a = 0, "watchdog_ms"_a = 0,
      "recording"_a = false, "name"_a = pyb::none(), "cores"_a = pyb::none(),
      "max_deadline_misses"_a = pyb::none(), "verbose"_a.noconvert() = false,
      "telemetry"_a = pyb::none(), "net"_a = false, "gc"_a = "slack", "spin"_a = pyb::none(),
      "stop_timeout"_a = 5.0, "Plans nodes onto threads and runs them.");
}

void bind_running(pyb::class_<PyScheduler>& type) {
  type.def(
          "add",
          [](const pyb::object& self, const pyb::object& node) {
            self.cast<PyScheduler&>().add(node);
            return self;
          },
          "node"_a, "Add a node; returns the scheduler. ValueError when its name is taken.")
      .def(
          "run",
          [](const pyb::object& self, std::optional<double> seconds) {
            self.cast<PyScheduler&>().run(self, seconds);
          },
          "duration"_a = pyb::none(),
          "Run until stopped, or for so many seconds. Ctrl+C raises KeyboardInterrupt after the "
          "shutdown callbacks; SIGTERM returns. A callback that still blocks stop_timeout later is "
          "left behind: the process ends with 75, or with the RuntimeError that names it where it "
          "is a host's.")
      .def("_tick_once", &PyScheduler::tick_once)
      .def("stop", &PyScheduler::stop, "Stop a run, from any thread.")
      .def("status", &PyScheduler::status, "'idle', 'running' or 'stopped'.")
      .def("is_running", &PyScheduler::is_running, "Whether a run is under way.")
      .def("current_tick", &PyScheduler::current_tick, "The ticks of the node that has most.")
      .def("__enter__", [](const pyb::object& self) { return self; })
      .def("__exit__", [](PyScheduler& self, const pyb::args& /*exception*/) { self.stop(); })
      .def_readwrite("_on_ready", &PyScheduler::on_ready)
      .def_readwrite("_hosts", &PyScheduler::hosts)
      .def_readwrite("_hosts_apart", &PyScheduler::hosts_apart)
      .def_readonly("_recording", &PyScheduler::recording)
      .def_readwrite("_recorder", &PyScheduler::recorder)
      .def(
          "_run_parts",
          [](const pyb::object& self, std::optional<double> seconds) {
            self.cast<PyScheduler&>().run_parts(self, seconds);
          },
          "duration"_a)
      .def("_run_own", &PyScheduler::run_own, "duration"_a)
      .def("_supervise", &PyScheduler::supervise, "descriptor"_a, "hang_timeout"_a,
           "start_timeout"_a, "robot"_a = "", "of_service"_a = true)
      .def("_set_log_level", &PyScheduler::set_log_level, "level"_a);
}

void bind_nodes(pyb::class_<PyScheduler>& type) {
  type.def("has_node", &PyScheduler::has_node, "name"_a, "Whether there is a node of this name.")
      .def("get_node_names", &PyScheduler::node_names, "The nodes' names, as they were added.")
      .def(
          "get_node_count", [](const PyScheduler& self) { return self.nodes().size(); },
          "How many nodes there are.")
      .def("get_node_info", &PyScheduler::node_order, "name"_a, "The node's order.")
      .def(
          "remove_node", &PyScheduler::remove, "name"_a,
          "Remove a node. While it runs its shutdown() is called between two of its ticks; returns "
          "after that, in a callback at once. Not of other hosts: RuntimeError.")
      .def("set_node_rate", &PyScheduler::set_node_rate, "name"_a, "rate"_a,
           "Change a node's rate in Hz, from its next release on. It stays on the thread that it "
           "shares with the nodes of its first rate.")
      .def("set_tick_budget", &PyScheduler::set_tick_budget, "name"_a, "us"_a,
           "Change a node's budget, in microseconds, from its next release on.")
      .def("add_critical_node", &PyScheduler::set_watchdog, "name"_a, "timeout_ms"_a,
           "Give a node a watchdog of its own, from now on.")
      .def("_set_default_name", &PyScheduler::set_default_name, "name"_a)
      .def_property_readonly("_name", &PyScheduler::name)
      .def_property_readonly("_ended_by_miss", &PyScheduler::ended_by_miss);
}

void bind_reports(pyb::class_<PyScheduler>& type) {
  type.def("get_node_stats", &PyScheduler::node_stats, "name"_a,
           "Everything that is counted of a node, also while it runs.")
      .def("safety_stats", &PyScheduler::safety_stats, "Misses and overruns of all nodes.")
      .def("degradations", &PyScheduler::degradations,
           "What was wanted and not granted: feature, reason, severity, fix.")
      .def(
          "capabilities", [](const PyScheduler&) { return capabilities(); },
          "What this process may really do.")
      .def("has_full_rt", &has_full_rt, "Whether nothing that real time needs is missing.")
      .def(
          "is_replaying", [](const PyScheduler&) { return false; },
          "Whether it replays: never yet.");
  for (const char* const name : {"replay_from", "add_replay", "start_at_tick", "stop_at_tick",
                                 "set_replay_speed", "set_replay_override"}) {
    type.def(
        name, [](const PyScheduler&, const pyb::args&, const pyb::kwargs&) { refuse_replay(); },
        "Not available yet: raises RuntimeError.");
  }
}

PyObject* make_exception(pyb::module_& module, const char* name, const char* doc) {
  const std::string full = std::string{"horus."} + name;
  const Ref type{PyErr_NewExceptionWithDoc(full.c_str(), doc, nullptr, nullptr)};
  if (!type) throw pyb::error_already_set();
  module.attr(name) = type;
  return type.ptr();
}

}  // namespace

void raise_not_found(const std::string& text) {
  PyErr_SetString(not_found, text.c_str());
  throw pyb::error_already_set();
}

void bind_exceptions(pyb::module_& module) {
  not_found = make_exception(module, "HorusNotFoundError", "No node, topic or frame of that name.");
  make_exception(module, "HorusTransformError", "A transform cannot be computed.");
  make_exception(module, "HorusTimeoutError", "Something did not happen in time.");
}

void bind_scheduler(pyb::module_& module) {
  module.def("_before_runs", &call_before_runs, "function"_a);
  pyb::class_<PyScheduler> type{module, "Scheduler", "Runs nodes.",
                                pyb::custom_type_setup(let_be_collected)};
  bind_constructor(type);
  bind_running(type);
  bind_nodes(type);
  bind_reports(type);
}

}  // namespace horus::py
