// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace horus {

/// How often this process, or the one that it is a copy of, has become a child by fork().
extern std::atomic<std::uint32_t> fork_generation;

/// Made before foreign code is called: whether that code has forked, and this is the child. Then
/// the frame that made the call is the parent's: its threads, files and pages are not here.
class ForkWatch {
 public:
  /// RT-safe, both. relaxed: fork() itself orders what the child sees.
  ForkWatch() noexcept : generation_{fork_generation.load(std::memory_order_relaxed)} {}
  bool forked() const noexcept {
    return fork_generation.load(std::memory_order_relaxed) != generation_;
  }

 private:
  std::uint32_t generation_;
};

/// Says that a forked child has left the callback that it was made in, and ends it. `node` may be
/// empty.
[[noreturn]] void end_forked_child(const char* callback, std::string_view node) noexcept;

}  // namespace horus
