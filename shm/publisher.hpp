// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "shm/message.hpp"

namespace horus::shm {

struct PublisherState;

/// Sends messages of one type on one topic, through a ring that this process alone writes.
///
/// Thread safety: one thread at a time. Progress: send() is wait-free; it makes a system call
/// only to wake a subscriber that sleeps (after the tick, on an executor thread).
class RawPublisher {
 public:
  RawPublisher() noexcept;  ///< Empty; send() on it is a bug.
  explicit RawPublisher(std::unique_ptr<PublisherState> state) noexcept;
  RawPublisher(RawPublisher&&) noexcept;
  RawPublisher& operator=(RawPublisher&&) noexcept;
  ~RawPublisher();

  /// RT-safe. `message` is type().size bytes, or for a generic topic at most max_size() bytes.
  /// False, and counted in refused(), for a message of another size, for one that is not finite
  /// where TopicOptions::finite is set, and on a topic that refuses while a subscriber that lives
  /// has not taken what the message would replace; and, counted in NodeStats::held alone, while
  /// TopicOptions::actuator may not act. A subscriber counts from when this process's
  /// helper thread has seen it, at most a few milliseconds after it came, until 0.2 s after its
  /// death.
  bool send(std::span<const std::byte> message) noexcept;
  /// RT-safe. Whether a message of `size` bytes, on a topic that overwrites as well, would replace
  /// one that a subscriber still wants who lives and has not taken it; counted in refused() then.
  /// Where all of them were opened ahead (TopicOptions), they count as subscribers that do.
  bool refuses_now(std::size_t size) noexcept;

  const TypeInfo& type() const noexcept;
  std::size_t max_size() const noexcept;
  /// Messages the ring holds; of messages whose size varies, at most.
  std::uint64_t capacity() const noexcept;
  bool refuses() const noexcept;        ///< Whether a full ring refuses.
  std::uint64_t sent() const noexcept;  ///< The ring's committed sequence.
  /// Sleepers that were not woken: they had been less than a millisecond before in the same sleep,
  /// or their process had its 50 rings of this millisecond.
  std::uint64_t unrung() const noexcept;
  std::uint64_t refused() const noexcept;
  std::uint32_t subscribers() const noexcept;  ///< That live, as far as the helper thread knows.
  /// Of those, who have found this ring: they get what is sent even if it closes at once.
  std::uint32_t readers() const noexcept;
  /// RT-safe. How many of the newest messages somebody still wants: what a subscriber that lives,
  /// as far as the helper thread knows, has not taken, at most its depth; on a topic that refuses
  /// all. Those of this process that were opened ahead (TopicOptions), maybe to send only, are
  /// asked where there is none but them.
  std::uint64_t wanted() noexcept;
  /// RT-safe. Counts them as sent: a message just sent stands for so many bytes elsewhere.
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

/// While one exists on a thread, sends on that thread note whom to wake; ring() wakes them.
/// An executor's hook holds one, so that no tick pays for a wake-up.
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
  State* outer_;  ///< Of the one that this one hides.
};

}  // namespace horus::shm
