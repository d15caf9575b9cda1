// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::py {

class Port;

/// Makes a port's messages visible to select(), poll() and asyncio, by an eventfd. The eventfd is
/// readable from the moment a message is there until a receiving call has found none.
///
/// A thread waits in the port and makes the eventfd readable. The port's subscriber serves one
/// thread at a time, so this thread and the consumer hand it to each other: the thread waits in the
/// port only while it is armed, and the consumer calls disarm() before it receives.
///
/// Thread safety: every call from the consumer's thread.
class WakeBridge {
 public:
  /// Starts the thread, disarmed. Fails where no descriptor is left.
  static Result<std::unique_ptr<WakeBridge>> start(Port& port);
  ~WakeBridge();
  WakeBridge(const WakeBridge&) = delete;
  WakeBridge& operator=(const WakeBridge&) = delete;

  int fd() const noexcept { return event_.get(); }
  /// Takes the port back: when it returns, the thread is not in the port and stays out until arm().
  void disarm() noexcept;
  /// Call when no message was found: the descriptor is not readable any more, and the thread waits
  /// in the port for the next message.
  void arm() noexcept;
  /// Call when a message was found: there may be more, so the descriptor stays readable.
  void stay_readable() noexcept;

 private:
  /// What the thread does. kParked: it is not in the port. kArmed: it waits in the port, or is
  /// about to. kRecalled: disarm() waits for it to leave the port. kStopping: it is to end.
  enum class State { kParked, kArmed, kRecalled, kStopping };

  WakeBridge(Port& port, UniqueFd event);
  void run() noexcept;
  void wait_in_port() noexcept;
  void make_readable() noexcept;

  Port& port_;
  UniqueFd event_;
  std::atomic<bool> parked_{true};  ///< Lets disarm() return without the mutex.
  bool recalled_ = false;           ///< disarm() called the thread back before it saw a message.
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kParked;
  std::thread thread_;
};

}  // namespace horus::py
