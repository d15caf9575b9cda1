// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <string>

#include "rt/base/patient_writer.hpp"
#include "rt/event_log.hpp"

namespace horus {

/// Writes each record as one line on stderr: with syslog's level in front where the journal or a
/// supervisor reads it, with the time and a word for people.
///
/// Thread safety: all, from any thread.
class StderrSink final : public LogSink {
 public:
  StderrSink() noexcept;

  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override;

  /// Who reads this process's stderr wants levels, though it is not the journal itself.
  static void write_for_supervisor() noexcept;
  /// Whether that is so, or it is the journal.
  static bool writes_levels() noexcept;

 private:
  PatientWriter writer_{STDERR_FILENO};
};

}  // namespace horus
