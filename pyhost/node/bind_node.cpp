// SPDX-License-Identifier: Apache-2.0
#include <Python.h>
#include <structmember.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <horus/log.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/node/node_arguments.hpp"
#include "pyhost/node/node_stats.hpp"
#include "pyhost/node/py_node.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

PyTypeObject* node_type = nullptr;

NodeObject& as_node(PyObject* self) noexcept {
  return *reinterpret_cast<NodeObject*>(self);
}

// Creation and destruction

PyObject* node_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  return guarded<PyObject*>(nullptr, [&] {
    Ref keep{self};
    as_node(self).ports = new PortTable;
    as_node(self).node = new PyNode{self};
    const pyb::object named =
        kwargs != nullptr ? pyb::reinterpret_borrow<pyb::object>(kwargs) : pyb::object{pyb::dict{}};
    as_node(self).node->made_with =
        pyb::make_tuple(pyb::handle{as_object(type)}, pyb::handle{args}, named).release().ptr();
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
    PyObject* const tick = callbacks[static_cast<std::size_t>(Callback::kTick)];
    const pyb::object own = tick != nullptr ? pyb::reinterpret_borrow<pyb::object>(tick)
                                            : pyb::getattr(self, name_of(Callback::kTick));
    NodeSpec spec = make_spec(arguments, is_async(own.ptr()));
    declare_ports(*as_node(self).ports, spec);
    node.spec = std::move(spec);
    if (node.spec.host.empty()) Py_CLEAR(node.made_with);
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
  delete as_node(self).ports;  // First: the ports count into statistics that the node holds.
  delete as_node(self).node;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* node_repr(PyObject* self) {
  return PyUnicode_FromFormat("<horus.Node '%s'>", as_node(self).node->spec.name.c_str());
}

// Messages. The keyword forms are for programs that name the arguments; they may be slow.

constexpr const char* kTopicAndData[] = {"topic", "data"};
constexpr const char* kTopicAndDefault[] = {"topic", "default"};
constexpr char kRecvAll[] = "recv_all";
constexpr char kHasMsg[] = "has_msg";
constexpr char kStale[] = "stale";

PyObject* node_send(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* values[2] = {};
  if (count == 2 && keywords == nullptr) [[likely]] {
    values[0] = args[0];
    values[1] = args[1];
  } else if (!gather("send", {args, count, keywords}, {kTopicAndData, 2}, values)) {
    return nullptr;
  }
  const int sent = as_node(self).ports->send(values[0], values[1]);
  if (sent < 0) return nullptr;
  return Py_NewRef(sent != 0 ? Py_True : Py_False);
}

template <auto Receive, const char* Name>
PyObject* receive(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* topic = nullptr;
  if (count == 1 && keywords == nullptr) [[likely]] {
    topic = args[0];
  } else if (!gather(Name, {args, count, keywords}, {std::span{kTopicAndData}.first(1), 1},
                     &topic)) {
    return nullptr;
  }
  return Receive(*as_node(self).ports, topic);
}

PyObject* node_recv(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* values[2] = {nullptr, Py_None};
  if (count == 1 && keywords == nullptr) [[likely]] {
    values[0] = args[0];
  } else if (!gather("recv", {args, count, keywords}, {kTopicAndDefault, 1}, values)) {
    return nullptr;
  }
  return as_node(self).ports->recv(values[0], values[1]);
}
PyObject* recv_all(PortTable& ports, PyObject* topic) noexcept {
  return ports.recv_all(topic);
}
PyObject* has_msg(PortTable& ports, PyObject* topic) noexcept {
  const int found = ports.has_msg(topic);
  return found < 0 ? nullptr : Py_NewRef(found != 0 ? Py_True : Py_False);
}

PyObject* stale(PortTable& ports, PyObject* topic) noexcept {
  const int is = ports.stale(topic);
  return is < 0 ? nullptr : Py_NewRef(is != 0 ? Py_True : Py_False);
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

constexpr const char* kMsg[] = {"msg"};
constexpr const char* kMessage[] = {"message"};
constexpr char kLogInfo[] = "log_info";
constexpr char kLogWarning[] = "log_warning";
constexpr char kLogError[] = "log_error";
constexpr char kLogDebug[] = "log_debug";

bool is_named_message(PyObject* keywords) noexcept {
  return keywords != nullptr && PyTuple_GET_SIZE(keywords) == 1 &&
         PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), kMessage[0]) == 0;
}

template <LogLevel Level, const char* Name>
PyObject* node_log(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* message = nullptr;
  if (count == 1 && keywords == nullptr) [[likely]] {
    message = args[0];
  } else if (!gather(Name, {args, count, keywords},
                     {is_named_message(keywords) ? kMessage : kMsg, 1}, &message)) {
    return nullptr;
  }
  const PyNode& node = *as_node(self).node;
  if (node.hears(Level)) log_lines(static_cast<int>(Level), node.spec.name, text_of(message));
  return new_none();
}

PyObject* node_request_stop(PyObject* self, PyObject* /*none*/) {
  if (NodeHost* const host = as_node(self).node->host(); host != nullptr) host->request_stop();
  return new_none();
}

template <bool Arms>
PyObject* node_arm(PyObject* self, PyObject* /*none*/) {
  return guarded<PyObject*>(nullptr, [self] {
    const PyNode& node = *as_node(self).node;
    NodeHost* const host = node.host();
    if (host == nullptr) {
      throw std::runtime_error("node '" + node.spec.name + "' does not run");
    }
    raise_unless(Arms ? host->arm(node.spec.name) : host->disarm(node.spec.name));
    return new_none();
  });
}

PyObject* node_stats(PyObject* self, PyObject* /*none*/) {
  return guarded<PyObject*>(nullptr,
                            [self] { return stats_of(*as_node(self).node).release().ptr(); });
}

PyObject* node_made_with(PyObject* self, PyObject* /*none*/) {
  PyObject* const made_with = as_node(self).node->made_with;
  return made_with != nullptr ? Py_NewRef(made_with) : new_none();
}

PyMethodDef node_methods[] = {
    {"send", as_method(node_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, topic, data)\n--\n\nSend a message object, dict, list, str, number, bytes, array "
     "or Image. On a typed topic a dict is the constructor's arguments. False when it was not "
     "queued: the topic refuses and is full, there is no free block, or an actuator may not act."},
    {"recv", as_method(node_recv), METH_FASTCALL | METH_KEYWORDS,
     "recv($self, topic, default=None)\n--\n\nThe next message, or the default: with one of one's "
     "own a None that was sent is told from no message."},
    {"recv_all", as_method(receive<recv_all, kRecvAll>), METH_FASTCALL | METH_KEYWORDS,
     "recv_all($self, topic)\n--\n\nEvery message that waits, as a list. It ends before one that "
     "cannot be given, as of a type that this program does not know; the next call raises that."},
    {"has_msg", as_method(receive<has_msg, kHasMsg>), METH_FASTCALL | METH_KEYWORDS,
     "has_msg($self, topic)\n--\n\nWhether a message waits, without taking it."},
    {"stale", as_method(receive<stale, kStale>), METH_FASTCALL | METH_KEYWORDS,
     "stale($self, topic)\n--\n\nWhether what it has is older than the timeout of its Sub: the "
     "last value came from the fallback, or the next one will."},
    {"publishers", node_publishers, METH_NOARGS,
     "publishers($self)\n--\n\nThe topics declared in pubs."},
    {"subscribers", node_subscribers, METH_NOARGS,
     "subscribers($self)\n--\n\nThe topics declared in subs."},
    {"log_info", as_method(node_log<LogLevel::kInfo, kLogInfo>), METH_FASTCALL | METH_KEYWORDS,
     "log_info($self, msg)\n--\n\nLog, with the node's name and tick."},
    {"log_warning", as_method(node_log<LogLevel::kWarning, kLogWarning>),
     METH_FASTCALL | METH_KEYWORDS,
     "log_warning($self, msg)\n--\n\nLog a warning, with the node's name and tick."},
    {"log_error", as_method(node_log<LogLevel::kError, kLogError>), METH_FASTCALL | METH_KEYWORDS,
     "log_error($self, msg)\n--\n\nLog an error, with the node's name and tick."},
    {"log_debug", as_method(node_log<LogLevel::kDebug, kLogDebug>), METH_FASTCALL | METH_KEYWORDS,
     "log_debug($self, msg)\n--\n\nLog for debugging, with the node's name and tick."},
    {"request_stop", node_request_stop, METH_NOARGS,
     "request_stop($self)\n--\n\nStop the scheduler after this tick."},
    {"arm", node_arm<true>, METH_NOARGS,
     "arm($self)\n--\n\nLet an actuator act. RuntimeError says what keeps it from that."},
    {"disarm", node_arm<false>, METH_NOARGS, "disarm($self)\n--\n\nForbid an actuator to act."},
    {"_made_with", node_made_with, METH_NOARGS,
     "_made_with($self)\n--\n\nWhat makes it anew in its host, or None."},
    {"_stats", node_stats, METH_NOARGS,
     "_stats($self)\n--\n\nWhat Scheduler.get_node_stats() returns."},
    {nullptr, nullptr, 0, nullptr}};

// Attributes

const NodeSpec& spec_of(PyObject* self) noexcept {
  return as_node(self).node->spec;
}

/// A duration as it was given to Node(...), unless it was changed since.
PyObject* from_seconds(const std::optional<Nanos>& value, double given) {
  if (!value) return new_none();
  if (nanos_of(given) == *value) return PyFloat_FromDouble(given);
  // A division, not a multiplication by 1e-9: so 300 us read exactly as 0.0003.
  return PyFloat_FromDouble(static_cast<double>(value->count()) / 1e9);
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
  return from_seconds(spec_of(self).config.budget, spec_of(self).given.budget);
}
PyObject* get_deadline(PyObject* self, void* /*closure*/) {
  return from_seconds(spec_of(self).config.deadline, spec_of(self).given.deadline);
}
PyObject* get_compute(PyObject* self, void* /*closure*/) {
  return PyBool_FromLong(spec_of(self).config.node_class == NodeClass::kCompute ? 1 : 0);
}
PyObject* get_on(PyObject* self, void* /*closure*/) {
  return spec_of(self).on.empty() ? new_none() : from_text(spec_of(self).on);
}
PyObject* get_host(PyObject* self, void* /*closure*/) {
  return spec_of(self).host.empty() ? new_none() : from_text(spec_of(self).host);
}
PyObject* get_priority(PyObject* self, void* /*closure*/) {
  return from_integer(spec_of(self).config.priority);
}
PyObject* get_core(PyObject* self, void* /*closure*/) {
  return from_integer(spec_of(self).config.cpu);
}
PyObject* get_on_miss(PyObject* self, void* /*closure*/) {
  return from_text(to_text(spec_of(self).config.on_miss));
}
PyObject* get_failure_policy(PyObject* self, void* /*closure*/) {
  const FailureKind kind = spec_of(self).config.failure.kind;
  return kind == FailureKind::kLog ? new_none() : from_text(to_text(kind));
}
PyObject* get_watchdog(PyObject* self, void* /*closure*/) {
  return from_seconds(spec_of(self).config.watchdog, spec_of(self).given.watchdog);
}
PyObject* get_default_capacity(PyObject* self, void* /*closure*/) {
  return PyLong_FromUnsignedLong(spec_of(self).default_capacity);
}
PyObject* get_pub_topics(PyObject* self, void* /*closure*/) {
  return node_publishers(self, nullptr);
}
PyObject* get_sub_topics(PyObject* self, void* /*closure*/) {
  return node_subscribers(self, nullptr);
}
PyObject* get_callback(PyObject* self, void* closure) {
  PyObject* const function = as_node(self).node->given[reinterpret_cast<std::size_t>(closure)];
  return function != nullptr ? Py_NewRef(function) : new_none();
}
PyObject* get_actuator(PyObject* self, void* /*closure*/) {
  return PyBool_FromLong(spec_of(self).config.actuator ? 1 : 0);
}
/// The node's safety state, of the latest run; kStarting before the first.
SafetyState safety_of(PyObject* self) noexcept {
  const PyNode& node = *as_node(self).node;
  return node.stats() != nullptr ? node.stats()->safety.value() : SafetyState::kStarting;
}
PyObject* get_safe(PyObject* self, void* /*closure*/) {
  return PyBool_FromLong(is_latched(safety_of(self)) ? 1 : 0);
}
PyObject* get_armed(PyObject* self, void* /*closure*/) {
  return PyBool_FromLong(may_act(safety_of(self)) ? 1 : 0);
}
PyObject* get_safety(PyObject* self, void* /*closure*/) {
  return from_text(to_text(safety_of(self)));
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
    {"host", get_host, nullptr, "The process that it runs in; None: its scheduler's own.", nullptr},
    {"priority", get_priority, nullptr, "The SCHED_FIFO priority asked for, or None.", nullptr},
    {"core", get_core, nullptr, "The CPU asked for, or None.", nullptr},
    {"_on_miss", get_on_miss, nullptr, "What on_miss says, as text.", nullptr},
    {"failure_policy", get_failure_policy, nullptr, "'fatal', 'restart', 'skip', 'ignore' or None.",
     nullptr},
    {"watchdog", get_watchdog, nullptr, "The watchdog in seconds, if one was given.", nullptr},
    {"default_capacity", get_default_capacity, nullptr,
     "The capacity of topics that were declared without one.", nullptr},
    {"pub_topics", get_pub_topics, nullptr, "As publishers().", nullptr},
    {"sub_topics", get_sub_topics, nullptr, "As subscribers().", nullptr},
    {"actuator", get_actuator, nullptr, "Whether what it sends moves something.", nullptr},
    {"safe", get_safe, nullptr,
     "Whether the robot is at rest, by a fault or an emergency stop, until somebody releases it.",
     nullptr},
    {"armed", get_armed, nullptr,
     "Whether it may act: an actuator once somebody has armed it, any other node but at rest.",
     nullptr},
    {"safety", get_safety, nullptr,
     "'starting', 'disarmed', 'armed', 'degraded', 'safe', 'estopped' or 'stopped'.", nullptr},
    {"info", get_info, nullptr, "Its NodeInfo: name, state, counts, times.", nullptr},
    {"tick", get_callback, nullptr, "Called at each release.", closure_of(Callback::kTick)},
    {"init", get_callback, nullptr, "Called before the first tick.", closure_of(Callback::kInit)},
    {"shutdown", get_callback, nullptr, "Called after the last tick.",
     closure_of(Callback::kShutdown)},
    {"on_error", get_callback, nullptr, "Told of each exception.", closure_of(Callback::kOnError)},
    {"enter_safe_state", get_callback, nullptr, "Brings the actuators to rest.",
     closure_of(Callback::kSafeState)},
    {"leave_safe_state", get_callback, nullptr, "Called once the robot's rest is released.",
     closure_of(Callback::kLeaveSafe)},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

/// The argument of Node(...) that sets this attribute; null where there is none.
const char* argument_of(const char* attribute) noexcept {
  const std::string_view name{attribute};
  if (name == "pub_topics") return "pubs";
  if (name == "sub_topics") return "subs";
  if (name == "enter_safe_state") return "safe_state";
  return name == "info" ? nullptr : attribute;
}

/// Sets an attribute as for any object. For a read-only one the error says by which argument of
/// Node(...) it is set.
int node_set(PyObject* self, PyObject* name, PyObject* value) noexcept {
  if (PyObject_GenericSetAttr(self, name, value) == 0) [[likely]]
    return 0;
  const int ours = PyErr_ExceptionMatches(PyExc_AttributeError) != 0 && value != nullptr
                       ? PyDict_Contains(node_type->tp_dict, name)
                       : 0;
  if (ours <= 0) return -1;
  const char* const text = PyUnicode_AsUTF8(name);
  if (text == nullptr) return -1;
  const char* const argument = argument_of(text);
  PyErr_Format(PyExc_AttributeError,
               "Node.%s cannot be set%s%s%s; an attribute of one's own needs another name", text,
               argument != nullptr ? ": give " : "", argument != nullptr ? argument : "",
               argument != nullptr ? "= to Node(), or to super().__init__() in a subclass" : "");
  return -1;
}

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(NodeObject, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(NodeObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

constexpr const char* kDoc =
    "Node(name=None, tick=None, rate=30, pubs=None, subs=None, init=None, shutdown=None,\n"
    "     on_error=None, order=0, budget=None, deadline=None, on_miss=None,\n"
    "     failure_policy=None, compute=False, on=None, priority=None, core=None, watchdog=None,\n"
    "     default_capacity=1024, safe_state=None, host=None, failure=None, actuator=False,\n"
    "     arm_at_start=False, leave_safe_state=None, degrade=False, ladder=None, critical=False,\n"
    "     safe_state_async=False)\n\n"
    "A unit of work with a rate: tick(node) is a function, an async one, or a method of a\n"
    "subclass. Nodes of one host= share a process of their own.\n"
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
                                {Py_tp_setattro, as_slot(node_set)},
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
  const Ref type{PyType_FromSpec(&spec)};
  if (!type) throw pyb::error_already_set();
  node_type = reinterpret_cast<PyTypeObject*>(type.ptr());
  module.attr("Node") = type;
}

}  // namespace horus::py
