// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace horus::shm {

/// A stretch of work that may take tens of milliseconds, such as making a pool of large blocks. A
/// host says what happens around it: a Python host gives the GIL away, or no tick of its process
/// would run meanwhile. Entered without a lock, and left without one: leaving may wait for the GIL,
/// whose holder may want that lock.
class SlowSection {
 public:
  /// `enter` returns what `leave` is given. Both may be called from any thread.
  struct Hooks {
    void* (*enter)() noexcept = nullptr;
    void (*leave)(void* entered) noexcept = nullptr;
  };
  /// Before the first section; for the life of the process.
  static void install(Hooks hooks) noexcept { installed = hooks; }

  /// Whether threads of this host, those of its ticks too, may wait in such a section.
  static bool gives_way() noexcept { return installed.enter != nullptr; }

  SlowSection() noexcept : entered_{installed.enter != nullptr ? installed.enter() : nullptr} {}
  ~SlowSection() {
    if (installed.leave != nullptr) installed.leave(entered_);
  }
  SlowSection(const SlowSection&) = delete;
  SlowSection& operator=(const SlowSection&) = delete;

 private:
  static Hooks installed;
  void* entered_;
};

}  // namespace horus::shm
