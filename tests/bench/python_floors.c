// SPDX-License-Identifier: Apache-2.0
// What bench_python.py compares with: the least that CPython, the memory and the kernel take for
// the same thing. Built by the benchmark itself, with the compiler's defaults and -O2.
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  PyObject_HEAD
} Target;

// c0: a method of two arguments that does nothing.
static PyObject* noop(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  (void)self, (void)values, (void)count;
  Py_RETURN_NONE;
}

static uint8_t buffer[65536];

// A list of floats into a buffer as MessagePack has them: one load, swap and store each.
static PyObject* write_floats(PyObject* self, PyObject* list) {
  (void)self;
  uint8_t* at = buffer;
  const Py_ssize_t count = PyList_GET_SIZE(list);
  if (count > 7000) return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < count; ++i) {
    const double value = PyFloat_AS_DOUBLE(PyList_GET_ITEM(list, i));
    uint64_t bits;
    memcpy(&bits, &value, 8);
    bits = __builtin_bswap64(bits);
    *at = 0xcb;
    memcpy(at + 1, &bits, 8);
    at += 9;
  }
  Py_RETURN_NONE;
}

// The objects that receiving such a list has to make.
static PyObject* make_floats(PyObject* self, PyObject* number) {
  (void)self;
  const Py_ssize_t count = PyLong_AsSsize_t(number);
  PyObject* list = PyList_New(count);
  for (Py_ssize_t i = 0; list != NULL && i < count; ++i) {
    PyList_SET_ITEM(list, i, PyFloat_FromDouble((double)i));
  }
  return list;
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// Ping-pong over one cache line, rounds `first` to `first + rounds`: `side` 0 starts. Spinning
// where `rest_ns` is 0. Else asleep in a futex: before each answer a side works for `rest_ns`, so
// that the other one is asleep by then and does not find the answer on its way into the kernel.
static PyObject* ping_pong(PyObject* self, PyObject* arguments) {
  (void)self;
  Py_buffer memory;
  int side = 0;
  unsigned first = 0, rounds = 0;
  long long rest_ns = 0;
  if (!PyArg_ParseTuple(arguments, "w*iIIL", &memory, &side, &first, &rounds, &rest_ns)) {
    return NULL;
  }
  _Atomic uint32_t* word = memory.buf;
  Py_BEGIN_ALLOW_THREADS
  for (unsigned i = first; i < first + rounds; ++i) {
    const uint32_t mine = 2 * i + (uint32_t)side;
    uint32_t now;
    while ((now = atomic_load(word)) != mine) {
      if (rest_ns != 0) {
        syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
      } else {
        __builtin_ia32_pause();
      }
    }
    if (rest_ns != 0) {
      const int64_t until = now_ns() + rest_ns;
      while (now_ns() < until) {
      }
    }
    atomic_store(word, mine + 1);
    if (rest_ns != 0) syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
  }
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&memory);
  Py_RETURN_NONE;
}

// As an executor rests before a release: it sleeps, and spins for the rest, outside Python.
static void rest(int64_t ns, int64_t spun_ns) {
  PyThreadState* const state = PyEval_SaveThread();
  const int64_t until = now_ns() + ns;
  const int64_t sleeps = until - spun_ns;
  const struct timespec at = {.tv_sec = sleeps / 1000000000, .tv_nsec = sleeps % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
  while (now_ns() < until) {
  }
  PyEval_RestoreThread(state);
}

// The least that the ticks of nodes take, one each, after a rest of `rest_ns`: a vectorcall of its
// function with the node between two clock reads; with `takes` the GIL is taken and dropped around
// each, and that is timed, too. ns each.
static PyObject* bare_ticks(PyObject* self, PyObject* arguments) {
  (void)self;
  PyObject *functions = NULL, *nodes = NULL;
  int takes = 0;
  long long rest_ns = 0;
  if (!PyArg_ParseTuple(arguments, "O!O!iL", &PyTuple_Type, &functions, &PyTuple_Type, &nodes,
                        &takes, &rest_ns)) {
    return NULL;
  }
  const Py_ssize_t count = Py_MIN(PyTuple_GET_SIZE(functions), PyTuple_GET_SIZE(nodes));
  volatile int64_t sum = 0;
  rest(rest_ns, rest_ns / 5);
  const int64_t begin = now_ns();
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* stack[] = {NULL, PyTuple_GET_ITEM(nodes, i)};
    if (takes) {
      PyThreadState* const state = PyEval_SaveThread();
      sum += now_ns();
      PyEval_RestoreThread(state);
    }
    sum += now_ns();
    Py_XDECREF(PyObject_Vectorcall(PyTuple_GET_ITEM(functions, i), stack + 1,
                                   1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    sum += now_ns();
  }
  return PyFloat_FromDouble((double)(now_ns() - begin) / (double)count);
}

static PyMethodDef target_methods[] = {
    {"noop", (PyCFunction)(void (*)(void))noop, METH_FASTCALL, NULL}, {NULL, NULL, 0, NULL}};
static PyTypeObject target_type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "python_floors.Target",
                                   .tp_basicsize = sizeof(Target),
                                   .tp_flags = Py_TPFLAGS_DEFAULT,
                                   .tp_methods = target_methods,
                                   .tp_new = PyType_GenericNew};

static PyMethodDef functions[] = {{"write_floats", write_floats, METH_O, NULL},
                                  {"make_floats", make_floats, METH_O, NULL},
                                  {"bare_ticks", bare_ticks, METH_VARARGS, NULL},
                                  {"ping_pong", ping_pong, METH_VARARGS, NULL},
                                  {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "python_floors",
                                        .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit_python_floors(void) {
  if (PyType_Ready(&target_type) < 0) return NULL;
  PyObject* module = PyModule_Create(&definition);
  if (module != NULL) PyModule_AddObjectRef(module, "Target", (PyObject*)&target_type);
  return module;
}
