// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "shm/layout.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// A broadcast ring: one writer, any number of readers that do not disturb it.
///
/// Thread safety: writing in one thread; reading in any, each with a position of its own.
/// Progress: writing is wait-free; reading is bounded. Neither makes a system call.
/// Invariants, for message n in slot n mod capacity:
///   (1) stamp is 2n+1 while the slot's words are being replaced by message n;
///   (2) stamp is 2n+2 only when they all are, until message n+capacity begins;
///   (3) committed is at most one behind the newest complete message, and never before it;
///   (4) where messages lie in an area, a byte of it at position p is replaced only when reserved
///       is above p + area_size.
/// Source: the seqlock of rt/base/seqlock.hpp, one per slot, release and acquire on each word;
/// SHM-1.
using Word = std::atomic<std::uint64_t>;

struct RingView {
  RingHeader* header = nullptr;  // Readers: of a read-only mapping, loads only.
  std::byte* slots = nullptr;
  std::byte* area = nullptr;
  std::uint64_t mask = 0;
  std::size_t stride = 0;
  std::size_t max_size = 0;
  std::uint64_t area_size = 0;  ///< 0: each message lies in its slot.

  std::uint64_t capacity() const noexcept { return mask + 1; }
  SlotHeader& slot(std::uint64_t n) const noexcept {
    return *reinterpret_cast<SlotHeader*>(slots + (n & mask) * stride);
  }
  Word* words(std::uint64_t n) const noexcept {
    return reinterpret_cast<Word*>(slots + (n & mask) * stride + sizeof(SlotHeader));
  }
  /// Of a slot that is an IndexEntry.
  Word& position(std::uint64_t n) const noexcept { return words(n)[0]; }
  Word* words_at(std::uint64_t position) const noexcept {
    return reinterpret_cast<Word*>(area + position % area_size);
  }
};

/// The ring in a file, when its numbers agree with each other, with the file and with the topic's
/// type: its layout hash, and whether its messages vary in size.
std::optional<RingView> view_of(const Region& region, std::uint64_t hash, bool varies) noexcept;

/// Whole words.
constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + 7) / 8 * 8;
}

/// Where a message of `size` bytes begins when the area is given away up to `reserved`: in one
/// piece, and so at the area's beginning where too little is left before its end.
inline std::uint64_t place_for(const RingView& ring, std::uint64_t reserved,
                               std::size_t size) noexcept {
  const std::uint64_t left = ring.area_size - reserved % ring.area_size;
  return padded(size) <= left ? reserved : reserved + left;
}

// release: whoever sees a word also sees the odd stamp, and what the area is reserved to.
inline void store_words(Word* words, std::span<const std::byte> message) noexcept {
  const std::size_t whole = message.size() / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    // Of this round alone: one that outlives it is kept on the stack, and each store to the ring
    // then waits behind one to there.
    std::uint64_t word = 0;
    std::memcpy(&word, message.data() + 8 * i, 8);
    words[i].store(word, std::memory_order_release);
  }
  if (const std::size_t rest = message.size() % 8; rest != 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data() + 8 * whole, rest);
    words[whole].store(word, std::memory_order_release);
  }
}

// acquire: a word of a later message shows us that message's odd stamp, or what it reserved.
inline void load_words(const Word* words, std::span<std::byte> message) noexcept {
  const std::size_t whole = message.size() / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    const std::uint64_t word = words[i].load(std::memory_order_acquire);
    std::memcpy(message.data() + 8 * i, &word, 8);
  }
  if (const std::size_t rest = message.size() % 8; rest != 0) {
    const std::uint64_t word = words[whole].load(std::memory_order_acquire);
    std::memcpy(message.data() + 8 * whole, &word, rest);
  }
}

/// `place`: from place_for(), where messages lie in an area; else of no meaning.
inline void write_message(const RingView& ring, std::uint64_t n, std::uint64_t place,
                          std::span<const std::byte> message, std::uint64_t cycles) noexcept {
  SlotHeader& slot = ring.slot(n);
  // relaxed, both: each word below carries them, by its release.
  slot.stamp.store(2 * n + 1, std::memory_order_relaxed);
  Word* words = ring.words(n);
  if (ring.area_size != 0) {
    ring.header->reserved.store(place + padded(message.size()), std::memory_order_relaxed);
    // release: as a word of the message.
    ring.position(n).store(place, std::memory_order_release);
    words = ring.words_at(place);
  }
  slot.length.store(message.size(), std::memory_order_release);
  slot.cycles.store(cycles, std::memory_order_release);
  store_words(words, message);
  // release: whoever sees the even stamp sees every word. seq_cst: and this store, which is what a
  // sleeper looks for, comes before the look at the sleepers' flags (see wakeup.hpp).
  slot.stamp.store(2 * n + 2, std::memory_order_seq_cst);
  // release: whoever counts on the number finds the slot complete.
  ring.header->committed.store(n + 1, std::memory_order_release);
}

/// How many messages are complete: those that are counted, and the one whose writer is about to
/// count it, or died before it could.
inline std::uint64_t complete(const RingView& ring) noexcept {
  // acquire, both: the messages below the number are complete. seq_cst: the look at the stamp comes
  // after the sleeper's flag, see wakeup.hpp.
  const std::uint64_t committed = ring.header->committed.load(std::memory_order_acquire);
  const std::uint64_t stamp = ring.slot(committed).stamp.load(std::memory_order_seq_cst);
  return stamp == 2 * committed + 2 ? committed + 1 : committed;
}

enum class ReadOutcome : std::uint8_t { kNone, kTaken, kOverwritten };

struct Read {
  ReadOutcome outcome = ReadOutcome::kNone;
  std::size_t length = 0;
};

/// Whether nothing that begins at `position` was given away again.
inline bool is_kept(const RingView& ring, std::uint64_t position) noexcept {
  // relaxed: the words that were read, by acquire, show it. A position that is no position is far
  // below or above.
  return ring.header->reserved.load(std::memory_order_relaxed) - position <= ring.area_size;
}

/// Copies message n into `buffer`, which holds max_size bytes.
inline Read read_message(const RingView& ring, std::uint64_t n,
                         std::span<std::byte> buffer) noexcept {
  constexpr Read kOverwritten{.outcome = ReadOutcome::kOverwritten};
  const SlotHeader& slot = ring.slot(n);
  // acquire: an even stamp shows us the words that were stored before it.
  const std::uint64_t before = slot.stamp.load(std::memory_order_acquire);
  if (before < 2 * n + 2) return {};
  if (before > 2 * n + 2) return kOverwritten;
  // acquire: see load_words().
  const std::uint64_t length = slot.length.load(std::memory_order_acquire);
  if (length > ring.max_size || length > buffer.size()) return kOverwritten;
  const Word* words = ring.words(n);
  std::uint64_t place = 0;
  if (ring.area_size != 0) {
    place = ring.position(n).load(std::memory_order_acquire);
    if (place % 8 != 0 || place % ring.area_size + padded(length) > ring.area_size) {
      return kOverwritten;
    }
    words = ring.words_at(place);
  }
  load_words(words, buffer.first(length));
  if (slot.stamp.load(std::memory_order_relaxed) != before) return kOverwritten;
  if (ring.area_size != 0 && !is_kept(ring, place)) return kOverwritten;
  return {.outcome = ReadOutcome::kTaken, .length = length};
}

/// The first message from `next` on, of `committed`, that is not overwritten yet; `committed` when
/// all are.
inline std::uint64_t oldest_kept(const RingView& ring, std::uint64_t next,
                                 std::uint64_t committed) noexcept {
  std::uint64_t first = committed - next > ring.capacity() ? committed - ring.capacity() : next;
  if (ring.area_size == 0 || first == committed) return first;
  const auto kept = [&ring](std::uint64_t n) noexcept {
    return ring.slot(n).stamp.load(std::memory_order_acquire) == 2 * n + 2 &&
           is_kept(ring, ring.position(n).load(std::memory_order_acquire));
  };
  if (kept(first)) [[likely]]
    return first;
  // Positions grow with the numbers: from some number on all are kept.
  for (std::uint64_t last = committed; first < last;) {
    const std::uint64_t middle = first + (last - first) / 2;
    if (kept(middle)) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

/// Whether message n was begun and not completed.
inline bool is_torn(const RingView& ring, std::uint64_t n) noexcept {
  return ring.slot(n).stamp.load(std::memory_order_acquire) == 2 * n + 1;
}

}  // namespace horus::shm
