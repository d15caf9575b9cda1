// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::py {

class Port;

/// Makes a port's messages visible to select(), poll() and asyncio: an eventfd that is readable
/// from when a message is there until a receiving call found none.
///
/// The port's subscriber serves one thread at a time, so this one's thread and the consumer hand
/// it to each other: the thread waits in the port only while it is armed, and the consumer takes
/// it back (disarm) before it receives.
///
/// Thread safety: every call from the consumer's thread.
class WakeBridge {
 public:
  static Result<std::unique_ptr<WakeBridge>> start(Port& port);
  ~WakeBridge();
  WakeBridge(const WakeBridge&) = delete;
  WakeBridge& operator=(const WakeBridge&) = delete;

  int fd() const noexcept { return event_.get(); }
  /// When it returns, the thread is not in the port and stays out until arm().
  void disarm() noexcept;
  /// The consumer found no message: the descriptor is quiet again, the thread waits for the next.
  void arm() noexcept;
  /// The consumer found a message after disarm(): there may be more, so the descriptor is readable.
  void stay_readable() noexcept;

 private:
  enum class State { kParked, kArmed, kRecalled, kStopping };

  WakeBridge(Port& port, UniqueFd event);
  void run() noexcept;
  void wait_in_port() noexcept;
  void make_readable() noexcept;

  Port& port_;
  UniqueFd event_;
  std::atomic<bool> parked_{true};  ///< Cheap look for disarm(); state_ decides.
  bool recalled_ = false;           ///< The thread was called back before it found a message.
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kParked;
  std::thread thread_;
};

}  // namespace horus::py
