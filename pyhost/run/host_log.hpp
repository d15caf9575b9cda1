// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "rt/stderr_sink.hpp"
#include "shm/log_page.hpp"

namespace horus::py {

/// Writes what a host logs to stderr, and keeps it in the host's log page.
class HostLog final : public LogSink {
 public:
  /// Keeps what is written in `page`, too; before the first record.
  void keep(std::shared_ptr<shm::LogPage> page) noexcept { page_ = std::move(page); }
  /// Takes the page's name away, at a clean end. From any thread.
  void unname() noexcept {
    if (page_) page_->remove();
  }

  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override { stderr_.lost(count); }

 private:
  StderrSink stderr_;
  std::shared_ptr<shm::LogPage> page_;  ///< Null: nothing is kept.
};

/// A supervisor reads stderr.
void log_for_supervisor() noexcept;
bool logs_for_supervisor() noexcept;

/// What is logged while nothing runs is written as in a run.
void log_between_runs() noexcept;

}  // namespace horus::py
