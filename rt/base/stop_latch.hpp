// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <horus/node.hpp>
#include <horus/result.hpp>

#include "rt/base/safety.hpp"

namespace horus {

/// The record of an emergency stop on disk. It keeps a robot stopped over restarts until the stop
/// is released. All calls do file I/O: not for real-time threads.
struct StopLatch {
  StopCause cause = StopCause::kNone;
  std::string text{};  ///< The reason, for people. Control characters are written as blanks.

  /// Reads the latch at `path`; nothing when there is no file or no folder.
  /// \errors kCorrupt: the file is not a latch; others as the kernel refused to read it.
  static Result<std::optional<StopLatch>> read(const std::string& path);
  /// Writes the latch, and makes its folder if needed. A crash leaves the old file or the new one.
  /// After success it is on the disk (fsync).
  Status write(const std::string& path) const;
  /// Whether a latch could be written at `path`. Creates nothing.
  static Status check(const std::string& path);
  /// Removes the latch from the disk. Succeeds also when there is none.
  static Status clear(const std::string& path);
};

/// The folder of the latches of robots that are installed as a service.
inline constexpr const char* kServiceLatches = "/var/lib/horus";

/// The path of a robot's latch, `<folder>/<robot>.stop`. The folder is `state` if that is not
/// empty, else $XDG_STATE_HOME/horus, else ~/.local/state/horus. Reads the environment: call it
/// before the run's threads start. \errors kNotFound: nothing names a folder; kInvalidArgument:
/// `robot` is not a plain name.
Result<std::string> latch_path(const std::string& state, const std::string& robot);

/// What a robot's start learns from its latch.
struct LatchFinding {
  std::string stop{};  ///< Why the robot must start stopped; empty: it need not.
  std::string lack{};  ///< Why a stop could not be kept for the next start; empty: it can be.
};
/// Reads the latch at `path`. `keeps`: the caller also writes this latch; then it is checked that
/// the folder can be written.
LatchFinding look_at_latch(const Result<std::string>& path, bool keeps = true);

}  // namespace horus
