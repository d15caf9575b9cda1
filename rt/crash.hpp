// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <horus/text.hpp>

#include "rt/base/black_box.hpp"

namespace horus {

/// The record of a crash, for the process that starts next. All zero until a signal handler fills
/// it.
///
/// Thread safety: one signal handler writes it, `complete` last with release order.
struct CrashNote {
  std::atomic<std::uint32_t> complete{0};  ///< 1: there was a crash, and all of this is written.
  std::int32_t signal = 0;
  std::uint64_t address = 0;  ///< Address of the access that failed; 0: unknown, or an abort().
  NodeName node{};            ///< The node that ran on the thread; empty: none.
  std::uint64_t tick = 0;     ///< Number of its tick.
  std::uint32_t frames = 0;   ///< How many entries of `frame` are used.
  std::array<std::uint64_t, 64> frame{};  ///< Return addresses, the innermost first.
  std::array<char, 64U << 10U> maps{};    ///< /proc/self/maps, to find the files of the addresses.
};

/// Installs handlers for crash signals. From now on the first crash of this process is reported on
/// stderr, with node and tick, and written into `note`. After that the previous handler, or the
/// kernel's default, runs. Crashes of forked children are not reported. `note` may be null; it must
/// stay valid until the process ends. Call it from one thread.
void tell_crashes(CrashNote* note) noexcept;

/// While one lives, crashes are reported as by tell_crashes(nullptr). When the last one ends, the
/// previous handlers are put back, unless other ones have been installed since.
///
/// Thread safety: one thread at a time.
class CrashScope {
 public:
  CrashScope() noexcept;
  ~CrashScope();
  CrashScope(const CrashScope&) = delete;
  CrashScope& operator=(const CrashScope&) = delete;
};

/// Reported crashes are also written to `box` as an event; null: to none. From any thread. A box
/// must stay valid until another call replaces it.
void keep_crashes_in(BlackBox* box) noexcept;

/// An alternate stack for the calling thread's signal handlers. With it a stack overflow can be
/// reported. Does nothing if the thread has one already. Make and destroy it on the same thread.
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
