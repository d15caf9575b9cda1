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

/// What happened to the messages that were sent since a subscriber came. Once everything was taken,
/// received + passed_over + missed is the number that was sent.
struct SubscriberCounts {
  std::uint64_t received = 0;
  std::uint64_t passed_over = 0;  ///< Older than the depth wants, or superseded by a newer one.
  std::uint64_t missed = 0;       ///< Overwritten while they were wanted.
  std::uint64_t torn = 0;         ///< Not in the sum: the publisher died while it wrote them.
};

/// Identifies one message of a topic.
struct Origin {
  std::string publisher{};   ///< File name of the publisher's ring; never used again by another.
  std::uint64_t number = 0;  ///< Position among the messages of this ring, from 0.
};

/// Takes the messages of every publisher of one topic: in order within a publisher, by send time
/// between publishers. Of each publisher it wants the newest TopicOptions::depth messages. Older
/// ones are passed over; a message that was overwritten while it was wanted is missed.
///
/// Thread safety: one thread at a time; interrupt() from any thread. Progress: take() is lock-free
/// and bounded, and makes no system call.
class RawSubscriber {
 public:
  RawSubscriber() noexcept;  ///< Empty: only the assignment and operator bool are allowed on it.
  explicit RawSubscriber(std::unique_ptr<SubscriberState> state) noexcept;
  RawSubscriber(RawSubscriber&&) noexcept;
  RawSubscriber& operator=(RawSubscriber&&) noexcept;
  ~RawSubscriber();

  /// RT-safe. Copies the next message into `buffer` (at least max_size() bytes) and returns its
  /// length. -1 when there is none, or when publishers overwrite faster than this thread reads; the
  /// content of `buffer` is then undefined. With a TopicOptions::timeout, see Fallback.
  std::ptrdiff_t take(std::span<std::byte> buffer) noexcept;
  /// RT-safe. As take(), but the newest message of all publishers; older ones are passed over.
  std::ptrdiff_t take_latest(std::span<std::byte> buffer) noexcept;
  /// RT-safe. Whether take() would return a message now.
  bool has_message() const noexcept;

  /// As take(), but waits for a message until `until`; not for a tick. -1 at that time, and after
  /// interrupt().
  std::ptrdiff_t take_until(std::span<std::byte> buffer, TimePoint until) noexcept;

  /// RT-safe. Ends TopicOptions::ahead: from now on the subscriber counts as one that receives.
  void begin() noexcept;

  /// Waits, without a lock, until there is a message (true) or until `until` (false). False also
  /// after interrupt().
  bool wait_until(TimePoint until) noexcept;
  /// As wait_until(), but true only once for each message: not for one that was taken, nor for one
  /// that an earlier call returned true for. Also true once each time that the input becomes stale
  /// (TopicOptions::timeout). Releases the ticks of an event node.
  bool wait_for_new(TimePoint until) noexcept;
  /// Waits in one thread for several topics. Returns the first of `subscribers` that has a message,
  /// or null at `until` and after an interrupt() of any of them. One bell wakes all subscribers of
  /// a session; a message for a subscriber of another session is found within 10 ms.
  static RawSubscriber* wait_any(std::span<RawSubscriber* const> subscribers,
                                 TimePoint until) noexcept;
  /// From any thread: ends the current wait, or the next one, at once. Makes one system call.
  void interrupt() noexcept;

  const TypeInfo& type() const noexcept;
  /// Bytes of the largest message. Grows if the topic's first publisher comes later and asks for
  /// more; a message that does not fit into the buffer is then missed.
  std::size_t max_size() const noexcept;
  SubscriberCounts counts() const noexcept;
  /// RT-safe. For the first message of each tick of `node`: records how old the message taken last
  /// was at the start of the tick, in the subscription's histogram, and counts an old one in
  /// messages_old. Nothing for further messages of the same tick.
  void tell_age(NodeStats& node) noexcept;
  /// RT-safe. Whether the newest message is older than TopicOptions::timeout, or a fallback was
  /// given in this tick. Always false without a timeout.
  bool stale() noexcept;
  /// Whether the latest take() gave the fallback.
  bool gave_fallback() const noexcept;
  /// Sets the node whose ticks pace the fallback and that is told of it; null: none.
  void belongs_to(NodeStats* node) noexcept;
  /// Identifies the message taken last; valid until the next call. Empty before the first.
  /// Allocates.
  Origin origin() const;
  /// Time since the message taken last was sent; negative before the first.
  Nanos age() const noexcept;
  /// Whether the message taken last was sent before this subscriber was opened, or before begin().
  bool was_before() const noexcept;
  std::uint64_t depth() const noexcept;       ///< Messages wanted of each publisher; ~0: all.
  std::uint64_t pending() const noexcept;     ///< Messages that take() would find now.
  std::uint32_t publishers() const noexcept;  ///< Publishers attached now.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// For topics of payloads, whose messages are descriptors. A message is then available once its
  /// payload can be taken, and its publisher keeps the payload until tell_taken(). Not for a tick.
  void expect_frames();
  /// RT-safe. Call it after take() or take_latest(), before any other call, when the payload is
  /// held or lost.
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
  /// RT-safe. See RawSubscriber::take(); nullopt where that returns -1. So for the next two.
  std::optional<T> take() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take(bytes); });
  }
  /// RT-safe.
  std::optional<T> take_latest() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take_latest(bytes); });
  }
  /// Waits; not for a tick.
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
