// SPDX-License-Identifier: Apache-2.0
// The calls of a port that move messages.
#include <utility>

#include "pyhost/cpython.hpp"
#include "pyhost/image_object.hpp"
#include "pyhost/msgpack_codec.hpp"
#include "pyhost/port.hpp"
#include "pyhost/set_error.hpp"

namespace horus::py {

/// A buffer for one packed value: the port's own, or a fresh one where a finalizer that ran in
/// the middle of unpacking uses the same port again.
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

int Port::finish_send(bool sent) noexcept {
  if (sent) [[likely]] {
    counters_.sent->add();
    return 1;
  }
  ++refused_;
  counters_.dropped->add();
  return 0;
}

int Port::send_message(PyObject* data) noexcept {
  const MessageObject* const message = as_message(data);
  return finish_send(publisher_.send({message->data, message->type->size()}));
}

int Port::send_other(PyObject* data) noexcept {
  if (!publishes_) {
    // Opening is not for two threads at once.
    if (bridge_ != nullptr) bridge_->disarm();
    const int ready = ready_to_send(data);
    watch_again();
    if (ready < 0) return -1;
  }
  if (type_.carries == Carries::kValues) [[likely]]
    return send_value(data);
  if (type_.carries == Carries::kImages) return send_image(data);
  if (Py_TYPE(data) == message_class_) return send_message(data);
  if (!PyDict_Check(data)) return mismatch(data);
  MessageObject* const message = type_.message->from_dict(data);
  if (message == nullptr) return -1;
  const int result = send_message(as_object(message));
  Py_DECREF(message);
  return result;
}

int Port::send_value(PyObject* data) noexcept {
  const Scratch scratch{*this, publisher_.max_size()};
  const Py_ssize_t size = pack(data, scratch.bytes());
  if (size >= 0) [[likely]] {
    return finish_send(publisher_.send(scratch.bytes().first(static_cast<std::size_t>(size))));
  }
  const bool typed = find_message_type(Py_TYPE(data)) != nullptr || Py_TYPE(data) == image_class();
  return typed ? mismatch(data) : -1;
}

int Port::send_image(PyObject* data) noexcept {
  if (Py_TYPE(data) != image_class()) return mismatch(data);
  return finish_send(image_publisher_.send(as_image(data)->image));
}

void Port::count_received() noexcept {
  counters_.received->add();
  const std::uint64_t missed = subscriber_.missed();
  if (missed == missed_) [[likely]]
    return;
  counters_.dropped->add(missed - missed_);
  missed_ = missed;
}

PyObject* Port::take_message(bool latest) noexcept {
  if (spare_ == nullptr) {
    spare_ = type_.message->allocate();
    if (spare_ == nullptr) return nullptr;
  }
  const std::span<std::byte> bytes{spare_->data, type_.message->size()};
  const std::ptrdiff_t size = latest ? subscriber_.take_latest(bytes) : subscriber_.take(bytes);
  if (size < 0) return nullptr;
  count_received();
  return as_object(std::exchange(spare_, nullptr));
}

PyObject* Port::take_value(bool latest) noexcept {
  const Scratch scratch{*this, subscriber_.max_size()};
  const std::ptrdiff_t size =
      latest ? subscriber_.take_latest(scratch.bytes()) : subscriber_.take(scratch.bytes());
  if (size < 0) return nullptr;
  count_received();
  return unpack(scratch.bytes().first(static_cast<std::size_t>(size)));
}

PyObject* Port::take_image(bool latest) noexcept {
  shm::Image image = latest ? image_subscriber_.take_latest() : image_subscriber_.take();
  const std::uint64_t missed = image_subscriber_.missed();
  counters_.dropped->add(missed - std::exchange(missed_, missed));
  if (!image) return nullptr;
  counters_.received->add();
  return make_image(std::move(image), session_);
}

PyObject* Port::take_any(bool latest) noexcept {
  if (ready_to_receive() <= 0) return nullptr;
  if (type_.carries == Carries::kMessages) return take_message(latest);
  return type_.carries == Carries::kImages ? take_image(latest) : take_value(latest);
}

PyObject* Port::take(bool latest) noexcept {
  if (!own_subscriber()) return nullptr;
  PyObject* const message = take_any(latest);
  // Whoever watches the descriptor may sleep again once there is nothing left, and not before.
  if (message == nullptr && !PyErr_Occurred()) {
    watch_again();
  } else if (bridge_ != nullptr) {
    bridge_->stay_readable();
  }
  return message;
}

PyObject* Port::none_unless_error() noexcept {
  return PyErr_Occurred() ? nullptr : new_none();
}

PyObject* Port::read_latest() noexcept {
  PyObject* const message = take(true);
  return message != nullptr ? message : none_unless_error();
}

PyObject* Port::recv_all() noexcept {
  if (!own_subscriber() || ready_to_receive() < 0) return nullptr;
  const Ref list{PyList_New(0)};
  if (!list) return nullptr;
  // What is there now, and no more: a fast publisher must not hold the caller for ever.
  constexpr std::uint64_t kMaxImages = 1024;
  std::uint64_t left = type_.carries == Carries::kImages ? kMaxImages : pending();
  for (; left > 0; --left) {
    const Ref message{take(false)};
    if (!message) break;
    if (PyList_Append(list.ptr(), message.ptr()) < 0) return nullptr;
  }
  watch_again();  // Finds by itself what has come meanwhile.
  return PyErr_Occurred() ? nullptr : Py_NewRef(list.ptr());
}

bool Port::has_message() const noexcept {
  if (!subscribes_) return false;
  const bool images = type_.carries == Carries::kImages;
  return images ? image_subscriber_.has_message() : subscriber_.has_message();
}

int Port::has_msg() noexcept {
  if (!own_subscriber() || ready_to_receive() < 0) return -1;
  const bool has = has_message();
  if (!has) {
    watch_again();
  } else if (bridge_ != nullptr) {
    bridge_->stay_readable();
  }
  return has ? 1 : 0;
}

}  // namespace horus::py
