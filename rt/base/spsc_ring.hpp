// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <type_traits>

namespace horus {

/// SpscRing<T, Capacity>: a bounded queue from one thread to one other, in memory of its own.
///
/// Thread safety: push() from one thread, pop() from one thread; they may be two.
/// Progress: both are wait-free: they copy one T and make no system call.
/// Invariants:
///   (1) head_ - tail_ is the number of values in the ring, never above Capacity.
///   (2) A slot outside of [tail_, head_) belongs to the pusher, one inside to the popper.
template <typename T, std::size_t Capacity>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(Capacity > 0 && (Capacity & (Capacity - 1)) == 0, "a power of two");

 public:
  /// RT-safe. False when the ring is full; the value is not taken then.
  bool push(const T& value) noexcept {
    // relaxed: only this thread writes head_.
    const std::size_t head = head_.load(std::memory_order_relaxed);
    // acquire: the popper has left the slots below tail_.
    if (head - tail_.load(std::memory_order_acquire) == Capacity) return false;
    slots_[head % Capacity] = value;
    // release: a thread that sees the new head also sees the slot's value.
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  /// RT-safe. False when the ring is empty; `value` is left as it was then.
  bool pop(T& value) noexcept {
    // relaxed: only this thread writes tail_.
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    // acquire: shows us the slots that were filled below head_.
    if (head_.load(std::memory_order_acquire) == tail) return false;
    value = slots_[tail % Capacity];
    // release: a thread that sees the new tail may overwrite the slot that we have read.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

 private:
  // Each side's index on a line of its own, so that the two do not slow each other down.
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::array<T, Capacity> slots_{};
};

}  // namespace horus
