// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rt/base/counter.hpp"
#include "rt/base/histogram.hpp"
#include "rt/base/name.hpp"

namespace horus::shm {

/// Every structure that processes share, with its size and offsets nailed down. A change here
/// is a new kLayoutVersion.
inline constexpr std::uint32_t kLayoutVersion = 5;
inline constexpr std::size_t kLine = 64;

/// What a file holds; the first eight bytes of each.
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

/// A number in a file that its owner may change at any time, read once: what was checked is what
/// is used.
template <typename T>
T read_once(const T& number) noexcept {
  return *static_cast<const volatile T*>(&number);
}

struct FileHeader {
  Magic magic{};
  std::uint32_t version = kLayoutVersion;
  std::int32_t pid = 0;    ///< The owner; for display only.
  std::uint64_t size = 0;  ///< Of the whole file, bytes.
  std::uint64_t hash = 0;  ///< Layout hash of the message type, or of the statistics.
};
static_assert(sizeof(FileHeader) == 32);

inline bool is_a(const FileHeader& file, Magic magic) noexcept {
  return file.magic == magic && file.version == kLayoutVersion;
}

/// Of one topic.
inline constexpr std::size_t kMaxPublishers = 64;
inline constexpr std::size_t kMaxSubscribers = 64;

/// A publisher's ring: this header, `capacity` slots, and for messages of varying length an area of
/// bytes behind them.
struct RingHeader {
  FileHeader file;
  std::uint32_t capacity = 0;   ///< Slots, a power of two.
  std::uint32_t slot_size = 0;  ///< Bytes: a multiple of kLine, or sizeof(IndexEntry).
  std::uint32_t max_size = 0;   ///< Largest message, bytes.
  std::uint32_t area_size = 0;  ///< Bytes, a multiple of 8; 0: each message lies in its slot.
  /// 1: the publisher's process has taken its node for hung, or isolated it: whoever has a fallback
  /// takes it.
  std::atomic<std::uint32_t> isolated{0};
  std::array<std::uint8_t, 12> pad{};
  std::atomic<std::uint64_t> committed{0};  ///< Messages that are complete.
  /// Where the area is given away to, messages that are being written included; never falls. Byte
  /// p of it lies at p mod area_size.
  std::atomic<std::uint64_t> reserved{0};
  Counter refused{};
  Counter bytes{};            ///< Of all that was sent, pixels and points included.
  std::uint64_t opened = 0;   ///< cycle_count() before the first message.
  Counter unrung{};           ///< Sleepers that were not woken, as they had been just before.
  std::uint64_t carried = 0;  ///< Of the first messages so many are the last ones of a ring before.
  std::uint64_t replaces = 0;  ///< The inode of that ring; 0: none.
  NodeName node{};             ///< Who sends; empty: no node.
  /// The subscribers that the publisher's process knows, by their files' inodes; 0: none.
  std::array<std::atomic<std::uint64_t>, kMaxSubscribers> known{};
};
static_assert(sizeof(RingHeader) == 704 && offsetof(RingHeader, committed) == 64 &&
              offsetof(RingHeader, reserved) == 72 && offsetof(RingHeader, refused) == 80 &&
              offsetof(RingHeader, known) == 192);

/// What each slot begins with; the message follows, where it has a slot of its own.
struct SlotHeader {
  std::atomic<std::uint64_t> stamp{0};   ///< 2n+1 while message n is written, 2n+2 when complete.
  std::atomic<std::uint64_t> length{0};  ///< Bytes of the message.
  std::atomic<std::uint64_t> cycles{0};  ///< cycle_count() at send: the order between publishers.
};
static_assert(sizeof(SlotHeader) == 24);

/// The slot of a message that lies in the area, in one piece.
struct IndexEntry {
  SlotHeader head;
  std::atomic<std::uint64_t> position{0};  ///< Of its first byte; a multiple of 8.
};
static_assert(sizeof(IndexEntry) == 32 && offsetof(IndexEntry, position) == 24);

/// `topics/<nn>/<key>.type`, and `declared/<key>.type` of a topic that the base's owner has set:
/// what every opener of a topic checks; behind it the type's schema, so that who does not know the
/// type can read its messages. Immutable.
struct TypeFile {
  FileHeader file;
  Name<64> name{};
  Name<208> topic{};
  std::uint32_t max_size = 0;
  std::uint32_t capacity = 0;
  std::uint32_t area_size = 0;    ///< 0: every message has the type's size.
  std::uint32_t refuses = 0;      ///< 1: a full ring refuses; 0: it overwrites its oldest message.
  std::uint32_t schema_size = 0;  ///< Bytes.
  std::uint32_t pad = 0;
};
static_assert(sizeof(TypeFile) == 328);

/// A ring that a subscriber reads, and how far it has come there.
struct TakenRow {
  std::atomic<std::uint64_t> ring{0};   ///< The inode of the ring's file; 0: the row is free.
  std::atomic<std::uint64_t> taken{0};  ///< It asks for no message below this one any more.
};

/// `topics/<nn>/<key>.<identity>.<n>.sub`: a subscriber, as publishers and tools see it. What
/// publishers look at in every send shares no line with what changes in every take.
struct CursorFile {
  FileHeader file;
  Name<72> bell{};          ///< File name under `bells/`.
  std::uint32_t depth = 0;  ///< It wants so many of the newest messages of each ring; 0: all.
  /// 1: its program opened it ahead of time and has not asked it for a message yet; it may never.
  std::atomic<std::uint32_t> ahead{0};
  std::array<std::uint8_t, 16> pad{};
  std::atomic<std::uint32_t> sleeping{0};
  std::array<std::uint8_t, 60> pad2{};
  Counter received{};
  Counter missed{};        ///< Overwritten while it wanted them.
  Counter torn{};          ///< Messages whose publisher died while it sent them.
  Counter passed_over{};   ///< Newer ones came, and its depth has no place for so many.
  Gauge timeout_ns{};      ///< From when on what it has is too old; 0: never.
  Gauge stale_since_ns{};  ///< Monotonic; 0: it is fresh.
  Counter stale{};         ///< How often it became too old.
  Counter fallbacks{};     ///< Receives that gave the fallback.
  std::array<TakenRow, kMaxPublishers> rows{};
  NodeName node{};  ///< Who receives; empty: no node.
  /// Of the first message that each tick of the node received: from its sending to the tick's
  /// start.
  Histogram age{};
};
static_assert(sizeof(CursorFile) == 1344 + sizeof(Histogram) &&
              offsetof(CursorFile, sleeping) == 128 && offsetof(CursorFile, received) == 192 &&
              offsetof(CursorFile, rows) == 256);

/// `bells/<identity>.bell`: one futex word that others may ring, and nothing else.
struct BellFile {
  std::atomic<std::uint32_t> word{0};
};
static_assert(sizeof(BellFile) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace horus::shm
