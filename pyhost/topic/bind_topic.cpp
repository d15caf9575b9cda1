// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/payload/session.hpp"
#include "pyhost/topic/bind.hpp"
#include "pyhost/topic/port.hpp"
#include "shm/names.hpp"
#include "shm/registry.hpp"

namespace horus::py {
namespace {

/// What a Topic object owns: a port and its counters.
class Topic {
 public:
  Topic(std::string name, const shm::TopicOptions& options)
      : counters_{.sent = &sent_, .received = &received_, .dropped = &dropped_},
        port{std::move(name), counters_, options} {}

 private:
  Counter sent_, received_, dropped_;
  MessageCounters counters_;

 public:
  Port port;
};

struct TopicObject {
  PyObject_HEAD Topic* topic;
};

Port& port_of(PyObject* self) noexcept {
  return reinterpret_cast<TopicObject*>(self)->topic->port;
}

/// Reads the constructor's arguments: the topic's name, and what it carries if that is given. False
/// with an exception set.
bool read_target(PyObject* type_or_name, PyObject* msg_type, const char* endpoint,
                 std::string& name, PortType& type) {
  if (endpoint != nullptr && std::string_view{endpoint}.find('@') != std::string_view::npos) {
    PyErr_Format(PyExc_ValueError, "endpoint '%s': topics do not leave this machine", endpoint);
    return false;
  }
  if (type_or_name != nullptr && PyUnicode_Check(type_or_name)) {
    name = endpoint != nullptr ? endpoint : characters_of(type_or_name);
    return msg_type == nullptr || port_type_of(msg_type, type);
  }
  if ((type_or_name == nullptr) == (msg_type == nullptr)) {
    PyErr_SetString(
        PyExc_TypeError,
        "Topic() takes a name, a type, or a name and msg_type=; one of them is missing, "
        "or the type is given twice");
    return false;
  }
  if (type_or_name == nullptr) type_or_name = msg_type;
  if (!port_type_of(type_or_name, type)) return false;
  name = endpoint != nullptr ? endpoint : default_topic_of(type);
  if (!name.empty()) return true;
  PyErr_Format(PyExc_ValueError, "%R has no topic of its own; say endpoint=", type_or_name);
  return false;
}

PyObject* topic_new(PyTypeObject* python, PyObject* values, PyObject* names) noexcept {
  static const std::array<const char*, 10> kNames{"type_or_name", "capacity", "endpoint", "size",
                                                  "finite",       "policy",   "max_size", "history",
                                                  "msg_type",     nullptr};
  PyObject* type_or_name = nullptr;
  PyObject* msg_type = nullptr;
  const char* endpoint = nullptr;
  PortArguments arguments;
  shm::TopicOptions options{.depth = 0};
  if (PyArg_ParseTupleAndKeywords(
          values, names, "|OOzOO$OOOO:Topic", const_cast<char**>(kNames.data()), &type_or_name,
          &arguments.capacity, &endpoint, &arguments.size, &arguments.finite, &arguments.policy,
          &arguments.max_size, &arguments.history, &msg_type) == 0 ||
      !read_port_options(arguments, "Topic", options)) {
    return nullptr;
  }
  std::string name;
  PortType type;
  if (!read_target(type_or_name, msg_type, endpoint, name, type)) return nullptr;
  if (const Status valid = shm::check_topic_name(name); !valid) return set_error(valid.error());
  auto topic = std::make_unique<Topic>(std::move(name), options);
  Status opened = topic->port.declare(type);
  // Memory for size= is reserved now, so that a failure shows here. A policy= is announced now, for
  // the subscribers that come.
  const bool publishes = options.policy == shm::Policy::kRefuse || options.size != 0;
  if (opened && publishes) opened = topic->port.open_publisher();
  // Open the subscriber ahead of its first use: messages sent from here on are received or counted.
  topic->port.may_receive();
  if (opened) opened = topic->port.open_subscriber();
  if (!opened) return set_error(opened.error());
  await_publishers();
  PyObject* const self = python->tp_alloc(python, 0);
  if (self != nullptr) reinterpret_cast<TopicObject*>(self)->topic = topic.release();
  return self;
}

void topic_dealloc(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  delete reinterpret_cast<TopicObject*>(self)->topic;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* truth(int result) noexcept {
  return result < 0 ? nullptr : PyBool_FromLong(result);
}

/// Whether the arguments of send() are a message and perhaps `node`, by position or by name.
/// Programs of the HORUS family pass a node for their log; it is ignored here. False with TypeError
/// set.
bool takes_node(Py_ssize_t count, PyObject* names) noexcept {
  if (names == nullptr && (count == 1 || count == 2)) [[likely]]
    return true;
  if (names != nullptr && count == 1 && PyTuple_GET_SIZE(names) == 1 &&
      PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "node") == 0) {
    return true;
  }
  PyErr_SetString(PyExc_TypeError, "Topic.send() takes a message and perhaps node=");
  return false;
}

PyObject* topic_send(PyObject* self, PyObject* const* values, Py_ssize_t count,
                     PyObject* names) noexcept {
  return takes_node(count, names) ? truth(port_of(self).send(values[0])) : nullptr;
}
PyObject* topic_try_send(PyObject* self, PyObject* message) noexcept {
  return truth(port_of(self).try_send(message));
}
PyObject* topic_recv(PyObject* self, PyObject* const* values, Py_ssize_t count,
                     PyObject* names) noexcept {
  PyObject* otherwise = Py_None;
  bool good = count <= 1;
  for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, i);
    if (PyUnicode_CompareWithASCIIString(name, "default") == 0) {
      otherwise = values[count + i];
    } else {
      good = good && count == 0 && PyUnicode_CompareWithASCIIString(name, "node") == 0;
    }
  }
  if (good) [[likely]]
    return port_of(self).recv(otherwise);
  PyErr_SetString(PyExc_TypeError, "Topic.recv() takes nothing but perhaps node= and default=");
  return nullptr;
}
PyObject* topic_try_recv(PyObject* self, PyObject*) noexcept {
  return port_of(self).recv();
}
PyObject* topic_recv_all(PyObject* self, PyObject*) noexcept {
  return port_of(self).recv_all();
}
PyObject* topic_read_latest(PyObject* self, PyObject*) noexcept {
  return port_of(self).read_latest();
}
PyObject* topic_has_msg(PyObject* self, PyObject*) noexcept {
  return truth(port_of(self).has_msg());
}

PyObject* topic_wait(PyObject* self, PyObject* values, PyObject* names) {
  static const std::array<const char*, 2> kNames{"timeout", nullptr};
  PyObject* timeout = Py_None;
  if (PyArg_ParseTupleAndKeywords(values, names, "|O:wait", const_cast<char**>(kNames.data()),
                                  &timeout) == 0) {
    return nullptr;
  }
  if (timeout == Py_None) return truth(port_of(self).wait(-1));
  const double seconds = PyFloat_AsDouble(timeout);
  if (seconds == -1.0 && PyErr_Occurred()) return nullptr;
  if (std::isnan(seconds) || seconds < 0) {
    PyErr_SetString(PyExc_ValueError, "timeout is None or seconds, at least 0");
    return nullptr;
  }
  return truth(port_of(self).wait(seconds));
}

PyObject* topic_fileno(PyObject* self, PyObject*) noexcept {
  const int fd = port_of(self).fileno();
  return fd < 0 ? nullptr : PyLong_FromLong(fd);
}

PyObject* topic_loan(PyObject* self, PyObject* values, PyObject* names) noexcept {
  return port_of(self).loan(values, names);
}

PyObject* topic_pending(PyObject* self, PyObject*) noexcept {
  return PyLong_FromUnsignedLongLong(port_of(self).pending());
}

/// The topic as the whole base sees it; `info` stays empty while nobody has opened it. False with
/// an exception set.
bool look_up(PyObject* self, shm::TopicInfo& info) noexcept {
  const auto shared = session();
  if (!shared) return set_error(shared.error()) != nullptr;
  auto found = shm::find_topic(shared.value()->base(), port_of(self).topic());
  if (found) {
    info = std::move(found).value();
  } else if (found.error().code != Errc::kNotFound) {
    return set_error(found.error()) != nullptr;
  }
  return true;
}

PyObject* topic_pub_count(PyObject* self, PyObject*) noexcept {
  shm::TopicInfo info;
  if (!look_up(self, info)) return nullptr;
  return PyLong_FromSsize_t(std::ranges::count_if(info.publishers, &shm::PublisherInfo::alive));
}
PyObject* topic_sub_count(PyObject* self, PyObject*) noexcept {
  shm::TopicInfo info;
  if (!look_up(self, info)) return nullptr;
  return PyLong_FromSsize_t(std::ranges::count_if(info.subscribers, &shm::SubscriberInfo::alive));
}

PyObject* topic_stats(PyObject* self, PyObject*) noexcept {
  const Port& port = port_of(self);
  const Nanos age = port.age();
  const Ref seconds{age < Nanos{} ? new_none()
                                  : PyFloat_FromDouble(static_cast<double>(age.count()) * 1e-9)};
  if (!seconds) return nullptr;
  const shm::SubscriberCounts received = port.received();
  return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:O}", "sent",
                       static_cast<unsigned long long>(port.sent()), "copied",
                       static_cast<unsigned long long>(port.copied()), "received",
                       static_cast<unsigned long long>(received.received), "dropped",
                       static_cast<unsigned long long>(port.refused()), "missed",
                       static_cast<unsigned long long>(received.missed), "passed_over",
                       static_cast<unsigned long long>(received.passed_over), "torn",
                       static_cast<unsigned long long>(received.torn), "age", seconds.ptr());
}

PyObject* get_topic_name(PyObject* self, void*) noexcept {
  return PyUnicode_FromString(port_of(self).topic().c_str());
}
PyObject* get_backend(PyObject*, void*) noexcept {
  return PyUnicode_FromString("shm");
}
PyObject* topic_generic(PyObject* self, PyObject*) noexcept {
  const Carries carries = port_of(self).type().carries;
  return PyBool_FromLong(carries == Carries::kValues || carries == Carries::kUndecided);
}

PyObject* topic_repr(PyObject* self) noexcept {
  return PyUnicode_FromFormat("Topic('%s')", port_of(self).topic().c_str());
}

PyMethodDef topic_methods[] = {
    {"send", as_method(topic_send), METH_FASTCALL | METH_KEYWORDS,
     "send(message, node=None)\n--\n\nTrue, or False when the topic did not take it. The node is "
     "not used."},
    {"recv", as_method(topic_recv), METH_FASTCALL | METH_KEYWORDS,
     "recv(node=None, *, default=None)\n--\n\nThe next message, or the default: with one of one's "
     "own a None that was sent is told\nfrom no message. The node is not used."},
    {"try_recv", topic_try_recv, METH_NOARGS, "try_recv()\n--\n\nThe next message, or None."},
    {"read_latest", topic_read_latest, METH_NOARGS,
     "read_latest()\n--\n\nThe newest message that was not received yet, or None."},
    {"recv_all", topic_recv_all, METH_NOARGS,
     "recv_all()\n--\n\nWhat is there now, as a list. It ends before one that cannot be given, "
     "as of a type that this program does not know; the next call raises that."},
    {"has_msg", topic_has_msg, METH_NOARGS, "has_msg()\n--\n\nWhether recv() would find one."},
    {"wait", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(topic_wait)),
     METH_VARARGS | METH_KEYWORDS,
     "wait(timeout=None)\n--\n\nTrue when there is a message, False after `timeout` seconds."},
    {"fileno", topic_fileno, METH_NOARGS,
     "fileno()\n--\n\nA descriptor for select(): readable until a receiving call finds nothing."},
    {"loan", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(topic_loan)),
     METH_VARARGS | METH_KEYWORDS,
     "loan(*args, **kwargs)\n--\n\nA message of the topic's type to fill in place and to send: the "
     "arguments are those of its\nconstructor, or one that was received, for a writable copy. An "
     "image, cloud or tensor is sent\nwithout a copy then; a tensor is read-only from then on, and "
     "arrays over it must not be written to.\nTypeError on a topic of dicts."},
    {"pending_count", topic_pending, METH_NOARGS,
     "pending_count()\n--\n\nMessages that can be received now."},
    {"pub_count", topic_pub_count, METH_NOARGS,
     "pub_count()\n--\n\nLiving publishers in all processes."},
    {"sub_count", topic_sub_count, METH_NOARGS,
     "sub_count()\n--\n\nLiving subscribers in all processes."},
    {"_stats", topic_stats, METH_NOARGS, "_stats()\n--\n\nWhat stats() counts, under our names."},
    {"_try_send", topic_try_send, METH_O, "_try_send(message)\n--\n\nWhat try_send() does."},
    {"_generic", topic_generic, METH_NOARGS, "_generic()\n--\n\nWhat is_generic says."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef properties[] = {
    {"name", get_topic_name, nullptr, "The topic's name.", nullptr},
    {"endpoint", get_topic_name, nullptr, "Where it is reached: its name on this machine.",
     nullptr},
    {"backend_type", get_backend, nullptr, "'shm': shared memory.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

void bind_topic(pybind11::module_& module) {
  PyType_Slot slots[] = {
      {Py_tp_new, as_slot(topic_new)},
      {Py_tp_dealloc, as_slot(topic_dealloc)},
      {Py_tp_repr, as_slot(topic_repr)},
      {Py_tp_methods, topic_methods},
      {Py_tp_getset, properties},
      {Py_tp_doc,
       const_cast<char*>(
           "Topic(type_or_name=None, capacity=None, endpoint=None, size=None, finite=False, *,\n"
           "      policy=None, max_size=None, history=None, msg_type=None)\n--\n\n"
           "A topic to send on and to receive from, outside of nodes. Without a type it has the "
           "one that it has already, or whose default topic it is; else it carries values of any "
           "kind and messages of all types. msg_type: the type beside a name, or in its place; a "
           "class, or its name as text.\n\n"
           "capacity: messages that are kept of what is sent here. policy: 'overwrite' (the oldest "
           "message makes room) or 'refuse' (send() is False while a reader has not taken the "
           "oldest; such a Topic "
           "receives from its first recv() or wait() on). max_size: bytes of the largest value of "
           "a new topic of dicts, 65536 if not given. history: so many messages from before, in "
           "place of all that publishers still have. size: "
           "of the largest image, cloud or tensor: bytes, or (height, width, encoding); memory for "
           "all that the topic can keep is reserved now, and no frame fails for want of it. "
           "finite: send() raises ValueError for a message with a NaN or infinite number.")},
      {0, nullptr}};
  PyType_Spec spec{"horus.Topic", sizeof(TopicObject), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref type{PyType_FromSpec(&spec)};
  if (!type || PyModule_AddObjectRef(module.ptr(), "Topic", type.ptr()) < 0) {
    throw pybind11::error_already_set();
  }
}

}  // namespace horus::py
