// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <horus/time.hpp>

#include "service/recorder/files.hpp"
#include "service/recorder/host_watch.hpp"
#include "service/recorder/intake.hpp"
#include "service/recorder/options.hpp"
#include "service/recorder/presence.hpp"
#include "service/recorder/ring.hpp"

namespace horus::service {

/// What ends a recording: a signal, the end of its duration, or the end of its program.
class End {
 public:
  /// The duration begins now.
  explicit End(const RecorderOptions& options);
  /// Whether the recording is to end. Does not wait.
  bool has_come(TimePoint now) const;
  /// `until`, or the end of the duration if that is earlier.
  TimePoint no_later_than(TimePoint until) const;

 private:
  bool for_program_;
  std::optional<TimePoint> at_;  ///< End of the duration; nothing: it has none.
};

/// Takes messages from topics and writes them to files, or keeps them in memory until a trigger.
///
/// Thread safety: one thread.
class Recorder {
 public:
  /// `intake`, `files` and `presence` outlive this object.
  Recorder(const RecorderOptions& options, Intake& intake, Files& files, Presence& presence);

  /// Records until `end` has come. Then writes all that was sent by then, within kStopTime.
  /// \errors as Files::stop().
  Status run(const End& end);

 private:
  /// Writes a chunk, or puts it into the ring.
  void keep(interop::mcap::Chunk chunk, TimePoint now);
  /// Each 200 ms: new topics, log lines and events, deaths and missed deadlines.
  void look(TimePoint now);
  /// Answers callers whose files have ended.
  void answer();
  /// Notes of what was lost so far. Messages that wait to be taken count only at the end.
  std::map<std::string, interop::mcap::Notes> losses(bool at_end = false) const;
  /// Writes what the ring keeps to a file of its own, for the reason `why`.
  void trigger(const std::string& why, TimePoint now);
  void write_ring(TimePoint now);
  void take_pending(TimePoint until);
  void take_the_rest();

  Intake& intake_;
  Files& files_;
  Presence& presence_;
  std::optional<Ring> ring_;  ///< Nothing: everything is written.
  Nanos last_{};              ///< How long the ring keeps messages.
  HostWatch hosts_;
  interop::mcap::Chunk chunk_;        ///< The chunk that is being filled.
  std::string missed_;                ///< A missed deadline without a file yet; empty: none.
  std::uint64_t lost_ = 0;            ///< Messages lost at the disk, as of the last look.
  std::optional<TimePoint> written_;  ///< When the ring was last written; nothing: never.
};

}  // namespace horus::service
