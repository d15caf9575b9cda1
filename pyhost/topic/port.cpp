// SPDX-License-Identifier: Apache-2.0
#include "pyhost/topic/port.hpp"

#include <pthread.h>

#include <limits>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <horus/payload.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"
#include "shm/open_details.hpp"
#include "shm/registry.hpp"
#include "shm/seeking.hpp"

namespace horus::py {

/// All ports that hold the session. At exit they are closed before it; in a forked child they are
/// abandoned.
class OpenPorts {
 public:
  static OpenPorts& instance() {
    static OpenPorts* const ports = make();
    return *ports;
  }
  void add(Port& port) {
    const std::scoped_lock lock{mutex_};
    ports_.push_back(&port);
  }
  void remove(Port& port) noexcept {
    const std::scoped_lock lock{mutex_};
    std::erase(ports_, &port);
  }
  /// With the GIL. A close() may drop it, and another port may be destroyed meanwhile; so each
  /// round looks at the list again.
  void close_all() noexcept {
    while (Port* const port = latest()) port->close();
  }

 private:
  Port* latest() noexcept {
    const std::scoped_lock lock{mutex_};
    return ports_.empty() ? nullptr : ports_.back();
  }
  static OpenPorts* make() {
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     for (Port* port : instance().ports_) {
                       port->abandon();
                       // The thread that was using it exists in the parent only.
                       port->waiting_ = port->scratch_busy_ = false;
                     }
                     instance().ports_.clear();
                     instance().mutex_.unlock();
                   });
    return new OpenPorts;
  }
  std::mutex mutex_;
  std::vector<Port*> ports_;
};

void close_all_ports() noexcept {
  OpenPorts::instance().close_all();
}

namespace {

// How many messages a subscription without depth= wants: of messages and values, and of payloads.
constexpr std::uint32_t kDepth = 16;
constexpr std::uint32_t kPayloadDepth = 1;
/// How often a receiving call looks for a topic that does not exist yet.
constexpr Nanos kLookForTopicEvery = 1ms;

std::string name_of(PortType type) {
  switch (type.carries) {
    case Carries::kMessages:
    case Carries::kVarying: return std::string(type.message->info().name);
    case Carries::kPayloads: return type.payload->name();
    default: return std::string(shm::generic_type().name);
  }
}

PortType type_of(MessageType& message) noexcept {
  return {.carries = message.varies() ? Carries::kVarying : Carries::kMessages,
          .message = &message};
}

PortType type_of(PyObject* data) noexcept {
  if (MessageType* const message = find_message_type(Py_TYPE(data))) return type_of(*message);
  if (const PayloadClass* const payload = find_payload_class(Py_TYPE(data))) {
    return {.carries = Carries::kPayloads, .payload = payload};
  }
  return {.carries = Carries::kValues};
}

/// As port_type_of(), for a name in place of the class: "CmdVel", "Image", "dict".
bool port_type_named(PyObject* name, PortType& found) noexcept {
  Py_ssize_t length = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(name, &length);
  if (utf8 == nullptr) return false;
  const std::string_view text{utf8, static_cast<std::size_t>(length)};
  if (text == "dict") {
    found.carries = Carries::kValues;
  } else if (const PayloadClass* const payload = find_payload_class(text)) {
    found = {.carries = Carries::kPayloads, .payload = payload};
  } else if (MessageType* const message = find_message_type(text)) {
    found = type_of(*message);
  } else {
    PyErr_Format(PyExc_ValueError, "there is no message type %R; import its definition first",
                 name);
    return false;
  }
  return true;
}

}  // namespace

bool port_type_of(PyObject* type, PortType& found) noexcept {
  found = {};
  if (type == Py_None) return true;
  if (PyUnicode_Check(type)) return port_type_named(type, found);
  if (type == as_object(&PyDict_Type)) {
    found.carries = Carries::kValues;
    return true;
  }
  const auto* const python = reinterpret_cast<const PyTypeObject*>(type);
  found.payload = find_payload_class(python);
  if (found.payload != nullptr) {
    found.carries = Carries::kPayloads;
    return true;
  }
  if (MessageType* const message = find_message_type(python)) {
    found = type_of(*message);
    return true;
  }
  PyErr_Format(PyExc_TypeError,
               "a topic's type is a message class, Image, PointCloud, DepthImage, Tensor or "
               "dict, not %R",
               type);
  return false;
}

std::string default_topic_of(const PortType& type) {
  if (type.payload != nullptr) return std::string(type.payload->kind().type.default_topic);
  return type.message != nullptr ? std::string(type.message->info().default_topic) : std::string{};
}

Port::Port(std::string topic, const MessageCounters& counters, const shm::TopicOptions& options)
    : counters_{counters}, options_{options}, topic_{std::move(topic)} {
  own_fallback();
}

// options_.value is a span; keep its bytes here, since the caller's may go.
void Port::own_fallback() {
  if (options_.value.data() == fallback_.data()) return;
  fallback_.assign(options_.value.begin(), options_.value.end());
  options_.value = fallback_;
}

void Port::follow_ticks() noexcept {
  if (!subscribes_) return;
  if (type_.carries == Carries::kPayloads) return payload_subscriber_.belongs_to(counters_.whole);
  subscriber_.belongs_to(counters_.whole);
}

Port::~Port() {
  close();
  Py_XDECREF(as_object(spare_));
  Py_XDECREF(put_off_);
}

Status Port::declare(PortType type) noexcept {
  if (type.carries == Carries::kUndecided) return {};
  if (type_.carries != Carries::kUndecided && type_ != type) {
    const std::string text = topic_ + " carries " + name_of(type_) + ", not " + name_of(type);
    return Error{.code = Errc::kTypeMismatch,
                 .what = "topic",
                 .subject = decltype(Error::subject)::clipped(text)};
  }
  type_ = type;
  return {};
}

Status Port::connect() noexcept {
  if (session_ != nullptr) return {};
  auto opened = session();
  if (!opened) return opened.error();
  session_ = std::move(opened).value();
  OpenPorts::instance().add(*this);
  return {};
}

Status Port::decide_by_topic() noexcept {
  const auto topic = shm::find_topic(session_->base(), topic_);
  if (!topic) {
    if (topic.error().code != Errc::kNotFound) return topic.error();
    return decide_by_name();
  }
  const std::string& type = topic.value().type;
  if (type == shm::generic_type().name) return declare({.carries = Carries::kValues});
  if (const PayloadClass* const payload = find_payload_class(std::string_view{type})) {
    return declare({.carries = Carries::kPayloads, .payload = payload});
  }
  if (MessageType* const message = find_message_type(std::string_view{type})) {
    return declare(type_of(*message));
  }
  return Error{.code = Errc::kTypeMismatch,
               .what = "the topic carries a type that this program does not know",
               .subject = decltype(Error::subject)::clipped(topic_ + " (" + type + ")")};
}

/// Decides the type of a topic that does not exist: if its name is the default topic of a type, it
/// has that type. Otherwise it stays undecided.
Status Port::decide_by_name() noexcept {
  if (MessageType* const message = find_type_of_topic(topic_)) return declare(type_of(*message));
  for (const char* const kind : {"Image", "PointCloud", "DepthImage", "Tensor"}) {
    const PayloadClass* const payload = find_payload_class(std::string_view{kind});
    const PortType type{.carries = Carries::kPayloads, .payload = payload};
    if (payload != nullptr && default_topic_of(type) == topic_) return declare(type);
  }
  return {};
}

Status Port::open_publisher() noexcept {
  if (auto connected = connect(); !connected) return connected;
  if (type_.carries == Carries::kUndecided) {
    if (auto decided = decide_by_topic(); !decided) return decided;
  }
  if (publishes_ || type_.carries == Carries::kUndecided) return {};
  shm::TopicOptions options = options_;
  // Only the name: the port itself counts.
  const shm::OpenDetails details{.counters = {.node = counters_.node}};
  options.details = &details;
  if (type_.carries == Carries::kPayloads) {
    auto opened = shm::PayloadPublisher::open(*session_, topic_, type_.payload->kind(), options);
    if (!opened) return opened.error();
    payload_publisher_ = std::move(opened).value();
  } else {
    const bool values = type_.carries == Carries::kValues;
    auto opened =
        session_->publish(topic_, values ? shm::generic_type() : type_.message->info(), options);
    if (!opened) return opened.error();
    publisher_ = std::move(opened).value();
    if (type_.carries == Carries::kMessages) message_class_ = type_.message->python();
  }
  publishes_ = true;
  return {};
}

Status Port::open_subscriber() noexcept {
  if (auto connected = connect(); !connected) return connected;
  if (wanted_ == 0) wanted_ = cycle_count();
  if (type_.carries == Carries::kUndecided) {
    if (auto decided = decide_by_topic(); !decided) return decided;
    if (type_.carries == Carries::kUndecided && seeking_ == nullptr) {
      seeking_ = session_->seek(topic_, ahead_);
      const bool sends = ahead_ && options_.policy == shm::Policy::kRefuse;
      if (sends && seeking_ != nullptr) shm::may_only_send(*seeking_);
    }
  }
  if (subscribes_ || type_.carries == Carries::kUndecided) return {};
  shm::TopicOptions options = options_;
  shm::OpenDetails details{.counters = {.node = counters_.node}};  // As for the publisher.
  options.details = &details;
  // `fresh`: with the messages sent since the subscriber was wanted. Not since now, as the topic
  // may appear long after that.
  const bool fresh = options.history ? *options.history == 0 : since_ == kOpening;
  if (fresh || !options.history) {
    // As much history as there is, limited by `since`.
    options.history = std::numeric_limits<std::uint32_t>::max();
    details.since = fresh ? wanted_ : since_;
  }
  details.wanted = wanted_;
  if (!options.depth) {
    const std::uint32_t depth = begins_ticks_ ? 0 : kDepth;
    options.depth = type_.carries == Carries::kPayloads ? kPayloadDepth : depth;
  }
  details.sought = seeking_.get();
  details.ahead = ahead_;
  options.waits = false;  // This may run in a tick, which must not wait; see await_publishers().
  if (type_.carries == Carries::kPayloads) {
    auto opened = shm::PayloadSubscriber::open(*session_, topic_, type_.payload->kind(), options);
    if (!opened) return opened.error();
    payload_subscriber_ = std::move(opened).value();
  } else {
    const bool values = type_.carries == Carries::kValues;
    auto opened =
        session_->subscribe(topic_, values ? shm::generic_type() : type_.message->info(), options);
    if (!opened) return opened.error();
    subscriber_ = std::move(opened).value();
  }
  seeking_.reset();
  wanted_ = 0;
  // release: interrupt() sees the subscriber and type_ as set above.
  subscribes_.store(true, std::memory_order_release);
  follow_ticks();
  note_fast_path();
  return {};
}

// recv() may skip all checks while none of the rarer states holds. To be called after each change
// of one of these members.
void Port::note_fast_path() noexcept {
  receives_messages_ = subscribes_ && type_.carries == Carries::kMessages && !waiting_ &&
                       bridge_ == nullptr && !ahead_ && put_off_ == nullptr;
}

/// Called at each request for a message. The first one ends the state of being opened ahead.
void Port::begin() noexcept {
  if (!std::exchange(ahead_, false)) return;
  if (seeking_ != nullptr) shm::Session::begin(*seeking_);
  if (!subscribes_) return;
  (type_.carries == Carries::kPayloads ? payload_subscriber_.messages() : subscriber_).begin();
  note_fast_path();
}

void Port::begin_at(std::uint64_t since) noexcept {
  if (std::exchange(since_, since) == since) return;
  Py_CLEAR(put_off_);
  end_subscription();
}

void Port::end_subscription() noexcept {
  seeking_.reset();
  wanted_ = 0;
  receives_messages_ = false;
  subscribes_ = false;
  subscriber_ = {};
  payload_subscriber_ = {};
  missed_ = 0;
  passed_over_ = 0;
}

void Port::close() noexcept {
  if (session_ == nullptr) return;
  OpenPorts::instance().remove(*this);
  seeking_.reset();
  // At exit a daemon thread may still wait in the subscriber, which must then outlive the port.
  if (waiting_) return abandon();
  bridge_.reset();
  // Destroying a publisher waits for subscribers that have not found it yet. Do that without the
  // GIL, and with the port's members moved out, so that other threads find it closed.
  const bool waits = publishes_ && (type_.carries == Carries::kPayloads
                                        ? payload_publisher_.sent() != 0
                                        : publisher_.readers() < publisher_.subscribers());
  message_class_ = nullptr;
  publishes_ = false;
  end_subscription();
  shm::RawPublisher publisher = std::move(publisher_);
  shm::PayloadPublisher payload_publisher = std::move(payload_publisher_);
  const std::shared_ptr<shm::Session> session = std::move(session_);
  std::optional<GilRelease> others_run;
  if (waits && PyGILState_Check() != 0) others_run.emplace();
  publisher = {};
  payload_publisher = {};
}

void Port::abandon() noexcept {
  // Closes nothing: in a forked child the files are the parent's, and at exit a thread may still
  // use the subscriber. So everything is leaked.
  static_cast<void>(bridge_.release());
  struct Parents {
    shm::RawPublisher publisher;
    shm::RawSubscriber subscriber;
    shm::PayloadPublisher payload_publisher;
    shm::PayloadSubscriber payload_subscriber;
    std::shared_ptr<shm::Seeking> seeking;
    std::shared_ptr<shm::Session> session;
  };
  static auto* const kept = new std::vector<Parents>;
  kept->push_back({std::move(publisher_), std::move(subscriber_), std::move(payload_publisher_),
                   std::move(payload_subscriber_), std::move(seeking_), std::move(session_)});
  session_.reset();
  publisher_ = {};
  subscriber_ = {};
  payload_publisher_ = {};
  payload_subscriber_ = {};
  message_class_ = nullptr;
  receives_messages_ = publishes_ = false;
  subscribes_ = false;
  missed_ = 0;
  passed_over_ = 0;
}

int Port::ready_to_send(PyObject* data) noexcept {
  Status opened = open_publisher();
  if (opened && type_.carries == Carries::kUndecided) {
    // The topic does not exist and has no declared type, so the first message decides: a payload
    // makes it a topic of that payload, anything else one of values, which may hold messages.
    type_ = type_of(data);
    // Messages whose size varies (maps, compressed images) are larger than most values.
    constexpr std::uint32_t kLarge = 1U << 20;
    const shm::TopicOptions asked = options_;
    if (type_.carries == Carries::kVarying && options_.max_size == 0) options_.max_size = kLarge;
    if (type_.carries != Carries::kPayloads) type_ = {.carries = Carries::kValues};
    opened = open_publisher();
    if (!opened && (opened.error().code == Errc::kTypeMismatch ||
                    opened.error().code == Errc::kInvalidArgument)) {
      type_ = {};  // Another process has just made the topic; its type and limits decide.
      options_ = asked;
      opened = open_publisher();
    }
  }
  if (opened) return 0;
  set_error(opened.error());
  return -1;
}

int Port::ready_to_receive() noexcept {
  begin();
  if (subscribes_) [[likely]]
    return 1;
  if (type_.carries == Carries::kUndecided) {
    const TimePoint now = MonotonicClock::now();
    if (now < next_look_) return 0;
    next_look_ = now + kLookForTopicEvery;
  }
  if (const Status opened = open_subscriber(); !opened) {
    set_error(opened.error());
    return -1;
  }
  return subscribes_ ? 1 : 0;
}

int Port::mismatch(PyObject* data) const noexcept {
  const PortType given = type_of(data);
  const std::string named =
      given.carries == Carries::kValues ? Py_TYPE(data)->tp_name : name_of(given);
  PyErr_Format(PyExc_TypeError, "topic '%s' carries %s, not %s", topic_.c_str(),
               name_of(type_).c_str(), named.c_str());
  explain_type();
  return -1;
}

/// Completes a TypeError about data sent to the default topic of a type: says how to declare the
/// topic for dicts.
void Port::explain_type() const noexcept {
  if (default_topic_of(type_) != topic_ || PyErr_ExceptionMatches(PyExc_TypeError) == 0) return;
  PyObject* type = nullptr;
  PyObject* text = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &text, &trace);
  PyErr_Format(PyExc_TypeError,
               "%S; '%s' is the topic of that type: for dicts of your own declare "
               "{'%s': {'type': dict}} in pubs and in subs",
               text, topic_.c_str(), topic_.c_str());
  Py_XDECREF(type);
  Py_XDECREF(text);
  Py_XDECREF(trace);
}

std::uint64_t Port::sent() const noexcept {
  if (!publishes_) return 0;
  return type_.carries == Carries::kPayloads ? payload_publisher_.sent() : publisher_.sent();
}
shm::SubscriberCounts Port::received() const noexcept {
  if (!subscribes_) return {};
  return type_.carries == Carries::kPayloads ? payload_subscriber_.counts() : subscriber_.counts();
}
Nanos Port::age() const noexcept {
  if (!subscribes_) return Nanos{-1};
  return type_.carries == Carries::kPayloads ? payload_subscriber_.age() : subscriber_.age();
}
std::uint64_t Port::pending() const noexcept {
  if (!subscribes_) return 0;
  if (type_.carries == Carries::kPayloads) return payload_subscriber_.pending();
  return subscriber_.pending();
}

}  // namespace horus::py
