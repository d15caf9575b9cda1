// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "rt/base/time.hpp"
#include "service/recorder/files.hpp"
#include "service/recorder/host_watch.hpp"
#include "service/recorder/intake.hpp"
#include "service/recorder/options.hpp"
#include "service/recorder/presence.hpp"
#include "service/recorder/ring.hpp"

namespace horus::service {

/// What ends a recording: a signal; its time; its program's end.
class End {
 public:
  explicit End(const RecorderOptions& options);
  bool has_come(TimePoint now) const;
  TimePoint no_later_than(TimePoint until) const;

 private:
  bool for_program_;
  std::optional<TimePoint> at_;
};

/// From topics to files, or to memory until something happens.
///
/// Thread safety: one thread.
class Recorder {
 public:
  /// All of them outlive it.
  Recorder(const RecorderOptions& options, Intake& intake, Files& files, Presence& presence);

  /// Until the end has come; all that was sent by then is written, in kStopTime at most.
  Status run(const End& end);

 private:
  void keep(interop::mcap::Chunk chunk, TimePoint now);
  void look(TimePoint now);
  void answer();
  /// Notes of what was lost by now; of what waits nothing is, but at the end.
  std::map<std::string, interop::mcap::Notes> losses(bool at_end = false) const;
  /// Has the ring written.
  void trigger(const std::string& why, TimePoint now);
  void write_ring(TimePoint now);
  void take_pending(TimePoint until);
  void take_the_rest();

  Intake& intake_;
  Files& files_;
  Presence& presence_;
  std::optional<Ring> ring_;
  Nanos last_{};
  HostWatch hosts_;
  interop::mcap::Chunk chunk_;
  std::string missed_;                ///< A deadline, since the ring was written last.
  std::uint64_t lost_ = 0;            ///< Messages that the disk had no time for, at the last look.
  std::optional<TimePoint> written_;  ///< When the ring was written last.
};

}  // namespace horus::service
