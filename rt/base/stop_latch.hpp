// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/safety.hpp"

namespace horus {

/// What a robot that is stopped has on disk, so that no restart forgets it.
struct StopLatch {
  StopCause cause = StopCause::kNone;
  std::string text{};

  /// Nothing where there is none. kCorrupt for a file that is no latch; an error, too, where it
  /// cannot be read.
  static Result<std::optional<StopLatch>> read(const std::string& path);
  /// On the disk, once it returns well. Makes the folder. Not for a real-time thread.
  Status write(const std::string& path) const;
  /// Whether one could be written. Makes nothing.
  static Status check(const std::string& path);
  /// Gone from the disk, once it returns well; well, too, where there is none.
  static Status clear(const std::string& path);
};

/// The folder of a robot that is installed as a service.
inline constexpr const char* kServiceLatches = "/var/lib/horus";

/// `<folder>/<robot>.stop`. The folder is `state`, where it is given, else of this user:
/// $XDG_STATE_HOME/horus, ~/.local/state/horus; kNotFound where nothing says it, kInvalidArgument
/// where `robot` is no plain name.
Result<std::string> latch_path(const std::string& state, const std::string& robot);

/// What the start of a robot finds where its stops are kept.
struct LatchFinding {
  std::string stop{};  ///< Why it is to start stopped; empty: nothing says so.
  std::string lack{};  ///< Why the next start would not learn of a stop; empty: it would.
};
/// `keeps`: the caller is who writes it.
LatchFinding look_at_latch(const Result<std::string>& path, bool keeps = true);

}  // namespace horus
