// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace horus::shm {

/// While one exists on a thread, sends on that thread only note whom to wake; ring() wakes them. An
/// executor's hook holds one, so that no tick pays for a wake-up. Where several exist on a thread,
/// the one made last counts.
///
/// Thread safety: made, used and destroyed on one thread. The constructor allocates.
class DeferredBells {
 public:
  DeferredBells() noexcept;
  ~DeferredBells();
  DeferredBells(const DeferredBells&) = delete;
  DeferredBells& operator=(const DeferredBells&) = delete;
  /// RT-safe: one futex wake for each process that sleeps, nothing when nobody does.
  void ring() noexcept;

  struct State;

 private:
  std::unique_ptr<State> state_;
  State* outer_;  ///< The State that was in use before this one; restored by the destructor.
};

}  // namespace horus::shm
