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

/// A broadcast ring: one writer, and any number of readers that do not disturb it.
///
/// Thread safety: one thread writes; any thread or process reads, each with its own position.
/// Progress: writing is wait-free; reading is bounded. Neither makes a system call.
/// Invariants, for message n in slot n mod capacity:
///   (1) stamp is 2n+1 while the slot's words are being replaced by message n;
///   (2) stamp is 2n+2 only when all of them are replaced, until message n+capacity begins;
///   (3) committed is at most one behind the newest complete message, and never ahead of it;
///   (4) if messages lie in an area, the byte at position p is replaced only after reserved has
///       been raised above p + area_size.
/// A reader checks the stamp before and after it copies, and with an area also reserved: by (2) and
/// (4) an unchanged stamp and a position that is still kept mean that the copy is whole.
/// Source: the seqlock of rt/base/seqlock.hpp, one per slot, release and acquire on each word;
/// SHM-1, SHM-9.
using Word = std::atomic<std::uint64_t>;

/// A ring in mapped memory. `mask` is capacity - 1; `stride` is the size of a slot in bytes.
struct RingView {
  RingHeader* header = nullptr;  // For readers, in a read-only mapping: they only load.
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
  /// The position in the area; only if the slots are IndexEntries.
  Word& position(std::uint64_t n) const noexcept { return words(n)[0]; }
  Word* words_at(std::uint64_t position) const noexcept {
    return reinterpret_cast<Word*>(area + position % area_size);
  }
};

/// Checks the numbers in a mapped ring file against each other, against the file's size, and
/// against the topic's type (its layout hash, and whether its messages vary in size). nullopt if
/// they do not agree.
std::optional<RingView> view_of(const Region& region, std::uint64_t hash, bool varies) noexcept;

/// `bytes` rounded up to whole words.
constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + 7) / 8 * 8;
}

/// The position of a message of `size` bytes in an area that is reserved up to `reserved`. A
/// message lies in one piece, so it goes to the area's beginning if too little is left before the
/// end.
inline std::uint64_t place_for(const RingView& ring, std::uint64_t reserved,
                               std::size_t size) noexcept {
  const std::uint64_t left = ring.area_size - reserved % ring.area_size;
  return padded(size) <= left ? reserved : reserved + left;
}

// release: a reader that sees one of these words also sees the odd stamp, and what is reserved of
// the area, both stored before.
inline void store_words(Word* words, std::span<const std::byte> message) noexcept {
  const std::size_t whole = message.size() / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    // Declared in the loop: a variable that outlives the iteration is kept on the stack, and each
    // store to the ring then waits for the store to that variable.
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

// acquire: if a word is already a later message's, the reader also sees that message's odd stamp,
// or how far it has reserved the area.
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

/// Writes message n and makes it visible; one thread only. `place`: the result of place_for() if
/// messages lie in an area; else ignored.
inline void write_message(const RingView& ring, std::uint64_t n, std::uint64_t place,
                          std::span<const std::byte> message, std::uint64_t cycles) noexcept {
  SlotHeader& slot = ring.slot(n);
  // relaxed, both stores: each release store below makes them visible together with its word.
  slot.stamp.store(2 * n + 1, std::memory_order_relaxed);
  Word* words = ring.words(n);
  if (ring.area_size != 0) {
    ring.header->reserved.store(place + padded(message.size()), std::memory_order_relaxed);
    // release: as for the words of the message.
    ring.position(n).store(place, std::memory_order_release);
    words = ring.words_at(place);
  }
  slot.length.store(message.size(), std::memory_order_release);
  slot.cycles.store(cycles, std::memory_order_release);
  store_words(words, message);
  // release: a reader that sees the even stamp sees every word of the message. seq_cst: this store,
  // which a sleeper looks for, also comes before the look at the sleepers' flags (see wakeup.hpp).
  slot.stamp.store(2 * n + 2, std::memory_order_seq_cst);
  // release: a reader that sees this number finds the slot complete.
  ring.header->committed.store(n + 1, std::memory_order_release);
}

/// How many messages are complete: those that are committed, and one more if its writer has not
/// committed it yet, or died before it could.
inline std::uint64_t complete(const RingView& ring) noexcept {
  // acquire, both: every message below the result is complete. seq_cst: the look at the stamp comes
  // after the sleeper has set its flag, see wakeup.hpp.
  const std::uint64_t committed = ring.header->committed.load(std::memory_order_acquire);
  const std::uint64_t stamp = ring.slot(committed).stamp.load(std::memory_order_seq_cst);
  return stamp == 2 * committed + 2 ? committed + 1 : committed;
}

/// kNone: message n is not complete yet. kOverwritten: it is gone, or breaks the ring's rules.
enum class ReadOutcome : std::uint8_t { kNone, kTaken, kOverwritten };

struct Read {
  ReadOutcome outcome = ReadOutcome::kNone;
  std::size_t length = 0;
};

/// Whether no part of a message at `position` has been reserved again for a later message.
inline bool is_kept(const RingView& ring, std::uint64_t position) noexcept {
  // relaxed: the words that were copied before, with acquire, make the newer number visible. A
  // nonsense position is far below or far above, and fails as well: the difference is unsigned.
  return ring.header->reserved.load(std::memory_order_relaxed) - position <= ring.area_size;
}

/// Copies message n into `buffer`, which must hold max_size bytes. What is in `buffer` is undefined
/// unless the outcome is kTaken.
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
  // relaxed: load_words() has acquired what a later writer stored before any word that we copied.
  if (slot.stamp.load(std::memory_order_relaxed) != before) return kOverwritten;
  if (ring.area_size != 0 && !is_kept(ring, place)) return kOverwritten;
  return {.outcome = ReadOutcome::kTaken, .length = length};
}

/// The first message, from `next` on, of those below `committed`, that is not overwritten yet;
/// `committed` if all are.
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
  // Positions grow with the numbers, so from some number on all messages are kept: halve.
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

/// Whether the writer began message n and has not completed it.
inline bool is_torn(const RingView& ring, std::uint64_t n) noexcept {
  return ring.slot(n).stamp.load(std::memory_order_acquire) == 2 * n + 1;
}

}  // namespace horus::shm
