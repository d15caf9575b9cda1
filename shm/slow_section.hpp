// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace horus::shm {

/// Marks work that may take tens of milliseconds, such as making a pool of large blocks. A host
/// installs what happens around it: a Python host releases the GIL, as otherwise no tick of its
/// process could run meanwhile. Enter and leave it without holding a lock: leaving may wait for the
/// GIL, whose holder may want that lock.
class SlowSection {
 public:
  /// `leave` is given the result of `enter`. Both may be called from any thread.
  struct Hooks {
    void* (*enter)() noexcept = nullptr;
    void (*leave)(void* entered) noexcept = nullptr;
  };
  /// Call it before the first section; it is valid for the life of the process.
  static void install(Hooks hooks) noexcept { installed = hooks; }

  /// Whether threads of this host, executors too, may wait in such a section.
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
