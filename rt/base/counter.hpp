// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace horus {

/// A number or enum in shared memory with one writer and any number of readers.
///
/// Thread safety: add(), set() and raise() from one thread; value() from any thread or process.
/// Progress: wait-free, no locked instruction.
template <typename T>
class Cell {
  static_assert(std::atomic<T>::is_always_lock_free);

 public:
  // relaxed throughout: no other data is published through the number. A load and a store in place
  // of fetch_add are enough, because there is one writer.
  void add(T n = 1) noexcept { set(value() + n); }
  void set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }
  /// Sets the number if `value` is larger.
  void raise(T value) noexcept {
    if (value > this->value()) set(value);
  }
  T value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

using Counter = Cell<std::uint64_t>;
using Gauge = Cell<std::int64_t>;

}  // namespace horus
