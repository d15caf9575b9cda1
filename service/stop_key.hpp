// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "rt/rt_thread.hpp"

namespace horus::service {

/// A key of an input device that stops the robot: a button or a pedal that the kernel shows as
/// /dev/input/event*. A device that cannot be read is a stop, too, since nobody could press its
/// key; it is opened anew once a second. Never grabbed: others read it as well.
///
/// Thread safety: made and destroyed by one thread, holds() from any. `stop` and `tell` are called
/// from a thread of its own, and in start().
class StopKey {
 public:
  struct Options {
    std::string device;  ///< A path; a link of /dev/input/by-id stays the same over reboots.
    int key = 0;         ///< The code of linux/input-event-codes.h; 0: any key of the device.
    std::function<void(const std::string& why)> stop;
    std::function<void(const std::string& text)> tell;  ///< The device is back.
  };
  explicit StopKey(Options options);
  StopKey(const StopKey&) = delete;
  StopKey& operator=(const StopKey&) = delete;
  ~StopKey();

  /// Opens the device, stops where it cannot, and looks at it from then on. Once.
  /// \errors as RtThread::start().
  Status start();
  /// Whether the reason for a stop is there yet: the key is pressed, or the device is gone.
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
  UniqueFd ended_;  ///< An eventfd: the thread shall end.
  std::atomic<bool> pressed_{false};
  std::atomic<bool> lost_{false};
  std::optional<RtThread> thread_;
};

}  // namespace horus::service
