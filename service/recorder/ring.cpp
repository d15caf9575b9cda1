// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/ring.hpp"

#include <utility>

namespace horus::service {

namespace mcap = interop::mcap;

std::uint64_t bytes_of(const mcap::Chunk& chunk) noexcept {
  return chunk.records.size() + chunk.messages * sizeof(mcap::Places::Place);
}

std::vector<mcap::Chunk> Ring::push(mcap::Chunk chunk, TimePoint now, std::uint64_t elsewhere) {
  bytes_ += bytes_of(chunk);
  kept_.push_back({now, std::move(chunk)});
  std::vector<mcap::Chunk> gone = expire(now);
  while (bytes_ + elsewhere > most_ && kept_.size() > 1) gone.push_back(pop());
  return gone;
}

std::vector<mcap::Chunk> Ring::expire(TimePoint now) {
  std::vector<mcap::Chunk> gone;
  while (!kept_.empty() && now - kept_.front().at > last_) gone.push_back(pop());
  return gone;
}

mcap::Chunk Ring::pop() {
  mcap::Chunk oldest = std::move(kept_.front().chunk);
  bytes_ -= bytes_of(oldest);
  kept_.pop_front();
  return oldest;
}

std::vector<mcap::Chunk> Ring::take() {
  std::vector<mcap::Chunk> all;
  for (Kept& one : kept_) all.push_back(std::move(one.chunk));
  kept_.clear();
  bytes_ = 0;
  return all;
}

}  // namespace horus::service
