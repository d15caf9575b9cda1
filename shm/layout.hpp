// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <horus/text.hpp>

#include "rt/base/counter.hpp"
#include "rt/base/histogram.hpp"

namespace horus::shm {

/// The structures of topics that processes share, with their sizes and offsets fixed. Those of
/// pools, statistics and logs stand in headers of their own. A change of any of them needs a new
/// kLayoutVersion.
inline constexpr std::uint32_t kLayoutVersion = 5;
inline constexpr std::size_t kLine = 64;

/// Says what a file holds; the first eight bytes of each.
enum class Magic : std::uint64_t {
  kType = 0x3145505954525548U,    // "HURTYPE1"
  kRing = 0x31474e4952525548U,    // "HURRING1"
  kCursor = 0x3142555352525548U,  // "HURRSUB1"
  kStats = 0x3154415453525548U,   // "HURSTAT1"
  kPool = 0x314c4f4f50525548U,    // "HURPOOL1"
  kHold = 0x31444c4f48525548U,    // "HURHOLD1"
  kLog = 0x31474f4c4c525548U,     // "HURLLOG1"
  kBox = 0x31584f4242525548U,     // "HURBBOX1"
  kBoard = 0x3144524f42525548U,   // "HURBORD1"
};

/// Reads a number that its owner, another process, may change at any time, exactly once: so the
/// value that was checked is the value that is used.
template <typename T>
T read_once(const T& number) noexcept {
  return *static_cast<const volatile T*>(&number);
}

/// The beginning of every file but bells.
struct FileHeader {
  Magic magic{};
  std::uint32_t version = kLayoutVersion;
  std::int32_t pid = 0;    ///< The owner's; for display only.
  std::uint64_t size = 0;  ///< Bytes of the whole file.
  std::uint64_t hash = 0;  ///< Layout hash of the message type, or of the statistics.
};
static_assert(sizeof(FileHeader) == 32);

inline bool is_a(const FileHeader& file, Magic magic) noexcept {
  return file.magic == magic && file.version == kLayoutVersion;
}

/// The limits of one topic (SHM-11).
inline constexpr std::size_t kMaxPublishers = 64;
inline constexpr std::size_t kMaxSubscribers = 64;

/// A publisher's ring: this header, then `capacity` slots, then, for messages whose size varies, an
/// area with their bytes. See ring.hpp for the protocol. Only the publisher's process writes here.
struct RingHeader {
  FileHeader file;
  std::uint32_t capacity = 0;   ///< Slots, a power of two.
  std::uint32_t slot_size = 0;  ///< Bytes: a multiple of kLine, or sizeof(IndexEntry).
  std::uint32_t max_size = 0;   ///< Largest message, bytes.
  std::uint32_t area_size = 0;  ///< Bytes, a multiple of 8; 0: each message lies in its slot.
  /// 1: the publisher's process considers the node hung, or has isolated it. Subscribers that have
  /// a fallback then take it.
  std::atomic<std::uint32_t> isolated{0};
  std::array<std::uint8_t, 12> pad{};
  std::atomic<std::uint64_t> committed{0};  ///< Number of complete messages.
  /// End of the reserved part of the area, the message that is being written included. Monotonic.
  /// Byte p of the area lies at p mod area_size.
  std::atomic<std::uint64_t> reserved{0};
  Counter refused{};         ///< Messages that send() refused.
  Counter bytes{};           ///< Bytes sent, those of payloads (pixels, points) included.
  std::uint64_t opened = 0;  ///< cycle_count() before the first message.
  Counter unrung{};          ///< Sleepers that were not woken, as they had been just before.
  /// So many messages at the beginning were copied from the ring that this one replaces (SHM-16).
  std::uint64_t carried = 0;
  std::uint64_t replaces = 0;  ///< The inode of that ring; 0: none.
  NodeName node{};             ///< The node that sends; empty: no node.
  /// The subscribers that the publisher's process has discovered, by the inodes of their files; 0:
  /// the place is free.
  std::array<std::atomic<std::uint64_t>, kMaxSubscribers> known{};
};
static_assert(sizeof(RingHeader) == 704 && offsetof(RingHeader, committed) == 64 &&
              offsetof(RingHeader, reserved) == 72 && offsetof(RingHeader, refused) == 80 &&
              offsetof(RingHeader, known) == 192);

/// The beginning of each slot. The message follows, if it does not lie in the area.
struct SlotHeader {
  std::atomic<std::uint64_t> stamp{0};   ///< 2n+1 while message n is written, 2n+2 when complete.
  std::atomic<std::uint64_t> length{0};  ///< Bytes of the message.
  std::atomic<std::uint64_t> cycles{0};  ///< cycle_count() at send: orders messages of publishers.
};
static_assert(sizeof(SlotHeader) == 24);

/// A slot whose message lies in the area, in one piece.
struct IndexEntry {
  SlotHeader head;
  std::atomic<std::uint64_t> position{0};  ///< Of the message's first byte; a multiple of 8.
};
static_assert(sizeof(IndexEntry) == 32 && offsetof(IndexEntry, position) == 24);

/// `topics/<nn>/<key>.type`, or `declared/<key>.type` for a topic whose type the base's owner has
/// set. Every opener of a topic checks it. The type's schema follows it, so that a process that
/// does not know the type can read its messages. Never changed: another type is another file.
struct TypeFile {
  FileHeader file;
  Name<64> name{};
  Name<208> topic{};
  std::uint32_t max_size = 0;     ///< Largest message, bytes.
  std::uint32_t capacity = 0;     ///< Slots, as its opener asked; each ring has its own.
  std::uint32_t area_size = 0;    ///< Bytes; 0: every message has the type's size.
  std::uint32_t refuses = 0;      ///< 1: a full ring refuses; 0: it overwrites its oldest message.
  std::uint32_t schema_size = 0;  ///< Bytes.
  std::uint32_t pad = 0;
};
static_assert(sizeof(TypeFile) == 328);

/// One ring that a subscriber reads, and how far it has come there.
struct TakenRow {
  std::atomic<std::uint64_t> ring{0};   ///< The inode of the ring's file; 0: the row is free.
  std::atomic<std::uint64_t> taken{0};  ///< The subscriber is done with every message below this.
};

/// `topics/<nn>/<key>.<identity>.<n>.sub`: a subscriber, as publishers and tools see it. Only the
/// subscriber's process writes here. What publishers read in every send lies on another cache line
/// than what changes in every take.
struct CursorFile {
  FileHeader file;
  Name<72> bell{};          ///< File name of its bell under `bells/`.
  std::uint32_t depth = 0;  ///< How many of each ring's newest messages it wants; 0: all.
  /// Not 0: the program opened it ahead of time and has not asked for a message yet; it may never.
  /// 2 (kAheadToSend): publishers that refuse do not wait for it either.
  std::atomic<std::uint32_t> ahead{0};
  std::array<std::uint8_t, 16> pad{};
  std::atomic<std::uint32_t> sleeping{0};  ///< 0: awake; else another number for each sleep.
  std::array<std::uint8_t, 60> pad2{};
  Counter received{};      ///< Messages taken.
  Counter missed{};        ///< Messages overwritten while they were wanted.
  Counter torn{};          ///< Messages whose publisher died while it sent them.
  Counter passed_over{};   ///< Messages beyond its depth, or superseded by a newer one.
  Gauge timeout_ns{};      ///< Age from which its input is stale; 0: never.
  Gauge stale_since_ns{};  ///< Monotonic time when the input became stale; 0: it is fresh.
  Counter stale{};         ///< How often the input became stale.
  Counter fallbacks{};     ///< Receives that returned the fallback.
  std::array<TakenRow, kMaxPublishers> rows{};
  NodeName node{};  ///< The node that receives; empty: no node.
  /// Ages, from sending to the start of the tick, of the first message that each tick of the node
  /// received.
  Histogram age{};
};
static_assert(sizeof(CursorFile) == 1344 + sizeof(Histogram) &&
              offsetof(CursorFile, sleeping) == 128 && offsetof(CursorFile, received) == 192 &&
              offsetof(CursorFile, rows) == 256);

/// `bells/<identity>.bell`: one futex word that any process of the group may increment.
struct BellFile {
  std::atomic<std::uint32_t> word{0};
};
static_assert(sizeof(BellFile) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace horus::shm
