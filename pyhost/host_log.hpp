// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/event_log.hpp"

namespace horus::py {

/// Writes log records to stderr: with syslog's priority prefix where that is the journal or a
/// supervisor, for a person elsewhere.
class HostLog final : public LogSink {
 public:
  struct Options {
    bool debug = false;   ///< Debug records are written, too.
    bool prefix = false;  ///< A supervisor reads stderr.
  };
  explicit HostLog(Options options) noexcept;

  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override;

 private:
  bool debug_;
  bool prefix_;
};

}  // namespace horus::py
