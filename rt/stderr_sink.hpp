// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <string>

#include <horus/log.hpp>

#include "rt/base/patient_writer.hpp"

namespace horus {

/// Writes each record as one line on stderr. If the journal or a supervisor reads stderr, the line
/// begins with syslog's level; otherwise it begins with the time and the level as a word. A reader
/// that stalls delays a line by a second at most, see PatientWriter.
///
/// Thread safety: all calls from any thread. Not RT-safe: it allocates.
class StderrSink final : public LogSink {
 public:
  /// Make the first one before another thread may change the environment.
  StderrSink() noexcept;

  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override;

  /// From now on lines begin with levels: a supervisor reads this process's stderr.
  static void write_for_supervisor() noexcept;
  /// Whether lines begin with levels: for a supervisor or for the journal.
  static bool writes_levels() noexcept;

 private:
  PatientWriter writer_{STDERR_FILENO};
};

}  // namespace horus
