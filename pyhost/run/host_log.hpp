// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "rt/stderr_sink.hpp"
#include "shm/log_page.hpp"

namespace horus::py {

/// Writes the log of a host to stderr and into the host's log page.
///
/// Thread safety: write() and lost() from the log's thread, unname() from any.
class HostLog final : public LogSink {
 public:
  /// Where records are kept besides stderr. Call before the first record.
  void keep(std::shared_ptr<shm::LogPage> page) noexcept { page_ = std::move(page); }
  /// Takes the page's file away, at a clean end.
  void unname() noexcept {
    if (page_) page_->remove();
  }

  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override { stderr_.lost(count); }

 private:
  StderrSink stderr_;
  std::shared_ptr<shm::LogPage> page_;  ///< Null: nothing is kept.
};

/// A supervisor reads stderr: from now on lines are written in its format, for this process's whole
/// life.
void log_for_supervisor() noexcept;
/// Whether log_for_supervisor() was called.
bool logs_for_supervisor() noexcept;

/// Makes lines that are logged while no scheduler runs go to stderr as well. Call once, at import.
void log_between_runs() noexcept;

}  // namespace horus::py
