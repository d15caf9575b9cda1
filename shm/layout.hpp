// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rt/base/counter.hpp"
#include "rt/base/name.hpp"

namespace horus::shm {

/// Every structure that processes share, with its size and offsets nailed down. A change here
/// is a new kLayoutVersion.
inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::size_t kLine = 64;

/// What a file holds; the first eight bytes of each.
enum class Magic : std::uint64_t {
  kType = 0x3145505954525548U,    // "HURTYPE1"
  kRing = 0x31474e4952525548U,    // "HURRING1"
  kCursor = 0x3142555352525548U,  // "HURRSUB1"
  kStats = 0x3154415453525548U,   // "HURSTAT1"
  kPool = 0x314c4f4f50525548U,    // "HURPOOL1"
  kHold = 0x31444c4f48525548U,    // "HURHOLD1"
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

struct RingHeader {
  FileHeader file;
  std::uint32_t capacity = 0;   ///< Slots, a power of two.
  std::uint32_t slot_size = 0;  ///< Bytes, a multiple of kLine.
  std::uint32_t max_size = 0;   ///< Largest message, bytes.
  std::uint32_t reserved = 0;
  std::array<std::uint8_t, 16> pad{};
  std::atomic<std::uint64_t> committed{0};  ///< Messages that are complete.
  Counter refused{};
  std::array<std::uint8_t, 48> pad2{};
};
static_assert(sizeof(RingHeader) == 128 && offsetof(RingHeader, committed) == 64);

struct SlotHeader {
  std::atomic<std::uint64_t> stamp{0};   ///< 2n+1 while message n is written, 2n+2 when complete.
  std::atomic<std::uint64_t> length{0};  ///< Bytes of the message.
  std::atomic<std::uint64_t> cycles{0};  ///< cycle_count() at send: the order between publishers.
};
static_assert(sizeof(SlotHeader) == 24);

/// `topics/<name>/type`: what every opener of a topic checks. Immutable.
struct TypeFile {
  FileHeader file;
  Name<64> name{};
  std::uint32_t max_size = 0;
  std::uint32_t capacity = 0;
  std::uint32_t reserved = 0;
  std::uint32_t generic = 0;
};
static_assert(sizeof(TypeFile) == 112);

/// `topics/<name>/<identity>.sub`: a subscriber, as publishers and tools see it.
struct CursorFile {
  FileHeader file;
  std::atomic<std::uint32_t> sleeping{0};
  std::uint32_t pad = 0;
  Counter received{};
  Counter missed{};
  Name<72> bell{};  ///< File name under `bells/`.
};
static_assert(sizeof(CursorFile) == 128);

/// `bells/<identity>.bell`: one futex word that others may ring, and nothing else.
struct BellFile {
  std::atomic<std::uint32_t> word{0};
};
static_assert(sizeof(BellFile) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace horus::shm
