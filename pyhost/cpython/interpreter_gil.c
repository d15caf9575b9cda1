/* SPDX-License-Identifier: Apache-2.0 */
#include "pyhost/cpython/interpreter_gil.h"

#include <features.h>
#include <patchlevel.h>
#include <pyconfig.h>
#include <stddef.h>

/* Taken from the sources of these versions: Python/ceval_gil.h (3.11), Python/ceval_gil.c (3.12,
 * 3.13) and Include/internal. */
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000 && !defined(Py_DEBUG) && \
    !defined(Py_GIL_DISABLED) && defined(__GLIBC__)
#define KNOWN_INTERPRETER 1
#else
#define KNOWN_INTERPRETER 0
#endif

#if KNOWN_INTERPRETER

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_ceval.h>
#include <pthread.h>
#if PY_VERSION_HEX >= 0x030C0000
#include <internal/pycore_instruments.h>
#endif
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>

static struct _gil_runtime_state* gil;

static struct _gil_runtime_state* gil_of(PyInterpreterState* interpreter) {
#if PY_VERSION_HEX >= 0x030C0000
  return interpreter->ceval.gil;
#else
  (void)interpreter;
  return &_PyRuntime.ceval.gil;
#endif
}

static int locked_state(const struct _gil_runtime_state* of) {
  return __atomic_load_n((const int*)&of->locked, __ATOMIC_RELAXED);
}

static PyThreadState* holder_state(const struct _gil_runtime_state* of) {
  return (PyThreadState*)__atomic_load_n((const uintptr_t*)&of->last_holder, __ATOMIC_RELAXED);
}

/* What sys.getswitchinterval() returns, in us; 0 when the call fails. */
static unsigned long told_interval(void) {
  PyObject* const getter = PySys_GetObject("getswitchinterval"); /* Borrowed. */
  PyObject* const seconds = getter != NULL ? PyObject_CallNoArgs(getter) : NULL;
  const double value = seconds != NULL ? PyFloat_AsDouble(seconds) : 0.0;
  Py_XDECREF(seconds);
  PyErr_Clear();
  return value > 0.0 ? (unsigned long)(value * 1e6 + 0.5) : 0;
}

const char* horus_gil_find(void) {
  PyThreadState* const self = PyThreadState_Get();
  struct _gil_runtime_state* const found = gil_of(self->interp);
  if (found == NULL || found->interval != told_interval()) {
    return "the switch interval does not lie where it lies in the known versions";
  }
  if (locked_state(found) != 1) return "the GIL does not read as locked while it is held";
  if (holder_state(found) != self) {
    return "the GIL's holder does not read as the thread that has it";
  }
  gil = found;
  return NULL;
}

void horus_gil_lock(void) {
  pthread_mutex_lock(&gil->mutex);
}
bool horus_gil_try_lock(void) {
  return pthread_mutex_trylock(&gil->mutex) == 0;
}
void horus_gil_unlock(void) {
  pthread_mutex_unlock(&gil->mutex);
}

bool horus_gil_locked(void) {
  return locked_state(gil) == 1;
}
const void* horus_gil_holder(void) {
  return holder_state(gil);
}
int horus_gil_holder_thread(void) {
  return (int)holder_state(gil)->native_thread_id;
}
unsigned long horus_gil_switches(void) {
  return __atomic_load_n(&gil->switch_number, __ATOMIC_RELAXED);
}
unsigned long* horus_gil_switch_count(void) {
  return &gil->switch_number;
}

void horus_gil_request_drop(void) {
  PyThreadState* const holder = holder_state(gil);
#if PY_VERSION_HEX >= 0x030D0000
  _Py_set_eval_breaker_bit(holder, _PY_GIL_DROP_REQUEST_BIT);
#else
  struct _ceval_state* const evaluation = &holder->interp->ceval;
  __atomic_store_n((int*)&evaluation->gil_drop_request, 1, __ATOMIC_RELAXED);
  __atomic_store_n((int*)&evaluation->eval_breaker, 1, __ATOMIC_RELAXED);
#endif
}

void horus_gil_wake_waiters(void) {
  pthread_cond_broadcast(&gil->cond);
}

void horus_gil_wake_dropper(void) {
  pthread_mutex_lock(&gil->switch_mutex);
  pthread_cond_broadcast(&gil->switch_cond);
  pthread_mutex_unlock(&gil->switch_mutex);
}

unsigned long* horus_gil_interval(void) {
  return &gil->interval;
}

bool horus_monitored_by_debugger(const void* thread_state) {
#if PY_VERSION_HEX >= 0x030C0000
  const PyInterpreterState* const interpreter = ((const PyThreadState*)thread_state)->interp;
  const uintptr_t* const name =
      (const uintptr_t*)&interpreter->monitoring_tool_names[PY_MONITORING_DEBUGGER_ID];
  return __atomic_load_n(name, __ATOMIC_RELAXED) != 0;
#else
  (void)thread_state;
  return false;
#endif
}

/* glibc counts the waiters of a condition variable in __wrefs, from bit 3 on; the lower bits are
 * flags. See its nptl/pthread_cond_wait.c. */
unsigned int horus_gil_waiters(void) {
  return __atomic_load_n(&gil->cond.__data.__wrefs, __ATOMIC_RELAXED) >> 3;
}

#else /* An unknown interpreter: horus_gil_find() refuses, so nobody calls the others. */

const char* horus_gil_find(void) {
  return "this build or version of Python is not known";
}
void horus_gil_lock(void) {}
bool horus_gil_try_lock(void) {
  return false;
}
void horus_gil_unlock(void) {}
bool horus_gil_locked(void) {
  return false;
}
const void* horus_gil_holder(void) {
  return NULL;
}
int horus_gil_holder_thread(void) {
  return 0;
}
unsigned long horus_gil_switches(void) {
  return 0;
}
unsigned long* horus_gil_switch_count(void) {
  return NULL;
}
void horus_gil_request_drop(void) {}
void horus_gil_wake_waiters(void) {}
void horus_gil_wake_dropper(void) {}
unsigned long* horus_gil_interval(void) {
  return NULL;
}
bool horus_monitored_by_debugger(const void* thread_state) {
  (void)thread_state;
  return false;
}
unsigned int horus_gil_waiters(void) {
  return 0;
}

#endif
