// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/running_tick.hpp"

#include <Python.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

namespace horus::py {
namespace {

constexpr double seconds(Nanos duration) noexcept {
  return static_cast<double>(duration.count()) * 1e-9;
}

TimePoint clock_start() noexcept {
  if (running_tick.tick != nullptr) return running_tick.epoch;
  // relaxed: one number, nothing is published through it.
  return from_ns(clock_start_ns.load(std::memory_order_relaxed));
}

PyObject* now(PyObject* /*module*/, PyObject* /*none*/) {
  return PyFloat_FromDouble(seconds(MonotonicClock::now() - clock_start()));
}

PyObject* dt(PyObject* /*module*/, PyObject* /*none*/) {
  const Tick* const tick = running_tick.tick;
  return PyFloat_FromDouble(tick != nullptr ? tick->dt() : 0.0);
}

PyObject* elapsed(PyObject* /*module*/, PyObject* /*none*/) {
  const Tick* const tick = running_tick.tick;
  const TimePoint at = tick != nullptr ? tick->start : MonotonicClock::now();
  return PyFloat_FromDouble(seconds(at - clock_start()));
}

PyObject* tick_number(PyObject* /*module*/, PyObject* /*none*/) {
  const Tick* const tick = running_tick.tick;
  return PyLong_FromUnsignedLongLong(tick != nullptr ? tick->number : 0);
}

PyObject* budget_remaining(PyObject* /*module*/, PyObject* /*none*/) {
  const Tick* const tick = running_tick.tick;
  if (tick == nullptr || tick->budget.execution <= Nanos{}) return PyFloat_FromDouble(INFINITY);
  const Nanos left =
      tick->start + running_tick.awaited + tick->budget.execution - MonotonicClock::now();
  return PyFloat_FromDouble(seconds(std::max(left, Nanos{})));
}

PyObject* deadline_remaining(PyObject* /*module*/, PyObject* /*none*/) {
  const Tick* const tick = running_tick.tick;
  if (tick == nullptr || tick->budget.deadline <= Nanos{}) return PyFloat_FromDouble(INFINITY);
  return PyFloat_FromDouble(seconds(tick->deadline() - MonotonicClock::now()));
}

PyObject* rng_float(PyObject* /*module*/, PyObject* /*none*/) {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  // 53 bits, so that each value is exact and none is rounded up to 1.0.
  return PyFloat_FromDouble(static_cast<double>(engine() >> 11) * 0x1p-53);
}

PyObject* timestamp_ns(PyObject* /*module*/, PyObject* /*none*/) {
  return PyLong_FromLongLong(since_1970().count());
}

PyObject* monotonic_ns(PyObject* /*module*/, PyObject* /*none*/) {
  return PyLong_FromLongLong(to_ns(MonotonicClock::now()));
}

/// For the profiler. Returns the name of the node that ticks, and in nanoseconds: how late this
/// tick began, and how long the node has so far waited for the GIL and lost it in all.
PyObject* ticking(PyObject* /*module*/, PyObject* /*none*/) {
  const RunningTick& running = running_tick;
  if (running.tick == nullptr || running.stats == nullptr) Py_RETURN_NONE;
  const NodeStats& node = *running.stats;
  const Nanos late = std::max(running.tick->start - running.tick->release, Nanos{});
  const std::string name{node.name.view()};
  return Py_BuildValue("(sLLL)", name.c_str(), static_cast<long long>(late.count()),
                       static_cast<long long>(node.gil_wait.sum().count()),
                       static_cast<long long>(node.gil_lost.sum().count()));
}

PyMethodDef tick_calls[] = {
    {"_ticking", ticking, METH_NOARGS, "What the profiler asks."},
    {"now", now, METH_NOARGS, "now()\n--\n\nSeconds since the scheduler's clock started."},
    {"dt", dt, METH_NOARGS,
     "dt()\n--\n\nThe running node's nominal period in seconds; 0.0 outside a tick."},
    {"elapsed", elapsed, METH_NOARGS,
     "elapsed()\n--\n\nSeconds since the scheduler started, sampled at the start of this tick."},
    {"tick", tick_number, METH_NOARGS,
     "tick()\n--\n\nThe running node's tick number, from 0; 0 outside a tick."},
    {"budget_remaining", budget_remaining, METH_NOARGS,
     "budget_remaining()\n--\n\nSeconds left of this tick's budget, never below 0; inf outside a "
     "tick and for nodes without a budget."},
    {"deadline_remaining", deadline_remaining, METH_NOARGS,
     "deadline_remaining()\n--\n\nSeconds to this tick's deadline, which counts from the release; "
     "negative once it has passed; inf outside a tick and for nodes without a deadline."},
    {"rng_float", rng_float, METH_NOARGS, "rng_float()\n--\n\nA random number in [0, 1)."},
    {"timestamp_ns", timestamp_ns, METH_NOARGS,
     "timestamp_ns()\n--\n\nThe wall clock, in nanoseconds since 1970."},
    {"monotonic_ns", monotonic_ns, METH_NOARGS,
     "monotonic_ns()\n--\n\nThe monotonic clock, in nanoseconds."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void bind_tick_functions(pybind11::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), tick_calls) != 0) throw pybind11::error_already_set();
}

}  // namespace horus::py
