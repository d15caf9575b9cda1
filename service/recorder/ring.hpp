// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include <horus/time.hpp>

#include "shm/interop/mcap.hpp"

namespace horus::service {

/// Keeps the latest chunks in memory until a trigger has them written. The oldest ones are dropped
/// when they are too old or use too much memory. Pure: the caller gives the time. One thread.
class Ring {
 public:
  /// Keeps chunks for the time `last`, and at most `most_bytes` of them. A single chunk may be
  /// larger.
  Ring(Nanos last, std::uint64_t most_bytes) noexcept : last_{last}, most_{most_bytes} {}

  /// Adds a chunk. `elsewhere`: bytes that wait for the disk, which count against the limit.
  /// Returns the chunks that are dropped, the oldest first: later chunks need what they declared.
  std::vector<interop::mcap::Chunk> push(interop::mcap::Chunk chunk, TimePoint now,
                                         std::uint64_t elsewhere);
  /// Drops and returns the chunks that are too old at `now`.
  std::vector<interop::mcap::Chunk> expire(TimePoint now);
  /// Takes all chunks, the oldest first. The ring is empty afterwards.
  std::vector<interop::mcap::Chunk> take();

 private:
  struct Kept {
    TimePoint at;  ///< When it was pushed.
    interop::mcap::Chunk chunk;
  };

  interop::mcap::Chunk pop();

  Nanos last_;
  std::uint64_t most_;
  std::uint64_t bytes_ = 0;
  std::deque<Kept> kept_;
};

/// About how much memory a chunk uses, in bytes.
std::uint64_t bytes_of(const interop::mcap::Chunk& chunk) noexcept;

}  // namespace horus::service
