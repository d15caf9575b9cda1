// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "shm/layout.hpp"

namespace horus::shm {

/// A broadcast ring: one writer, any number of readers that do not disturb it.
///
/// Thread safety: RingWriter in one thread; RingReader in any, each with a position of its own.
/// Progress: write() is wait-free; read() is bounded. Neither makes a system call.
/// Invariants, for message n in slot n mod capacity:
///   (1) stamp is 2n+1 while the slot's words are being replaced by message n;
///   (2) stamp is 2n+2 only when they all are, until message n+capacity begins;
///   (3) committed is at most one behind the newest complete message.
/// Source: the seqlock of rt/base/seqlock.hpp, one per slot, release and acquire on each word;
/// SHM-1.
using Word = std::atomic<std::uint64_t>;

struct RingView {
  RingHeader* header = nullptr;  // Readers: of a read-only mapping, loads only.
  std::byte* slots = nullptr;
  std::uint64_t mask = 0;
  std::size_t stride = 0;
  std::size_t max_size = 0;

  SlotHeader& slot(std::uint64_t n) const noexcept {
    return *reinterpret_cast<SlotHeader*>(slots + (n & mask) * stride);
  }
  Word* words(std::uint64_t n) const noexcept {
    return reinterpret_cast<Word*>(slots + (n & mask) * stride + sizeof(SlotHeader));
  }
};

inline void write_slot(const RingView& ring, std::uint64_t n, std::span<const std::byte> message,
                       std::uint64_t cycles) noexcept {
  SlotHeader& slot = ring.slot(n);
  Word* words = ring.words(n);
  // relaxed: each word below carries it, by its release.
  slot.stamp.store(2 * n + 1, std::memory_order_relaxed);
  // release: whoever sees this length, time or a word also sees the odd stamp.
  slot.length.store(message.size(), std::memory_order_release);
  slot.cycles.store(cycles, std::memory_order_release);
  const std::size_t whole = message.size() / 8;
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < whole; ++i) {
    std::memcpy(&word, message.data() + 8 * i, 8);
    words[i].store(word, std::memory_order_release);
  }
  if (const std::size_t rest = message.size() % 8; rest != 0) {
    word = 0;
    std::memcpy(&word, message.data() + 8 * whole, rest);
    words[whole].store(word, std::memory_order_release);
  }
  // release: whoever sees the even stamp sees every word.
  slot.stamp.store(2 * n + 2, std::memory_order_release);
  // release: whoever counts on the number finds the slot complete. seq_cst: and this store, which
  // is what a sleeper looks for, comes before the look at the sleepers' flags (see wakeup.hpp).
  ring.header->committed.store(n + 1, std::memory_order_seq_cst);
}

enum class ReadOutcome : std::uint8_t { kNone, kTaken, kOverwritten };

struct Read {
  ReadOutcome outcome = ReadOutcome::kNone;
  std::size_t length = 0;
};

/// Copies message n into `buffer`, which holds max_size bytes.
inline Read read_slot(const RingView& ring, std::uint64_t n, std::span<std::byte> buffer) noexcept {
  const SlotHeader& slot = ring.slot(n);
  const Word* words = ring.words(n);
  // acquire: an even stamp shows us the words that were stored before it.
  const std::uint64_t before = slot.stamp.load(std::memory_order_acquire);
  if (before < 2 * n + 2) return {};
  if (before > 2 * n + 2) return {.outcome = ReadOutcome::kOverwritten};
  // acquire, here and below: a word of a later message shows us its odd stamp at the end.
  const std::uint64_t length = slot.length.load(std::memory_order_acquire);
  if (length > ring.max_size || length > buffer.size()) {
    return {.outcome = ReadOutcome::kOverwritten};
  }
  const std::size_t whole = length / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    const std::uint64_t word = words[i].load(std::memory_order_acquire);
    std::memcpy(buffer.data() + 8 * i, &word, 8);
  }
  if (const std::size_t rest = length % 8; rest != 0) {
    const std::uint64_t word = words[whole].load(std::memory_order_acquire);
    std::memcpy(buffer.data() + 8 * whole, &word, rest);
  }
  if (slot.stamp.load(std::memory_order_relaxed) != before) {
    return {.outcome = ReadOutcome::kOverwritten};
  }
  return {.outcome = ReadOutcome::kTaken, .length = length};
}

}  // namespace horus::shm
