// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "rt/event_log.hpp"

namespace horus::service {

/// A service's log: journald where stderr is the journal, else lines on stderr.
///
/// Thread safety: write(), lost() and say() from any thread that is not real-time.
/// Progress: they never wait for the journal. Lines go through a bounded queue to a thread of
/// their own, which may stall with journald; what does not fit is counted, and one line says how
/// many were lost.
class Journal final : public LogSink {
 public:
  /// `program` is the identifier of every line.
  explicit Journal(std::string program);
  /// Gives the thread a moment to write what is queued; a stalled one is left behind.
  ~Journal() override;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// A node's record, limited per node.
  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override;

  /// A line of the service itself, or, with `source`, of the host of that name.
  void say(LogLevel level, std::string_view text, std::string_view source = {}) noexcept;

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
  pthread_t thread_{};
  bool started_ = false;
};

}  // namespace horus::service
