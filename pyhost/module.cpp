// SPDX-License-Identifier: Apache-2.0
#include <pybind11/pybind11.h>

#include "pyhost/bind.hpp"
#include "pyhost/gil.hpp"
#include "pyhost/gil_arbiter.hpp"
#include "pyhost/py_node.hpp"
#include "pyhost/py_scheduler.hpp"
#include "pyhost/run.hpp"
#include "pyhost/session.hpp"
#include "pyhost/tick_state.hpp"
#include "rt/base/version.hpp"

namespace {

namespace pyb = pybind11;

/// Threads end before the interpreter does, and in a child of fork() none is waited for.
void bind_process_end() {
  pyb::module_::import("atexit").attr("register")(pyb::cpp_function([] {
    horus::py::stop_all_runs();
    horus::py::close_session();
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
  horus::py::bind_scheduler(module);
  bind_process_end();
  horus::py::give_gil_away_in_slow_sections();
  horus::py::GilArbiter::instance().probe();
}
