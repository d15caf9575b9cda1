// SPDX-License-Identifier: Apache-2.0
#include <Python.h>
#include <structmember.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "pyhost/capi.hpp"
#include "pyhost/errors.hpp"
#include "pyhost/guard.hpp"
#include "pyhost/node_arguments.hpp"
#include "pyhost/node_stats.hpp"
#include "pyhost/py_node.hpp"
#include "rt/event_log.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

PyTypeObject* node_type = nullptr;

NodeObject& as_node(PyObject* self) noexcept {
  return *reinterpret_cast<NodeObject*>(self);
}

// Life

PyObject* node_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*kwargs*/) {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  return guarded<PyObject*>(nullptr, [self] {
    pyb::object keep = owned(self);
    as_node(self).ports = new PortTable;
    as_node(self).node = new PyNode{self};
    return keep.release().ptr();
  });
}

void declare_ports(PortTable& ports, const NodeSpec& spec) {
  for (const auto& port : spec.publishers) {
    raise_unless(ports.declare_publisher(port.topic, port.type, port.options));
  }
  for (const auto& port : spec.subscribers) {
    raise_unless(ports.declare_subscriber(port.topic, port.type, port.options));
  }
  const auto waits_on = [&spec](const auto& port) { return port.topic == spec.on; };
  if (!spec.on.empty() &&
      std::none_of(spec.subscribers.begin(), spec.subscribers.end(), waits_on)) {
    raise_unless(ports.declare_subscriber(spec.on, {}, {}));
  }
}

int node_init(PyObject* self, PyObject* positional, PyObject* keywords) {
  NodeArguments arguments;
  if (!parse(positional, keywords, arguments)) return -1;
  return guarded(-1, [&] {
    PyNode& node = *as_node(self).node;
    if (node.constructed()) throw std::runtime_error("a Node cannot be initialised twice");
    const auto callbacks = callbacks_of(arguments);
    NodeSpec spec = make_spec(arguments);
    declare_ports(*as_node(self).ports, spec);
    node.spec = std::move(spec);
    for (std::size_t i = 0; i < kCallbacks; ++i) node.given[i] = Py_XNewRef(callbacks[i]);
    return 0;
  });
}

int node_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_node(self).dict);
  return as_node(self).node != nullptr ? as_node(self).node->traverse(visit, arg) : 0;
}

int node_clear(PyObject* self) {
  Py_CLEAR(as_node(self).dict);
  if (as_node(self).node != nullptr) as_node(self).node->clear();
  return 0;
}

void node_dealloc(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (as_node(self).weak_references != nullptr) PyObject_ClearWeakRefs(self);
  node_clear(self);
  delete as_node(self).ports;  // They count in what the node holds.
  delete as_node(self).node;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* node_repr(PyObject* self) {
  return PyUnicode_FromFormat("<horus.Node '%s'>", as_node(self).node->spec.name.c_str());
}

// Messages. The keyword forms exist for programs that name the arguments; they may be slow.

constexpr const char* kTopicAndData[] = {"topic", "data"};

/// A vectorcall's arguments: the positional ones, then the values of the keywords.
struct Given {
  PyObject* const* args;
  Py_ssize_t positional;
  PyObject* keywords;
};

/// Puts them in the order of `names`; false with TypeError set.
bool gather(const char* function, const Given& given, std::span<const char* const> names,
            PyObject** values) noexcept {
  const auto [args, positional, keywords] = given;
  const auto wanted = static_cast<Py_ssize_t>(names.size());
  const Py_ssize_t named = keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0;
  if (positional + named != wanted) {
    PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, %zd given", function, wanted,
                 positional + named);
    return false;
  }
  for (Py_ssize_t i = 0; i < positional; ++i) values[i] = args[i];
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, i);
    Py_ssize_t place = positional;
    while (place < wanted &&
           PyUnicode_CompareWithASCIIString(name, names[static_cast<std::size_t>(place)]) != 0)
      ++place;
    if (place == wanted) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected argument '%U'", function, name);
      return false;
    }
    values[place] = args[positional + i];
  }
  return true;
}

PyObject* node_send(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* values[2] = {};
  if (count == 2 && keywords == nullptr) [[likely]] {
    values[0] = args[0];
    values[1] = args[1];
  } else if (!gather("send", {args, count, keywords}, kTopicAndData, values)) {
    return nullptr;
  }
  const int sent = as_node(self).ports->send(values[0], values[1]);
  if (sent < 0) return nullptr;
  return Py_NewRef(sent != 0 ? Py_True : Py_False);
}

template <auto Receive>
PyObject* receive(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* topic = nullptr;
  if (count == 1 && keywords == nullptr) [[likely]] {
    topic = args[0];
  } else if (!gather("recv", {args, count, keywords}, std::span{kTopicAndData}.first(1), &topic)) {
    return nullptr;
  }
  return Receive(*as_node(self).ports, topic);
}

PyObject* recv_one(PortTable& ports, PyObject* topic) noexcept {
  return ports.recv(topic);
}
PyObject* recv_all(PortTable& ports, PyObject* topic) noexcept {
  return ports.recv_all(topic);
}
PyObject* has_msg(PortTable& ports, PyObject* topic) noexcept {
  const int found = ports.has_msg(topic);
  return found < 0 ? nullptr : Py_NewRef(found != 0 ? Py_True : Py_False);
}

PyObject* list_of(const std::vector<std::string>& names) {
  pyb::list list;
  for (const std::string& name : names) list.append(name);
  return list.release().ptr();
}
PyObject* node_publishers(PyObject* self, PyObject* /*none*/) {
  return guarded<PyObject*>(nullptr, [self] { return list_of(as_node(self).ports->publishers()); });
}
PyObject* node_subscribers(PyObject* self, PyObject* /*none*/) {
  return guarded<PyObject*>(nullptr,
                            [self] { return list_of(as_node(self).ports->subscribers()); });
}

// Log and control

template <LogLevel Level>
PyObject* node_log(PyObject* self, PyObject* message) {
  const pyb::object text = owned(PyObject_Str(message));
  Py_ssize_t length = 0;
  const char* const utf8 = text ? PyUnicode_AsUTF8AndSize(text.ptr(), &length) : nullptr;
  if (utf8 == nullptr) return nullptr;
  log_lines(static_cast<int>(Level), as_node(self).node->spec.name,
            std::string(utf8, static_cast<std::size_t>(length)));
  return new_none();
}

PyObject* node_request_stop(PyObject* self, PyObject* /*none*/) {
  if (NodeHost* const host = as_node(self).node->host(); host != nullptr) host->request_stop();
  return new_none();
}

PyObject* node_stats(PyObject* self, PyObject* /*none*/) {
  return guarded<PyObject*>(nullptr,
                            [self] { return stats_of(*as_node(self).node).release().ptr(); });
}

PyMethodDef node_methods[] = {
    {"send", as_method(node_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, topic, data)\n--\n\nSend a message object, dict, list, str, number, bytes, array "
     "or Image. On a typed topic a dict is the constructor's arguments. False when it was not "
     "queued: the topic refuses and is full, or there is no free block."},
    {"recv", as_method(receive<recv_one>), METH_FASTCALL | METH_KEYWORDS,
     "recv($self, topic)\n--\n\nThe next message, or None."},
    {"recv_all", as_method(receive<recv_all>), METH_FASTCALL | METH_KEYWORDS,
     "recv_all($self, topic)\n--\n\nEvery message that waits, as a list."},
    {"has_msg", as_method(receive<has_msg>), METH_FASTCALL | METH_KEYWORDS,
     "has_msg($self, topic)\n--\n\nWhether a message waits, without taking it."},
    {"publishers", node_publishers, METH_NOARGS,
     "publishers($self)\n--\n\nThe topics declared in pubs."},
    {"subscribers", node_subscribers, METH_NOARGS,
     "subscribers($self)\n--\n\nThe topics declared in subs."},
    {"log_info", node_log<LogLevel::kInfo>, METH_O,
     "log_info($self, msg)\n--\n\nLog, with the node's name and tick."},
    {"log_warning", node_log<LogLevel::kWarning>, METH_O,
     "log_warning($self, msg)\n--\n\nLog a warning, with the node's name and tick."},
    {"log_error", node_log<LogLevel::kError>, METH_O,
     "log_error($self, msg)\n--\n\nLog an error, with the node's name and tick."},
    {"log_debug", node_log<LogLevel::kDebug>, METH_O,
     "log_debug($self, msg)\n--\n\nLog for debugging, with the node's name and tick."},
    {"request_stop", node_request_stop, METH_NOARGS,
     "request_stop($self)\n--\n\nStop the scheduler after this tick."},
    {"_stats", node_stats, METH_NOARGS,
     "_stats($self)\n--\n\nWhat Scheduler.get_node_stats() returns."},
    {nullptr, nullptr, 0, nullptr}};

// Attributes

const NodeSpec& spec_of(PyObject* self) noexcept {
  return as_node(self).node->spec;
}

PyObject* from_seconds(const std::optional<Nanos>& value) {
  if (!value) return new_none();
  return PyFloat_FromDouble(static_cast<double>(value->count()) * 1e-9);
}
PyObject* from_integer(const std::optional<int>& value) {
  return value ? PyLong_FromLong(*value) : new_none();
}
PyObject* from_text(const std::string& text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* get_name(PyObject* self, void* /*closure*/) {
  return from_text(spec_of(self).name);
}
PyObject* get_rate(PyObject* self, void* /*closure*/) {
  const auto& rate = spec_of(self).config.rate;
  return rate ? PyFloat_FromDouble(rate->hz()) : new_none();
}
PyObject* get_order(PyObject* self, void* /*closure*/) {
  return PyLong_FromLong(spec_of(self).config.order);
}
PyObject* get_budget(PyObject* self, void* /*closure*/) {
  return from_seconds(spec_of(self).config.budget);
}
PyObject* get_deadline(PyObject* self, void* /*closure*/) {
  return from_seconds(spec_of(self).config.deadline);
}
PyObject* get_compute(PyObject* self, void* /*closure*/) {
  return PyBool_FromLong(spec_of(self).config.node_class == NodeClass::kCompute ? 1 : 0);
}
PyObject* get_on(PyObject* self, void* /*closure*/) {
  return spec_of(self).on.empty() ? new_none() : from_text(spec_of(self).on);
}
PyObject* get_priority(PyObject* self, void* /*closure*/) {
  return from_integer(spec_of(self).config.priority);
}
PyObject* get_core(PyObject* self, void* /*closure*/) {
  return from_integer(spec_of(self).config.cpu);
}
PyObject* get_callback(PyObject* self, void* closure) {
  PyObject* const function = as_node(self).node->given[reinterpret_cast<std::size_t>(closure)];
  return function != nullptr ? Py_NewRef(function) : new_none();
}
PyObject* get_info(PyObject* self, void* /*closure*/) {
  return guarded<PyObject*>(nullptr, [self] {
    PyNode& node = *as_node(self).node;
    if (node.info == nullptr) {
      const auto make = pyb::module_::import("horus._info").attr("NodeInfo");
      node.info = make(pyb::handle{self}).release().ptr();
    }
    return Py_NewRef(node.info);
  });
}

void* closure_of(Callback callback) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a number is all that the closure holds
  return reinterpret_cast<void*>(static_cast<std::size_t>(callback));
}

PyGetSetDef attributes[] = {
    {"name", get_name, nullptr, "The node's name.", nullptr},
    {"rate", get_rate, nullptr, "Ticks per second; None: no rate.", nullptr},
    {"order", get_order, nullptr, "0 to 255, lower first.", nullptr},
    {"budget", get_budget, nullptr, "The budget in seconds, if one was given.", nullptr},
    {"deadline", get_deadline, nullptr, "The deadline in seconds, if one was given.", nullptr},
    {"compute", get_compute, nullptr, "Whether it runs on a worker of its own.", nullptr},
    {"on", get_on, nullptr, "The topic whose data make it tick, or None.", nullptr},
    {"priority", get_priority, nullptr, "The SCHED_FIFO priority asked for, or None.", nullptr},
    {"core", get_core, nullptr, "The CPU asked for, or None.", nullptr},
    {"info", get_info, nullptr, "Its NodeInfo: name, state, counts, times.", nullptr},
    {"tick", get_callback, nullptr, "Called at each release.", closure_of(Callback::kTick)},
    {"init", get_callback, nullptr, "Called before the first tick.", closure_of(Callback::kInit)},
    {"shutdown", get_callback, nullptr, "Called after the last tick.",
     closure_of(Callback::kShutdown)},
    {"on_error", get_callback, nullptr, "Told of each exception.", closure_of(Callback::kOnError)},
    {"enter_safe_state", get_callback, nullptr, "Brings the actuators to rest.",
     closure_of(Callback::kSafeState)},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(NodeObject, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(NodeObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

constexpr const char* kDoc =
    "Node(name=None, tick=None, rate=30, pubs=None, subs=None, init=None, shutdown=None,\n"
    "     on_error=None, order=0, budget=None, deadline=None, on_miss=None,\n"
    "     failure_policy=None, compute=False, on=None, priority=None, core=None, watchdog=None,\n"
    "     default_capacity=1024, safe_state=None, host=None, failure=None, actuator=False)\n\n"
    "A unit of work with a rate: tick(node) is a function, or a method of a subclass.\n"
    "Times are in seconds (300*horus.us), rates in Hz.";

}  // namespace

NodeObject& node_object(pyb::handle object) {
  if (PyObject_TypeCheck(object.ptr(), node_type) == 0) {
    throw pyb::type_error(std::string{"a horus.Node is needed, not "} +
                          Py_TYPE(object.ptr())->tp_name);
  }
  NodeObject& node = as_node(object.ptr());
  if (!node.node->constructed()) {
    throw std::runtime_error("this Node was never initialised: call super().__init__() first");
  }
  return node;
}

void bind_node(pyb::module_& module) {
  static PyType_Slot slots[] = {{Py_tp_new, as_slot(node_new)},
                                {Py_tp_init, as_slot(node_init)},
                                {Py_tp_dealloc, as_slot(node_dealloc)},
                                {Py_tp_traverse, as_slot(node_traverse)},
                                {Py_tp_clear, as_slot(node_clear)},
                                {Py_tp_repr, as_slot(node_repr)},
                                {Py_tp_methods, node_methods},
                                {Py_tp_getset, attributes},
                                {Py_tp_members, members},
                                {Py_tp_doc, const_cast<char*>(kDoc)},
                                {0, nullptr}};
  static PyType_Spec spec{.name = "horus.Node",
                          .basicsize = sizeof(NodeObject),
                          .itemsize = 0,
                          .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                          .slots = slots};
  const pyb::object type = owned(PyType_FromSpec(&spec));
  if (!type) throw pyb::error_already_set();
  node_type = reinterpret_cast<PyTypeObject*>(type.ptr());
  module.attr("Node") = type;
}

}  // namespace horus::py
