// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "rt/base/black_box.hpp"
#include "rt/base/name.hpp"

namespace horus {

/// What a crash leaves behind for whoever starts next. Zeroes, until a signal handler fills it.
///
/// Thread safety: one handler writes, `complete` last.
struct CrashNote {
  std::atomic<std::uint32_t> complete{0};  ///< 1: there was a crash, and all of this is written.
  std::int32_t signal = 0;
  std::uint64_t address = 0;  ///< Of the access that failed; 0 for an abort().
  NodeName node{};            ///< That ran on the thread; empty: none.
  std::uint64_t tick = 0;
  std::uint32_t frames = 0;
  std::array<std::uint64_t, 64> frame{};  ///< Return addresses, the innermost first.
  std::array<char, 64U << 10U> maps{};    ///< /proc/self/maps, to find what they belong to.
};

/// From now on a crash of this process is told on stderr, with node and tick, and written into
/// `note`, which may be null; then what was to happen before happens. Of the first crash only, and
/// not of a forked child's. `note` stays valid for ever.
void tell_crashes(CrashNote* note) noexcept;

/// While one lives, a crash is told as by tell_crashes(nullptr). The last one's end puts back what
/// was to happen before, unless somebody has set something else since.
///
/// Thread safety: one thread at a time.
class CrashScope {
 public:
  CrashScope() noexcept;
  ~CrashScope();
  CrashScope(const CrashScope&) = delete;
  CrashScope& operator=(const CrashScope&) = delete;
};

/// Such a crash is an event of `box`, too; null: of none. From any thread.
void keep_crashes_in(BlackBox* box) noexcept;

/// Where the calling thread's signal handlers run, so that a stack that is full can be told of.
/// Does nothing where the thread has such a place.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace horus
