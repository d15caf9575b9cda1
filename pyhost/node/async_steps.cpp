// SPDX-License-Identifier: Apache-2.0
// A coroutine that runs another one and measures its steps for the node that it belongs to.
// asyncio's tasks drive it. It is written in C++ and so adds no frame to a traceback.
#include <Python.h>
#include <structmember.h>

#include <cstddef>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/forked_child.hpp"
#include "pyhost/node/async_loop.hpp"
#include "rt/base/fork_watch.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

struct StepsObject {
  PyObject_HEAD PyObject* coroutine;
  PyObject* node;
};

StepsObject& as_steps(PyObject* self) noexcept {
  return *reinterpret_cast<StepsObject*>(self);
}

/// Runs `body`, which drives the coroutine, as code of the node.
template <typename Body>
auto measured(PyObject* self, Body body) noexcept {
  PyNode& node = *reinterpret_cast<NodeObject*>(as_steps(self).node)->node;
  const AsyncCall::Step step{node.async()};
  const ForkWatch watch;
  const auto result = body(as_steps(self).coroutine);
  node.pass_on_interruption();
  // A forked child must not go on with the loop: its other tasks are the parent's.
  if (watch.forked()) [[unlikely]]
    end_child("an async function", node.spec.name);
  return result;
}

PyObject* steps_new(PyTypeObject* type, PyObject* arguments, PyObject* /*keywords*/) {
  PyObject* coroutine = nullptr;
  PyObject* node = nullptr;
  if (PyArg_ParseTuple(arguments, "OO:_Steps", &coroutine, &node) == 0) return nullptr;
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    node_object(node);  // Throws where it is none.
    PyObject* const self = type->tp_alloc(type, 0);
    if (self == nullptr) return nullptr;
    as_steps(self).coroutine = Py_NewRef(coroutine);
    as_steps(self).node = Py_NewRef(node);
    return self;
  });
}

int steps_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_steps(self).coroutine);
  Py_VISIT(as_steps(self).node);
  return 0;
}

int steps_clear(PyObject* self) {
  Py_CLEAR(as_steps(self).coroutine);
  Py_CLEAR(as_steps(self).node);
  return 0;
}

void steps_dealloc(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  steps_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PySendResult steps_send_to(PyObject* self, PyObject* value, PyObject** result) {
  return measured(self, [&](PyObject* coroutine) { return PyIter_Send(coroutine, value, result); });
}

/// Raises StopIteration(value). The exception is made by a call, since PyErr_SetObject() would
/// spread a tuple over several arguments, and raise an exception itself.
void stop_iteration(PyObject* value) {
  if (const Ref raised{PyObject_CallOneArg(PyExc_StopIteration, value)}) {
    PyErr_SetObject(PyExc_StopIteration, raised.ptr());
  }
}

PyObject* steps_send(PyObject* self, PyObject* value) {
  PyObject* result = nullptr;
  switch (steps_send_to(self, value, &result)) {
    case PYGEN_NEXT: return result;
    case PYGEN_RETURN:
      stop_iteration(result);
      Py_DECREF(result);
      return nullptr;
    case PYGEN_ERROR: break;
  }
  return nullptr;
}

PyObject* steps_next(PyObject* self) {
  return steps_send(self, Py_None);
}

PyObject* steps_throw(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return measured(self, [&](PyObject* coroutine) -> PyObject* {
    const Ref method{PyObject_GetAttrString(coroutine, "throw")};
    if (!method) return nullptr;
    return PyObject_Vectorcall(method.ptr(), arguments, static_cast<std::size_t>(count), nullptr);
  });
}

PyObject* steps_close(PyObject* self, PyObject* /*none*/) {
  return measured(
      self, [](PyObject* coroutine) { return PyObject_CallMethod(coroutine, "close", nullptr); });
}

/// Attributes that this object has not are the coroutine's: cr_frame, cr_await, __qualname__ and so
/// on, for debuggers and libraries.
PyObject* steps_getattr(PyObject* self, PyObject* name) {
  PyObject* const own = PyObject_GenericGetAttr(self, name);
  if (own != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return own;
  PyErr_Clear();
  return PyObject_GetAttr(as_steps(self).coroutine, name);
}

PyObject* steps_repr(PyObject* self) {
  return PyObject_Repr(as_steps(self).coroutine);
}

PyMethodDef steps_methods[] = {
    {"send", steps_send, METH_O, "send($self, value, /)\n--\n\nAs the coroutine's."},
    {"throw", as_method(steps_throw), METH_FASTCALL, "As the coroutine's."},
    {"close", steps_close, METH_NOARGS, "close($self, /)\n--\n\nAs the coroutine's."},
    {nullptr, nullptr, 0, nullptr}};

PyMemberDef steps_members[] = {
    {"node", T_OBJECT_EX, offsetof(StepsObject, node), READONLY, "Whose task it is."},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

void bind_async_steps(pyb::module_& module) {
  static PyType_Slot slots[] = {
      {Py_tp_new, as_slot(steps_new)},
      {Py_tp_dealloc, as_slot(steps_dealloc)},
      {Py_tp_traverse, as_slot(steps_traverse)},
      {Py_tp_clear, as_slot(steps_clear)},
      {Py_tp_repr, as_slot(steps_repr)},
      {Py_tp_getattro, as_slot(steps_getattr)},
      {Py_tp_iter, as_slot(PyObject_SelfIter)},
      {Py_tp_iternext, as_slot(steps_next)},
      {Py_am_await, as_slot(PyObject_SelfIter)},
      {Py_am_send, as_slot(steps_send_to)},
      {Py_tp_methods, steps_methods},
      {Py_tp_members, steps_members},
      {Py_tp_doc, const_cast<char*>("A coroutine of a node, whose steps are measured.")},
      {0, nullptr}};
  static PyType_Spec spec{.name = "horus._Steps",
                          .basicsize = sizeof(StepsObject),
                          .itemsize = 0,
                          .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                          .slots = slots};
  const Ref type{PyType_FromSpec(&spec)};
  if (!type) throw pyb::error_already_set();
  module.attr("_Steps") = type;
}

}  // namespace horus::py
