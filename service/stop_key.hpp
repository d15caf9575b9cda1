// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "rt/rt_thread.hpp"

namespace horus::service {

/// A key of an input device that stops the robot: a button or a pedal that the kernel shows as
/// /dev/input/event* (SVC-8). A device that cannot be read is a stop as well, because its key could
/// not be seen; it is opened again once a second. The device is never grabbed, so other programs
/// can read it, too.
///
/// Thread safety: made, started and destroyed by one thread; holds() from any. `stop` and `tell`
/// are called from a thread of this object, and within start().
class StopKey {
 public:
  struct Options {
    std::string device;  ///< A path. A link in /dev/input/by-id stays the same over reboots.
    int key = 0;         ///< A code of linux/input-event-codes.h; 0: any key of the device.
    std::function<void(const std::string& why)> stop;   ///< Called for each press or loss.
    std::function<void(const std::string& text)> tell;  ///< Called when a lost device is back.
  };
  explicit StopKey(Options options);
  StopKey(const StopKey&) = delete;
  StopKey& operator=(const StopKey&) = delete;
  ~StopKey();

  /// Opens the device and starts the thread that watches it. If the device cannot be opened or its
  /// key is down, calls `stop`; that is no error. Call it once.
  /// \errors as RtThread::start(), or without a descriptor.
  Status start();
  /// Whether a cause of a stop persists: the key is down, or the device is lost.
  bool holds() const noexcept { return pressed_.load() || lost_.load(); }

 private:
  void watch();
  void open();
  void read();
  void stop() const;
  bool is_down() const noexcept;
  void lose(const std::string& why);
  bool means(int code) const noexcept;

  const Options options_;
  UniqueFd device_;
  UniqueFd ended_;                    ///< An eventfd: the thread shall end.
  std::atomic<bool> pressed_{false};  ///< The key is down.
  std::atomic<bool> lost_{false};     ///< The device cannot be read.
  std::optional<RtThread> thread_;
};

}  // namespace horus::service
