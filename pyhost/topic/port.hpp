// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <horus/payload.hpp>
#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "pyhost/message/type.hpp"
#include "pyhost/topic/port_options.hpp"
#include "pyhost/topic/wake_bridge.hpp"
#include "rt/base/acting.hpp"
#include "rt/base/counter.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {
/// What a topic carries, from Python's point of view.
enum class Carries : std::uint8_t {
  kUndecided,  ///< Not declared, and nothing sent or found yet.
  kMessages,   ///< Messages of one fixed layout.
  kVarying,    ///< Messages of one type whose size varies.
  kValues,     ///< MessagePack values of any shape.
  kPayloads,   ///< Images, point clouds, depth images or tensors.
};

class PayloadClass;

struct PortType {
  Carries carries = Carries::kUndecided;
  MessageType* message = nullptr;         ///< kMessages and kVarying.
  const PayloadClass* payload = nullptr;  ///< kPayloads only.
  friend bool operator==(const PortType&, const PortType&) noexcept = default;
};

/// The PortType of a declaration's Python type: a message class, a payload class (Image, ...), dict
/// (values), one of their names as text, or None (undecided). For anything else false, with
/// TypeError set, or ValueError for an unknown name. With the GIL.
bool port_type_of(PyObject* type, PortType& found) noexcept;

/// The topic that a type alone stands for in a declaration; empty when it has none.
std::string default_topic_of(const PortType& type);

/// Closes every port of the process; for the exit handler. With the GIL, which it may drop.
void close_all_ports() noexcept;

/// The publisher and the subscriber that one node, or one Topic object, has of one topic. Each is
/// opened at its first use. What the topic carries is decided, in this order, by declare(), by the
/// topic if it exists, by its name if that is a type's default topic, or by the first send().
/// port.cpp has opening and closing, port_calls.cpp the calls that move messages, port_wait.cpp
/// waiting.
///
/// Thread safety: with the GIL, one thread at a time. Calls may drop the GIL where they open the
/// topic, and send() of a payload where its pool grows for a copy. wait_until() and wait_for_new()
/// are called without the GIL, and no receiving call may run meanwhile; interrupt() from any
/// thread.
class Port {
 public:
  /// Opens nothing. `counters`: where to count; the caller may change them later. They must outlive
  /// the port.
  Port(std::string topic, const MessageCounters& counters, const shm::TopicOptions& options = {});
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  /// Merges in the options of another declaration. Has effect only before the port is opened.
  void want(const shm::TopicOptions& options) {
    merge_port_options(options_, options);
    own_fallback();
  }
  /// The subscriber begins with the messages sent since `since`, in cycle_count(), unless the
  /// options ask for a history. If that is a change, an open subscriber is closed, and messages
  /// that it has not given out are lost.
  void begin_at(std::uint64_t since) noexcept;
  /// For begin_at(): with the messages sent since the subscriber was first wanted.
  static constexpr std::uint64_t kOpening = ~std::uint64_t{0};
  /// Each message begins a tick of an event node. Without depth= all of them are then wanted; of
  /// images and the like only the newest.
  void begins_ticks() noexcept { begins_ticks_ = true; }
  /// The owner may never receive: opens the subscriber ahead of its first use, see
  /// shm::OpenDetails::ahead.
  void may_receive() noexcept { ahead_ = true; }
  /// Fixes what the topic carries. kTypeMismatch where that is decided otherwise already.
  Status declare(PortType type) noexcept;
  /// Open the publisher or the subscriber, if they are not open. If the topic does not exist and
  /// its type is undecided, nothing is opened and the call succeeds; later calls look again. The
  /// subscriber still begins where it would have begun.
  Status open_publisher() noexcept;
  Status open_subscriber() noexcept;
  /// Closes both. May drop the GIL while subscribers find the last messages.
  void close() noexcept;

  /// Sends a message or a value; on a typed topic also a dict of the constructor's arguments. 1:
  /// sent; 0: refused, since the topic is full, no block is free, or the node's actuator may not
  /// act; -1: a Python exception is set.
  int send(PyObject* data) noexcept {
    if (NodeStats* const actuator = held_back(counters_.whole); actuator != nullptr) [[unlikely]] {
      actuator->held.add();
      return 0;
    }
    if (Py_TYPE(data) == message_class_) [[likely]]
      return send_message(data);
    return send_other(data, false);
  }
  /// As send(), but returns 0 where the message would replace one that a subscriber has not taken
  /// yet; see shm::RawPublisher::refuses_now().
  int try_send(PyObject* data) noexcept { return send_other(data, true); }
  /// The next message, or `otherwise` where there is none. A new reference; null with an exception
  /// set.
  PyObject* recv(PyObject* otherwise = Py_None) noexcept {
    PyObject* const message = receives_messages_ ? take_message(false) : take(false);
    return message != nullptr ? message : unless_error(otherwise);
  }
  /// The newest message, or None; older ones are passed over. As recv() otherwise.
  PyObject* read_latest() noexcept;
  /// A list of the messages that are there now. Where a message after the first cannot be
  /// converted, the list has those before it, and the next receiving call raises the error. A new
  /// reference; null with an exception set.
  PyObject* recv_all() noexcept;
  /// Whether recv() would find a message, or an error. 1, 0, or -1 with an exception set.
  int has_msg() noexcept;
  /// See shm::RawSubscriber::stale(). 1, 0, or -1 with an exception set.
  int stale() noexcept;
  /// Binds the subscriber to the node whose statistics are counted into now: that node's ticks
  /// count for a time-out's fallback.
  void follow_ticks() noexcept;

  /// Waits for a message: true when there is one; false at `until`, or early after interrupt().
  /// Without the GIL. True as well where the topic cannot be opened: the next receiving call then
  /// raises the error.
  bool wait_until(TimePoint until) noexcept;
  /// As wait_until(), but true only once for each message: see RawSubscriber::wait_for_new().
  bool wait_for_new(TimePoint until) noexcept;
  /// Makes a call that waits return early. May be lost where the call only begins to wait.
  void interrupt() noexcept;

  /// wait_until() for Python: called with the GIL, which it drops while it waits. A negative
  /// `seconds` waits for ever. 1: there is a message; 0: there is none; -1: an exception is set,
  /// such as KeyboardInterrupt. Not noexcept: at exit CPython unwinds a daemon thread that wants
  /// the GIL back.
  int wait(double seconds);
  /// A descriptor that is readable while there are messages; -1 with an exception set.
  int fileno() noexcept;

  /// A new message of the topic's type for the caller to fill and send. The arguments are those of
  /// the constructor, or one received message, which is copied. A loaned payload is sent without a
  /// copy. A new reference; null with an exception set.
  PyObject* loan(PyObject* values, PyObject* names) noexcept;

  const std::string& topic() const noexcept { return topic_; }
  PortType type() const noexcept { return type_; }
  std::uint64_t sent() const noexcept;  ///< 0 while no publisher is open.
  std::uint64_t refused() const noexcept { return refused_; }
  /// How many payloads were sent as copies.
  std::uint64_t copied() const noexcept { return copied_; }
  shm::SubscriberCounts received() const noexcept;  ///< Zeros while no subscriber is open.
  /// How long ago the message was sent that was received last; negative before the first.
  Nanos age() const noexcept;
  /// How many messages are there to receive.
  std::uint64_t pending() const noexcept;

 private:
  friend class OpenPorts;
  friend class Scratch;

  int send_message(PyObject* data) noexcept;
  // `keeps`: refuse rather than replace a message that is still wanted, see try_send().
  int send_other(PyObject* data, bool keeps) noexcept;
  int send_value(PyObject* data, bool keeps) noexcept;
  int send_varying(PyObject* data, bool keeps) noexcept;
  int send_payload(PyObject* data, bool keeps) noexcept;
  int send_typed(PyObject* message, bool keeps) noexcept;
  bool give(std::span<const std::byte> bytes, bool keeps) noexcept;
  int finish_send(bool sent, std::size_t bytes = 0) noexcept;
  int finish_message(bool sent, const shm::TypeInfo& type,
                     std::span<const std::byte> message) noexcept;
  // These return null without an exception where there is no message.
  PyObject* take(bool latest) noexcept;
  PyObject* take_any(bool latest) noexcept;
  PyObject* take_message(bool latest) noexcept;
  PyObject* take_value(bool latest) noexcept;
  PyObject* take_varying(bool latest) noexcept;
  PyObject* take_payload(bool latest) noexcept;
  static PyObject* unless_error(PyObject* otherwise) noexcept;
  int ready_to_send(PyObject* data) noexcept;
  int ready_to_receive() noexcept;
  void begin() noexcept;
  void own_fallback();
  Status decide_for(PyObject* data) noexcept;
  Status decide_by_topic() noexcept;
  Status decide_by_name() noexcept;
  void explain_type() const noexcept;
  bool own_subscriber() noexcept;
  void put_off_error() noexcept;
  bool raise_what_was_put_off() noexcept;
  template <typename Wait>
  bool wait_by(Wait wait, TimePoint until, bool tell_refusal) noexcept;
  bool wait_once(TimePoint until);
  bool has_message() const noexcept;
  void watch_again() noexcept;
  void watch_unless(bool more) noexcept;
  void note_fast_path() noexcept;
  Status connect() noexcept;
  void end_subscription() noexcept;
  void abandon() noexcept;
  template <typename Subscriber>
  void count_taken(Subscriber& subscriber) noexcept;
  template <typename Subscriber>
  void count_left(const Subscriber& subscriber) noexcept;
  int mismatch(PyObject* data) const noexcept;

  // The members that send() and recv() touch come first.
  PyTypeObject* message_class_ = nullptr;  ///< Set while the publisher of a typed topic is open.
  shm::RawPublisher publisher_;
  const MessageCounters& counters_;
  bool receives_messages_ = false;  ///< recv() may take a typed message at once.
  bool publishes_ = false;          ///< The publisher is open.
  /// The subscriber is open. Atomic, as interrupt() reads it from any thread.
  std::atomic<bool> subscribes_{false};
  bool scratch_busy_ = false;       ///< scratch_ is in use, see Scratch.
  bool waiting_ = false;            ///< A thread is in wait().
  MessageObject* spare_ = nullptr;  ///< The object that the next recv() fills; null: none yet.
  PyObject* put_off_ = nullptr;     ///< The exception that the next receiving call raises; strong.
  shm::RawSubscriber subscriber_;
  std::uint64_t missed_ = 0;       ///< The subscriber's count that is in counters_ already.
  std::uint64_t passed_over_ = 0;  ///< Likewise.
  std::uint64_t refused_ = 0;
  std::uint64_t copied_ = 0;
  PortType type_;

  std::unique_ptr<std::byte[]> scratch_;  ///< Buffer for packed values.
  std::size_t scratch_size_ = 0;
  shm::TopicOptions options_;
  std::vector<std::byte> fallback_;  ///< The bytes that options_.value refers to.
  std::uint64_t since_ = 0;          ///< See begin_at().
  std::uint64_t wanted_ = 0;         ///< When a subscriber was first wanted; 0: not yet.
  TimePoint next_look_{};            ///< When to look again for a topic that does not exist yet.
  bool begins_ticks_ = false;        ///< See begins_ticks().
  bool ahead_ = false;         ///< may_receive() was called, and no message was asked for yet.
  bool refusal_told_ = false;  ///< wait_for_new() was true because the topic cannot be opened.
  std::atomic<bool> interrupted_{false};  ///< interrupt() came while no subscriber was open.
  std::unique_ptr<WakeBridge> bridge_;    ///< Null before fileno().
  shm::PayloadPublisher payload_publisher_;
  shm::PayloadSubscriber payload_subscriber_;
  std::shared_ptr<shm::Session> session_;  ///< Null while nothing is open.
  std::shared_ptr<shm::Seeking> seeking_;  ///< While it waits for a topic that does not exist yet.
  std::string topic_;
};

}  // namespace horus::py
