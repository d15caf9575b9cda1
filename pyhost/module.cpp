// SPDX-License-Identifier: Apache-2.0
#include <pybind11/pybind11.h>

#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/gil_arbiter.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/node/async_loop.hpp"
#include "pyhost/node/py_node.hpp"
#include "pyhost/node/running_tick.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"
#include "pyhost/run/host_log.hpp"
#include "pyhost/run/py_scheduler.hpp"
#include "pyhost/run/run.hpp"
#include "pyhost/topic/bind.hpp"
#include "pyhost/topic/port.hpp"
#include "rt/base/version.hpp"
#include "rt/crash.hpp"
#include "rt/rt_thread.hpp"

namespace {

namespace pyb = pybind11;

/// _tell_crashes(): from then on a crash of this process names the node in which it happened.
void bind_crashes(pyb::module_& module) {
  module.def("_tell_crashes", [] { horus::tell_crashes(nullptr); });
}

/// For horus/_threads.py: threads that a node starts do not inherit the CPUs of its executor.
void bind_cpus(pyb::module_& module) {
  module.def("_has_cpus", &horus::OffItsCpus::applies);
  module.def("_off_its_cpus",
             [](const pyb::function& start, const pyb::args& arguments, const pyb::kwargs& named) {
               const horus::OffItsCpus off;
               return start(*arguments, **named);
             });
}

/// _debugged(): programs that wait for this process do not count its time under a debugger.
void bind_debuggers(pyb::module_& module) {
  module.def("_debugged", &horus::py::any_thread_traced);
}

void bind_log(pyb::module_& module) {
  horus::py::log_between_runs();
  module.def("_log_for_supervisor", &horus::py::log_for_supervisor);
}

/// Takes the session first, so that no thread opens one again: closing the ports may drop the GIL.
void close_shared_memory() noexcept {
  const auto last = horus::py::take_session();
  horus::py::close_all_ports();
}

/// At exit all threads end before the interpreter does. In a child of fork() no thread is waited
/// for.
void bind_process_end() {
  pyb::module_::import("atexit").attr("register")(pyb::cpp_function([] {
    horus::py::begin_the_end();
    horus::py::stop_all_runs();
    close_shared_memory();
    horus::py::keep_gil_to_the_end();
  }));
  pyb::module_::import("os").attr("register_at_fork")(
      pyb::arg("after_in_child") = pyb::cpp_function(&horus::py::forget_runs_after_fork));
}

}  // namespace

PYBIND11_MODULE(_horus, module) {
  module.doc() = "The native half of the horus package.";
  module.attr("__version__") = horus::kVersion;
  horus::py::bind_exceptions(module);
  horus::py::bind_messages(module);
  horus::py::bind_payloads(module);
  horus::py::bind_topic(module);
  horus::py::bind_tick_functions(module);
  horus::py::bind_node(module);
  horus::py::bind_async(module);
  horus::py::bind_scheduler(module);
  horus::py::bind_recording(module);
  horus::py::bind_safety(module);
  bind_log(module);
  bind_crashes(module);
  bind_cpus(module);
  bind_debuggers(module);
  bind_process_end();
  horus::py::give_gil_away_in_slow_sections();
  horus::py::GilArbiter::instance().probe();
}
