// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/callback.hpp"

#include <array>

#include "pyhost/cpython/capi.hpp"

namespace horus::py {
namespace {

constexpr std::array<const char*, kCallbacks> kCallbackNames{
    "tick", "init", "shutdown", "on_error", "enter_safe_state", "leave_safe_state"};
constexpr int kMostPartials = 16;

/// The code flags of the Python function that a call of `function` runs; 0 where there is none.
int flags_of(PyObject* function) {
  pybind11::object held = pybind11::reinterpret_borrow<pybind11::object>(function);
  const pybind11::object partial = pybind11::module_::import("functools").attr("partial");
  for (int i = 0; i < kMostPartials; ++i) {
    PyObject* const inner = held.ptr();
    if (PyFunction_Check(inner)) {
      return reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(inner))->co_flags;
    }
    if (PyMethod_Check(inner)) {
      held = pybind11::reinterpret_borrow<pybind11::object>(PyMethod_GET_FUNCTION(inner));
    } else if (PyType_Check(inner)) {
      return 0;
    } else if (pybind11::isinstance(held, partial)) {
      held = held.attr("func");
    } else {
      // An object with __call__, which a call looks up in the type.
      held = pybind11::type::handle_of(held).attr("__call__");
      if (!PyFunction_Check(held.ptr())) return 0;
    }
  }
  return 0;
}

}  // namespace

const char* name_of(Callback callback) noexcept {
  return kCallbackNames[static_cast<std::size_t>(callback)];
}

bool is_async(PyObject* function) {
  return (flags_of(function) & CO_COROUTINE) != 0;
}

void require_fit(Callback callback, PyObject* function) {
  const int flags = flags_of(function);
  const std::string name = name_of(callback);
  if ((flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) != 0) {
    throw pybind11::value_error(name +
                                " is a generator, whose body nobody would run; give a plain "
                                "or an async function");
  }
  const bool may_wait =
      callback == Callback::kTick || callback == Callback::kInit || callback == Callback::kShutdown;
  if (may_wait || (flags & CO_COROUTINE) == 0) return;
  throw pybind11::value_error(name +
                              " is an async function; only tick, init and shutdown may be: "
                              "nothing must keep this one waiting");
}

}  // namespace horus::py
