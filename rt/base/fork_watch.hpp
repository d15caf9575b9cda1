// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace horus {

/// How many fork() calls lie between the start of the program and this process: 0 in the program
/// itself, 1 in its children.
extern std::atomic<std::uint32_t> fork_generation;

/// Detects that foreign code has forked. Make one before the call; after it, forked() is true in a
/// child that returned from the call. The child must not go on: the code that made the call belongs
/// to the parent, and the parent's other threads do not exist in the child.
class ForkWatch {
 public:
  // relaxed in both calls: fork() itself orders what the child sees.
  /// RT-safe.
  ForkWatch() noexcept : generation_{fork_generation.load(std::memory_order_relaxed)} {}
  /// RT-safe. Whether this process is a child made since the construction.
  bool forked() const noexcept {
    return fork_generation.load(std::memory_order_relaxed) != generation_;
  }

 private:
  std::uint32_t generation_;
};

/// Ends a forked child that returned from the callback in which it was made, by _exit(1), after a
/// line on stderr. `node` is the callback's node; it may be empty.
[[noreturn]] void end_forked_child(const char* callback, std::string_view node) noexcept;

}  // namespace horus
