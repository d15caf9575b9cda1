// SPDX-License-Identifier: Apache-2.0
// The calls of a port that move messages.
#include <algorithm>
#include <utility>

#include <horus/message.hpp>
#include <horus/payload.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/message/msgpack.hpp"
#include "pyhost/message/varying.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/topic/port.hpp"

namespace horus::py {

/// A buffer for one packed value. It is the port's own; a fresh one where that is in use, since
/// packing or unpacking may run a finalizer that uses the same port again.
class Scratch {
 public:
  Scratch(Port& port, std::size_t size) : port_{port}, size_{size}, shared_{!port.scratch_busy_} {
    if (!shared_) {
      own_ = std::make_unique_for_overwrite<std::byte[]>(size);
      return;
    }
    if (port.scratch_size_ < size) {
      port.scratch_ = std::make_unique_for_overwrite<std::byte[]>(size);
      port.scratch_size_ = size;
    }
    port.scratch_busy_ = true;
  }
  ~Scratch() {
    if (shared_) port_.scratch_busy_ = false;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::span<std::byte> bytes() const noexcept {
    return {shared_ ? port_.scratch_.get() : own_.get(), size_};
  }

 private:
  Port& port_;
  std::size_t size_;
  bool shared_;
  std::unique_ptr<std::byte[]> own_;
};

int Port::finish_send(bool sent, std::size_t bytes) noexcept {
  if (sent) [[likely]] {
    counters_.sent->add();
    count(counters_.bytes, bytes);
    return 1;
  }
  ++refused_;
  counters_.dropped->add();
  count(counters_.refused);
  return 0;
}

/// As finish_send(), but a refusal because of a number that is not finite is an error: ValueError.
int Port::finish_message(bool sent, const shm::TypeInfo& type,
                         std::span<const std::byte> message) noexcept {
  const int finished = finish_send(sent, message.size());
  if (sent || !options_.finite) return finished;
  const std::string path = shm::first_not_finite(type, message);
  if (path.empty()) return finished;
  PyErr_Format(PyExc_ValueError, "topic '%s' takes finite numbers only: %s.%s is NaN or infinite",
               topic_.c_str(), std::string{type.name}.c_str(), path.c_str());
  return -1;
}

int Port::send_message(PyObject* data) noexcept {
  const MessageObject* const message = as_message(data);
  const std::span<const std::byte> bytes{message->data, message->type->size()};
  const bool sent = publisher_.send(bytes);
  return sent ? finish_send(true, bytes.size())
              : finish_message(false, message->type->info(), bytes);
}

/// Sends a message of the topic's own type.
int Port::send_typed(PyObject* message, bool keeps) noexcept {
  if (keeps && publisher_.refuses_now(as_message(message)->type->size())) return finish_send(false);
  return send_message(message);
}

bool Port::give(std::span<const std::byte> bytes, bool keeps) noexcept {
  return !(keeps && publisher_.refuses_now(bytes.size())) && publisher_.send(bytes);
}

int Port::send_other(PyObject* data, bool keeps) noexcept {
  if (!publishes_) {
    // Take the port back from the WakeBridge's thread, which may be opening the topic.
    if (bridge_ != nullptr) bridge_->disarm();
    const int ready = ready_to_send(data);
    watch_again();
    if (ready < 0) return -1;
  }
  if (type_.carries == Carries::kValues) [[likely]]
    return send_value(data, keeps);
  if (type_.carries == Carries::kPayloads) return send_payload(data, keeps);
  if (type_.carries == Carries::kVarying) return send_varying(data, keeps);
  if (Py_TYPE(data) == message_class_) return send_typed(data, keeps);
  if (!PyDict_Check(data)) return mismatch(data);
  MessageObject* const message = type_.message->from_dict(data);
  if (message == nullptr) {
    explain_type();
    return -1;
  }
  const int result = send_typed(as_object(message), keeps);
  Py_DECREF(message);
  return result;
}

int Port::send_value(PyObject* data, bool keeps) noexcept {
  const Scratch scratch{*this, publisher_.max_size()};
  const Py_ssize_t size = pack(data, scratch.bytes());
  if (size >= 0) [[likely]] {
    const auto bytes = scratch.bytes().first(static_cast<std::size_t>(size));
    return finish_send(give(bytes, keeps), bytes.size());
  }
  return find_payload_class(Py_TYPE(data)) != nullptr ? mismatch(data) : -1;
}

int Port::send_varying(PyObject* data, bool keeps) noexcept {
  Ref made;
  if (PyDict_Check(data)) {
    made = Ref{as_object(type_.message->from_dict(data))};
    if (!made) {
      explain_type();
      return -1;
    }
    data = made.ptr();
  }
  if (Py_TYPE(data) != type_.message->python()) return mismatch(data);
  const Scratch scratch{*this, publisher_.max_size()};
  const Py_ssize_t size = pack_message(as_message(data), scratch.bytes());
  if (size < 0) return -1;
  const auto bytes = scratch.bytes().first(static_cast<std::size_t>(size));
  return finish_message(give(bytes, keeps), type_.message->info(), bytes);
}

int Port::send_payload(PyObject* data, bool keeps) noexcept {
  if (Py_TYPE(data) != type_.payload->python()) return mismatch(data);
  if (keeps && payload_publisher_.refuses_now()) return finish_send(false);
  // The bytes of the elements and of the descriptor.
  const std::size_t bytes = as_payload(data)->size + type_.payload->kind().type.size;
  const Sent sent = send_payload_object(payload_publisher_, *as_payload(data));
  if (sent == Sent::kError) return -1;
  copied_ += sent == Sent::kCopied ? 1U : 0U;
  return finish_send(sent != Sent::kRefused, bytes);
}

template <typename Subscriber>
void Port::count_taken(Subscriber& subscriber) noexcept {
  count_left(subscriber);
  if (options_.timeout != Nanos{} && subscriber.gave_fallback()) [[unlikely]]
    return;
  counters_.received->add();
  if (counters_.whole != nullptr) subscriber.tell_age(*counters_.whole);
}

/// Counts the messages that the subscriber has missed or passed over since the last call.
template <typename Subscriber>
void Port::count_left(const Subscriber& subscriber) noexcept {
  const shm::SubscriberCounts now = subscriber.counts();
  if (now.missed != missed_) [[unlikely]] {
    counters_.dropped->add(now.missed - missed_);
    count(counters_.missed, now.missed - std::exchange(missed_, now.missed));
  }
  if (now.passed_over != passed_over_) [[unlikely]] {
    count(counters_.passed_over, now.passed_over - std::exchange(passed_over_, now.passed_over));
  }
}

PyObject* Port::take_message(bool latest) noexcept {
  // The object is made before the message is taken, so that a lack of memory loses no message. If
  // there is no message, it is kept for the next call.
  if (spare_ == nullptr) {
    spare_ = type_.message->allocate();
    if (spare_ == nullptr) return nullptr;
  }
  const std::span<std::byte> bytes{spare_->data, type_.message->size()};
  const std::ptrdiff_t size = latest ? subscriber_.take_latest(bytes) : subscriber_.take(bytes);
  if (size < 0) return nullptr;
  count_taken(subscriber_);
  return as_object(std::exchange(spare_, nullptr));
}

PyObject* Port::take_value(bool latest) noexcept {
  const Scratch scratch{*this, subscriber_.max_size()};
  const std::ptrdiff_t size =
      latest ? subscriber_.take_latest(scratch.bytes()) : subscriber_.take(scratch.bytes());
  if (size < 0) return nullptr;
  count_taken(subscriber_);
  return unpack(scratch.bytes().first(static_cast<std::size_t>(size)));
}

PyObject* Port::take_varying(bool latest) noexcept {
  const Scratch scratch{*this, subscriber_.max_size()};
  const std::ptrdiff_t size =
      latest ? subscriber_.take_latest(scratch.bytes()) : subscriber_.take(scratch.bytes());
  if (size < 0) return nullptr;
  count_taken(subscriber_);
  return as_object(
      unpack_message(*type_.message, scratch.bytes().first(static_cast<std::size_t>(size))));
}

PyObject* Port::take_payload(bool latest) noexcept {
  shm::Payload payload = latest ? payload_subscriber_.take_latest() : payload_subscriber_.take();
  if (!payload) {
    count_left(payload_subscriber_);
    return nullptr;
  }
  count_taken(payload_subscriber_);
  return make_payload_object(*type_.payload, std::move(payload), session_);
}

PyObject* Port::take_any(bool latest) noexcept {
  if (ready_to_receive() <= 0) return nullptr;
  if (type_.carries == Carries::kMessages) return take_message(latest);
  if (type_.carries == Carries::kVarying) return take_varying(latest);
  return type_.carries == Carries::kPayloads ? take_payload(latest) : take_value(latest);
}

/// For fileno(): without `more` the descriptor is no longer readable and the bridge watches again;
/// with it the descriptor stays readable.
void Port::watch_unless(bool more) noexcept {
  if (!more) {
    watch_again();
  } else if (bridge_ != nullptr) {
    bridge_->stay_readable();
  }
}

PyObject* Port::take(bool latest) noexcept {
  if (!own_subscriber() || raise_what_was_put_off()) return nullptr;
  PyObject* const message = take_any(latest);
  watch_unless(message != nullptr || PyErr_Occurred() != nullptr);
  return message;
}

void Port::put_off_error() noexcept {
  put_off_ = take_exception();
  note_fast_path();
}

bool Port::raise_what_was_put_off() noexcept {
  if (put_off_ == nullptr) [[likely]]
    return false;
  PyErr_SetObject(as_object(Py_TYPE(put_off_)), put_off_);
  Py_CLEAR(put_off_);
  note_fast_path();
  watch_unless(true);
  return true;
}

PyObject* Port::unless_error(PyObject* otherwise) noexcept {
  return PyErr_Occurred() ? nullptr : Py_NewRef(otherwise);
}

PyObject* Port::read_latest() noexcept {
  PyObject* const message = take(true);
  return message != nullptr ? message : unless_error(Py_None);
}

PyObject* Port::recv_all() noexcept {
  if (!own_subscriber() || raise_what_was_put_off() || ready_to_receive() < 0) return nullptr;
  const Ref list{PyList_New(0)};
  if (!list) return nullptr;
  // Take as many as are there now: a fast publisher must not keep the caller here for ever.
  const std::uint64_t least = options_.timeout != Nanos{} ? 1 : 0;  // There may be a fallback.
  for (std::uint64_t left = std::max(pending(), least); left > 0; --left) {
    const Ref message{take(false)};
    if (!message) break;
    if (PyList_Append(list.ptr(), message.ptr()) < 0) return nullptr;
  }
  // If a message cannot be converted, those before it must not be lost: give them, and raise the
  // error at the next call.
  if (PyErr_Occurred() != nullptr && PyList_GET_SIZE(list.ptr()) != 0) put_off_error();
  watch_unless(put_off_ != nullptr);  // The bridge finds messages that have come meanwhile.
  return PyErr_Occurred() ? nullptr : Py_NewRef(list.ptr());
}

/// An error that was put off counts as a message, so that the caller comes and gets it.
bool Port::has_message() const noexcept {
  if (!subscribes_ || put_off_ != nullptr) return put_off_ != nullptr;
  const bool payloads = type_.carries == Carries::kPayloads;
  return payloads ? payload_subscriber_.has_message() : subscriber_.has_message();
}

int Port::has_msg() noexcept {
  if (!own_subscriber() || ready_to_receive() < 0) return -1;
  const bool has = has_message();
  watch_unless(has);
  return has ? 1 : 0;
}

int Port::stale() noexcept {
  if (!own_subscriber() || ready_to_receive() < 0) return -1;
  const bool payloads = type_.carries == Carries::kPayloads;
  const bool is = subscribes_ && (payloads ? payload_subscriber_.stale() : subscriber_.stale());
  watch_again();
  return is ? 1 : 0;
}

PyObject* Port::loan(PyObject* values, PyObject* names) noexcept {
  if (!own_subscriber()) return nullptr;  // Two threads must not open the topic at once.
  const Status opened = open_publisher();
  watch_again();
  if (!opened) return set_error(opened.error());
  if (type_.message != nullptr) {
    return PyObject_Call(as_object(type_.message->python()), values, names);
  }
  if (type_.carries != Carries::kPayloads) {
    PyErr_Format(PyExc_TypeError,
                 "topic '%s' carries values of any shape: there is nothing to loan",
                 topic_.c_str());
    return nullptr;
  }
  PyTypeObject* const python = type_.payload->python();
  const bool filled = PyTuple_GET_SIZE(values) == 1 && names == nullptr &&
                      Py_TYPE(PyTuple_GET_ITEM(values, 0)) == python;
  PyObject* loaned = nullptr;
  if (filled) {
    loaned = copy_payload_object(*as_payload(PyTuple_GET_ITEM(values, 0)));
  } else if (type_.payload->is_tensor()) {
    loaned = loan_tensor(values, names);
  } else {
    loaned = PyObject_Call(as_object(python), values, names);
  }
  if (loaned != nullptr) as_payload(loaned)->loaned = true;
  return loaned;
}

}  // namespace horus::py
