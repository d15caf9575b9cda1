// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "rt/base/time.hpp"
#include "shm/message.hpp"

namespace horus::shm {

struct SubscriberState;

/// Takes the messages of every publisher of one topic: in order within a publisher, by send
/// time between publishers. What was overwritten before it was taken is counted in missed().
///
/// Thread safety: one thread at a time; interrupt() from any. Progress: take() is lock-free and
/// bounded; no system call.
class RawSubscriber {
 public:
  RawSubscriber() noexcept;
  explicit RawSubscriber(std::unique_ptr<SubscriberState> state) noexcept;
  RawSubscriber(RawSubscriber&&) noexcept;
  RawSubscriber& operator=(RawSubscriber&&) noexcept;
  ~RawSubscriber();

  /// RT-safe. Copies the next message into `buffer` (at least max_size() bytes) and returns its
  /// length, or -1 when there is none, or publishers overwrite faster than this thread reads;
  /// what is in `buffer` then says nothing.
  std::ptrdiff_t take(std::span<std::byte> buffer) noexcept;
  /// RT-safe. The newest message; older ones count as received. -1 when there is none new.
  std::ptrdiff_t take_latest(std::span<std::byte> buffer) noexcept;
  /// RT-safe. Whether take() would find one, without taking it.
  bool has_message() const noexcept;

  /// take(), which waits for a message until `until`. -1 then, and after interrupt().
  std::ptrdiff_t take_until(std::span<std::byte> buffer, TimePoint until) noexcept;

  /// Waits without a lock until there is a message (true) or `until` (false). Spurious false
  /// after interrupt().
  bool wait_until(TimePoint until) noexcept;
  /// Waits in one thread for many topics: the first of `subscribers` that has a message, or null
  /// at `until` and after an interrupt() of any. They are of one session, whose bell wakes all;
  /// one of another is found within 10 ms.
  static RawSubscriber* wait_any(std::span<RawSubscriber* const> subscribers,
                                 TimePoint until) noexcept;
  void interrupt() noexcept;

  const TypeInfo& type() const noexcept;
  std::size_t max_size() const noexcept;
  /// Of what publishers sent since this subscriber came: received() + missed() is sent(), once
  /// everything was taken.
  std::uint64_t received() const noexcept;
  std::uint64_t missed() const noexcept;
  /// Messages, beside those, whose publisher died while it sent them.
  std::uint64_t torn() const noexcept;
  std::uint64_t pending() const noexcept;     ///< Messages that take() would find now.
  std::uint32_t publishers() const noexcept;  ///< Attached now.
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  static bool was_interrupted(std::span<RawSubscriber* const> subscribers) noexcept;

  std::unique_ptr<SubscriberState> state_;
};

template <Message T>
class Subscriber : public RawSubscriber {
 public:
  Subscriber() = default;
  explicit Subscriber(RawSubscriber raw) noexcept : RawSubscriber{std::move(raw)} {}
  /// RT-safe.
  std::optional<T> take() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take(bytes); });
  }
  /// RT-safe.
  std::optional<T> take_latest() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take_latest(bytes); });
  }
  std::optional<T> take_until(TimePoint until) noexcept {
    return typed([this, until](auto bytes) { return RawSubscriber::take_until(bytes, until); });
  }

 private:
  template <typename Take>
  static std::optional<T> typed(Take take) noexcept {
    T message;
    if (take(std::as_writable_bytes(std::span{&message, 1})) < 0) return std::nullopt;
    return message;
  }
};

}  // namespace horus::shm
