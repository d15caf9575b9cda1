// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "shm/message.hpp"

namespace horus::shm {

struct PublisherState;

/// Sends messages of one type on one topic, through a ring that only this process writes.
///
/// Thread safety: one thread at a time. Progress: send() is wait-free. Its only system call wakes a
/// subscriber that sleeps; on an executor thread that happens after the tick.
class RawPublisher {
 public:
  RawPublisher() noexcept;  ///< Empty: only the assignment and operator bool are allowed on it.
  explicit RawPublisher(std::unique_ptr<PublisherState> state) noexcept;
  RawPublisher(RawPublisher&&) noexcept;
  RawPublisher& operator=(RawPublisher&&) noexcept;
  ~RawPublisher();

  /// RT-safe. `message` is type().size bytes; where the size varies, at most max_size() bytes.
  /// False, and counted in refused(), if
  ///   - the message has another size,
  ///   - TopicOptions::finite is set and a number in it is not finite, or
  ///   - the topic refuses, and a living subscriber has not taken the message that this one would
  ///     replace. A subscriber counts from when this process's helper thread has seen it, at most a
  ///     few milliseconds after it came, until 0.2 s after its death.
  /// False, and counted in NodeStats::held alone, while TopicOptions::actuator, or the actuator
  /// whose callback calls send(), may not act.
  bool send(std::span<const std::byte> message) noexcept;
  /// RT-safe. True, and counted in refused(), if a message of `size` bytes would now replace one
  /// that a living subscriber still wants and has not taken. Works on topics that overwrite as
  /// well. Subscribers that were opened ahead (TopicOptions) count only if there are no others.
  /// False for a `size` above max_size(), which send() refuses.
  bool refuses_now(std::size_t size) noexcept;

  const TypeInfo& type() const noexcept;
  std::size_t max_size() const noexcept;
  /// Messages that the ring holds; where their size varies, at most.
  std::uint64_t capacity() const noexcept;
  bool refuses() const noexcept;        ///< Whether a full ring refuses.
  std::uint64_t sent() const noexcept;  ///< Messages sent so far.
  /// Sleeping subscribers that were not woken: they had been woken less than a millisecond before
  /// in the same sleep, or their process had been woken 50 times in this millisecond.
  std::uint64_t unrung() const noexcept;
  std::uint64_t refused() const noexcept;
  std::uint32_t subscribers() const noexcept;  ///< Living ones that the helper thread knows.
  /// Of subscribers(), those that have found this ring. They get what was sent even if this
  /// publisher closes at once.
  std::uint32_t readers() const noexcept;
  /// RT-safe. How many of the newest messages somebody still wants. A living subscriber wants what
  /// it has not taken, within its depth; on a topic that refuses, everything counts as wanted.
  /// Subscribers that this process opened ahead (TopicOptions), and may never read, count only if
  /// there are no others.
  std::uint64_t wanted() noexcept;
  /// RT-safe. Adds `bytes` to the bytes sent: a descriptor that was just sent stands for a payload
  /// of that size.
  void add_bytes(std::uint64_t bytes) noexcept;
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  std::unique_ptr<PublisherState> state_;
};

template <Message T>
class Publisher : public RawPublisher {
 public:
  Publisher() = default;
  explicit Publisher(RawPublisher raw) noexcept : RawPublisher{std::move(raw)} {}
  /// RT-safe. See RawPublisher::send().
  bool send(const T& message) noexcept {
    return RawPublisher::send(std::as_bytes(std::span{&message, 1}));
  }
};

/// While one exists on a thread, sends on that thread only note whom to wake; ring() wakes them. An
/// executor's hook holds one, so that no tick pays for a wake-up. Where several exist on a thread,
/// the one made last counts.
///
/// Thread safety: made, used and destroyed on one thread. The constructor allocates.
class DeferredBells {
 public:
  DeferredBells() noexcept;
  ~DeferredBells();
  DeferredBells(const DeferredBells&) = delete;
  DeferredBells& operator=(const DeferredBells&) = delete;
  /// RT-safe: one futex wake for each process that sleeps, nothing when nobody does.
  void ring() noexcept;

  struct State;

 private:
  std::unique_ptr<State> state_;
  State* outer_;  ///< The State that was in use before this one; restored by the destructor.
};

}  // namespace horus::shm
