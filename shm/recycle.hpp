// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace horus::shm {

/// An allocator of single objects from a fixed store, so that a handle made on an executor thread
/// costs no system call. When the store is empty, it uses the heap.
///
/// Thread safety: any thread. Progress: lock-free.
/// Source: R. K. Treiber, "Systems Programming: Coping with Parallelism" (IBM RJ 5118, 1986); the
/// upper half of the head counts its changes, against the ABA problem.
template <std::size_t Size, std::size_t N>
class Recycler {
 public:
  Recycler() noexcept {
    for (std::uint32_t i = 0; i < N; ++i) next_[i].store(i + 1, std::memory_order_relaxed);
  }
  void* take() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while (index_of(head) < N) {
      // relaxed: if this link is stale, the counter in the head has changed, and the exchange
      // fails.
      const std::uint32_t next = next_[index_of(head)].load(std::memory_order_relaxed);
      // acquire: whoever gave the place back is done with it.
      if (head_.compare_exchange_weak(head, changed(head, next), std::memory_order_acquire)) {
        return store_[index_of(head)].data();
      }
    }
    return nullptr;
  }
  /// False when `place` is not from this store.
  bool give_back(void* place) noexcept {
    const auto offset = static_cast<std::byte*>(place) - store_[0].data();
    if (offset < 0 || static_cast<std::size_t>(offset) >= sizeof store_) return false;
    const auto index = static_cast<std::uint32_t>(static_cast<std::size_t>(offset) / kStride);
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do {
      next_[index].store(index_of(head), std::memory_order_relaxed);
      // release: see take().
    } while (!head_.compare_exchange_weak(head, changed(head, index), std::memory_order_release,
                                          std::memory_order_relaxed));
    return true;
  }

 private:
  static constexpr std::size_t kStride = (Size + 63) / 64 * 64;
  static std::uint32_t index_of(std::uint64_t head) noexcept {
    return static_cast<std::uint32_t>(head);
  }
  static std::uint64_t changed(std::uint64_t head, std::uint32_t index) noexcept {
    return ((head >> 32) + 1) << 32 | index;
  }

  std::atomic<std::uint64_t> head_{0};
  std::array<std::atomic<std::uint32_t>, N> next_;
  alignas(64) std::array<std::array<std::byte, kStride>, N> store_;
};

/// For std::allocate_shared: objects of type T from a store of N places.
template <typename T, std::size_t N>
struct RecyclingAllocator {
  using value_type = T;
  template <typename U>
  struct rebind {  // NOLINT(readability-identifier-naming): the standard's name
    using other = RecyclingAllocator<U, N>;
  };
  RecyclingAllocator() noexcept = default;
  template <typename U>
  explicit RecyclingAllocator(const RecyclingAllocator<U, N>& /*other*/) noexcept {}

  T* allocate(std::size_t count) {
    void* place = count == 1 ? recycler().take() : nullptr;
    if (place == nullptr) place = ::operator new(count * sizeof(T));
    return static_cast<T*>(place);
  }
  void deallocate(T* place, std::size_t /*count*/) noexcept {
    if (!recycler().give_back(place)) ::operator delete(place);
  }
  friend bool operator==(const RecyclingAllocator&, const RecyclingAllocator&) noexcept = default;

 private:
  static Recycler<sizeof(T), N>& recycler() noexcept {
    // Never destroyed: handles may outlive every static object. Without memory for it there is no
    // frame at all. NOLINTNEXTLINE(bugprone-unhandled-exception-at-new)
    static auto* the_recycler = new Recycler<sizeof(T), N>;
    return *the_recycler;
  }
};

}  // namespace horus::shm
