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

#include "pyhost/message/type.hpp"
#include "pyhost/topic/port_options.hpp"
#include "pyhost/topic/wake_bridge.hpp"
#include "rt/base/acting.hpp"
#include "rt/base/counter.hpp"
#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "shm/payload.hpp"
#include "shm/session.hpp"

namespace horus::py {
/// What a topic carries, as far as Python is concerned.
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

/// What a declaration's Python type stands for: a message class, a payload class (Image, ...),
/// dict (values), one of their names as text, or None (undecided). Sets TypeError, or ValueError
/// for a name that nothing has, and returns false for anything else.
bool port_type_of(PyObject* type, PortType& found) noexcept;

/// The topic that a bare type stands for in a declaration; empty when it has none.
std::string default_topic_of(const PortType& type);

/// Every port of the process, closed: at exit.
void close_all_ports() noexcept;

/// One node's, or Topic's, publisher and subscriber of one topic. Each is opened when first
/// needed; the first use decides what the topic carries where no declaration did, and a topic
/// that exists already decides before that. In port.cpp; what moves messages in port_calls.cpp,
/// waiting in port_wait.cpp.
///
/// Thread safety: send() and the receiving calls need the GIL. They drop it where they open the
/// topic, and send() of a payload where its pool grows for a copy. wait_until() and wait_for_new()
/// are called without it, and no receiving call may run meanwhile; interrupt() from any thread.
class Port {
 public:
  Port(std::string topic, const MessageCounters& counters, const shm::TopicOptions& options = {});
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  /// Asks for more, until the port is open.
  void want(const shm::TopicOptions& options) {
    merge_port_options(options_, options);
    own_fallback();
  }
  /// The subscriber begins with what was sent since, by cycle_count(), where it was not asked for
  /// some other beginning: one that is open and began elsewhere ends, with what it has not given.
  void begin_at(std::uint64_t since) noexcept;
  static constexpr std::uint64_t kOpening = ~std::uint64_t{0};  ///< When it is opened.
  /// Each of its messages begins a tick: where no depth was said, all of them are wanted, but of
  /// images and their like the newest.
  void begins_ticks() noexcept { begins_ticks_ = true; }
  /// It may be that it only sends: its subscriber is opened ahead, see shm::TopicOptions.
  void may_receive() noexcept { ahead_ = true; }
  /// Fixes what the topic carries before its first use. kTypeMismatch when another use has.
  Status declare(PortType type) noexcept;
  /// Opens what can be opened now. An undecided topic that does not exist yet stays closed and is
  /// looked for later; then it begins where it would have begun.
  Status open_publisher() noexcept;
  Status open_subscriber() noexcept;
  void close() noexcept;

  /// 1: sent; 0: refused (full, no free block, or an actuator may not act); -1: a Python exception
  /// is set.
  int send(PyObject* data) noexcept {
    if (NodeStats* const actuator = held_back(counters_.whole); actuator != nullptr) [[unlikely]] {
      actuator->held.add();
      return 0;
    }
    if (Py_TYPE(data) == message_class_) [[likely]]
      return send_message(data);
    return send_other(data, false);
  }
  /// As send(), but 0 where it would replace what a subscriber has not taken yet; see
  /// shm::RawPublisher::refuses_now().
  int try_send(PyObject* data) noexcept { return send_other(data, true); }
  /// A new reference: the next message, or `otherwise`. Null with an exception set.
  PyObject* recv(PyObject* otherwise = Py_None) noexcept {
    PyObject* const message = receives_messages_ ? take_message(false) : take(false);
    return message != nullptr ? message : unless_error(otherwise);
  }
  PyObject* read_latest() noexcept;  ///< As recv(); passes over older messages.
  /// A list. Where a message after the first cannot be given, the list has those before it, and the
  /// next receiving call says what is wrong.
  PyObject* recv_all() noexcept;
  int has_msg() noexcept;  ///< 1, 0, or -1 with an exception set.
  int stale() noexcept;    ///< As above: see shm::RawSubscriber.
  /// A time-out's fallback is given by the ticks that are counted now.
  void follow_ticks() noexcept;

  /// True when there is a message; false at `until`, or early after interrupt(). Without the GIL.
  /// Errors of opening are left to the next receiving call.
  bool wait_until(TimePoint until) noexcept;
  /// As wait_until(), but once a message: see RawSubscriber::wait_for_new().
  bool wait_for_new(TimePoint until) noexcept;
  void interrupt() noexcept;

  /// As wait_until(), for Python: called with the GIL, which it drops while it waits; a negative
  /// `seconds` waits for ever. 1, 0, or -1 with an exception set (KeyboardInterrupt is one).
  /// Not noexcept: CPython ends a daemon thread that wants the GIL back at exit by unwinding it.
  int wait(double seconds);
  /// A descriptor that is readable while there are messages; -1 with an exception set.
  int fileno() noexcept;

  /// A message of the topic's type for the caller to fill and to send: arguments are those of its
  /// constructor, or one that was received, to be copied. A payload is sent without a copy then. A
  /// new reference; null with an exception set.
  PyObject* loan(PyObject* values, PyObject* names) noexcept;

  const std::string& topic() const noexcept { return topic_; }
  PortType type() const noexcept { return type_; }
  std::uint64_t sent() const noexcept;
  std::uint64_t refused() const noexcept { return refused_; }
  std::uint64_t copied() const noexcept { return copied_; }
  shm::SubscriberCounts received() const noexcept;  ///< Nothing while no subscriber is open.
  /// Since the message was sent that was received last; negative before the first.
  Nanos age() const noexcept;
  std::uint64_t pending() const noexcept;

 private:
  friend class OpenPorts;
  friend class Scratch;

  int send_message(PyObject* data) noexcept;
  // `keeps`: see try_send().
  int send_other(PyObject* data, bool keeps) noexcept;
  int send_value(PyObject* data, bool keeps) noexcept;
  int send_varying(PyObject* data, bool keeps) noexcept;
  int send_payload(PyObject* data, bool keeps) noexcept;
  int send_typed(PyObject* message, bool keeps) noexcept;
  bool give(std::span<const std::byte> bytes, bool keeps) noexcept;
  int finish_send(bool sent, std::size_t bytes = 0) noexcept;
  int finish_message(bool sent, const shm::TypeInfo& type,
                     std::span<const std::byte> message) noexcept;
  // Null without an exception: no message.
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

  // What the hot calls touch comes first.
  PyTypeObject* message_class_ = nullptr;  ///< Set while the publisher of a typed topic is open.
  shm::RawPublisher publisher_;
  const MessageCounters& counters_;
  bool receives_messages_ = false;  ///< A typed topic's subscriber is open, and nobody waits.
  bool publishes_ = false;
  std::atomic<bool> subscribes_{false};  ///< interrupt() looks at it from any thread.
  bool scratch_busy_ = false;
  bool waiting_ = false;            ///< A thread is in wait().
  MessageObject* spare_ = nullptr;  ///< What the next recv() fills.
  PyObject* put_off_ = nullptr;     ///< The exception that the next receiving call raises; strong.
  shm::RawSubscriber subscriber_;
  std::uint64_t missed_ = 0;  ///< Of the subscriber, as counted so far; as is the next.
  std::uint64_t passed_over_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t copied_ = 0;
  PortType type_;

  std::unique_ptr<std::byte[]> scratch_;
  std::size_t scratch_size_ = 0;
  shm::TopicOptions options_;
  std::vector<std::byte> fallback_;  ///< What its value shows.
  std::uint64_t since_ = 0;          ///< See begin_at().
  std::uint64_t wanted_ = 0;         ///< When a subscriber was wanted first; 0: never yet.
  TimePoint next_look_{};            ///< For a topic that did not exist yet.
  bool begins_ticks_ = false;
  bool ahead_ = false;         ///< It has not been asked for a message yet.
  bool refusal_told_ = false;  ///< wait_for_new() was true because the topic cannot be opened.
  std::atomic<bool> interrupted_{false};
  std::unique_ptr<WakeBridge> bridge_;
  shm::PayloadPublisher payload_publisher_;
  shm::PayloadSubscriber payload_subscriber_;
  std::shared_ptr<shm::Session> session_;
  std::shared_ptr<shm::Seeking> seeking_;  ///< Of a topic that did not exist yet.
  std::string topic_;
};

}  // namespace horus::py
