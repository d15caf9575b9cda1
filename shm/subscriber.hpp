// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "shm/message.hpp"

namespace horus::shm {

struct SubscriberState;

/// What became of the messages that publishers sent since a subscriber came. The first three are
/// what was sent, once everything was taken.
struct SubscriberCounts {
  std::uint64_t received = 0;
  std::uint64_t passed_over = 0;  ///< Older ones than it wants, or superseded by a newer one.
  std::uint64_t missed = 0;       ///< Overwritten while they were wanted.
  std::uint64_t torn = 0;         ///< Beside those: their publisher died while it sent them.
};

/// Which message it is.
struct Origin {
  std::string publisher{};   ///< The name of its ring's file; no other publisher ever has it.
  std::uint64_t number = 0;  ///< Of all that this one sent, from 0 on.
};

/// Takes the messages of every publisher of one topic: in order within a publisher, by send
/// time between publishers. Of each publisher's messages it wants the newest TopicOptions::depth:
/// older ones are passed over, and what was overwritten while it was wanted is missed.
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
  /// what is in `buffer` then says nothing. With a TopicOptions::timeout: see Fallback.
  std::ptrdiff_t take(std::span<std::byte> buffer) noexcept;
  /// RT-safe. The newest message; older ones are passed over. -1 when there is none new.
  std::ptrdiff_t take_latest(std::span<std::byte> buffer) noexcept;
  /// RT-safe. Whether take() would find one, without taking it.
  bool has_message() const noexcept;

  /// take(), which waits for a message until `until`. -1 then, and after interrupt().
  std::ptrdiff_t take_until(std::span<std::byte> buffer, TimePoint until) noexcept;

  /// RT-safe. Where TopicOptions::ahead was set: from here on it receives.
  void begin() noexcept;

  /// Waits without a lock until there is a message (true) or `until` (false). Spurious false
  /// after interrupt().
  bool wait_until(TimePoint until) noexcept;
  /// As wait_until(), but true once a message: not for one that was taken, nor for one that was
  /// left after a call that was true for it. What begins the ticks of an event node.
  bool wait_for_new(TimePoint until) noexcept;
  /// Waits in one thread for many topics: the first of `subscribers` that has a message, or null
  /// at `until` and after an interrupt() of any. They are of one session, whose bell wakes all;
  /// one of another is found within 10 ms.
  static RawSubscriber* wait_any(std::span<RawSubscriber* const> subscribers,
                                 TimePoint until) noexcept;
  void interrupt() noexcept;

  const TypeInfo& type() const noexcept;
  /// Of a message, bytes. Grows where the topic's first publisher, who comes later, says more; what
  /// a smaller buffer does not hold is missed.
  std::size_t max_size() const noexcept;
  SubscriberCounts counts() const noexcept;
  /// RT-safe. Where the node's tick has told of none yet: how old the message that was taken last
  /// was at the tick's start, into the subscription's histogram; an old one into messages_old, too.
  void tell_age(NodeStats& node) noexcept;
  /// RT-safe. Whether its newest message is older than its TopicOptions::timeout, or the last value
  /// of this tick was the fallback.
  bool stale() noexcept;
  /// Whether the latest take() gave the fallback.
  bool gave_fallback() const noexcept;
  /// The node whose ticks count for the fallback, and that is told of it; null: none.
  void belongs_to(NodeStats* node) noexcept;
  /// Of the message that was taken last, until the next call. Allocates.
  Origin origin() const;
  /// Since the message was sent that was taken last; negative before the first.
  Nanos age() const noexcept;
  /// Whether the message that was taken last was sent before this subscriber came, or began.
  bool was_before() const noexcept;
  std::uint64_t depth() const noexcept;       ///< What it wants of each publisher's; ~0: all.
  std::uint64_t pending() const noexcept;     ///< Messages that take() would find now.
  std::uint32_t publishers() const noexcept;  ///< Attached now.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Its messages describe frames: each is there once the frame can be taken, and its publisher
  /// keeps the frame until tell_taken().
  void expect_frames();
  /// RT-safe. After take() or take_latest(), before any other call: the frame is held, or is lost.
  void tell_taken() noexcept;

 private:
  template <typename Has>
  static RawSubscriber* wait_for(std::span<RawSubscriber* const> subscribers, TimePoint until,
                                 Has has) noexcept;
  std::ptrdiff_t take_next(std::span<std::byte> buffer) noexcept;
  std::ptrdiff_t take_newest(std::span<std::byte> buffer) noexcept;
  template <typename Take>
  std::ptrdiff_t take_fresh(std::span<std::byte> buffer, Take take) noexcept;
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
