// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "rt/base/time.hpp"
#include "shm/interop/mcap.hpp"

namespace horus::service {

/// The chunks of the last time, until somebody wants them in a file. The oldest go when they are
/// too old, or too many.
class Ring {
 public:
  Ring(Nanos last, std::uint64_t most_bytes) noexcept : last_{last}, most_{most_bytes} {}

  /// `elsewhere`: bytes that are still to be written; they count. What goes is handed back: later
  /// chunks need what it declared.
  std::vector<interop::mcap::Chunk> push(interop::mcap::Chunk chunk, TimePoint now,
                                         std::uint64_t elsewhere);
  /// What is too old by now, as above.
  std::vector<interop::mcap::Chunk> expire(TimePoint now);
  /// All of it, the oldest first; afterwards there is none.
  std::vector<interop::mcap::Chunk> take();

 private:
  struct Kept {
    TimePoint at;
    interop::mcap::Chunk chunk;
  };

  interop::mcap::Chunk pop();

  Nanos last_;
  std::uint64_t most_;
  std::uint64_t bytes_ = 0;
  std::deque<Kept> kept_;
};

/// Memory that a chunk takes.
std::uint64_t bytes_of(const interop::mcap::Chunk& chunk) noexcept;

}  // namespace horus::service
