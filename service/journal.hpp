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
  ~Journal() override;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// From now on the last lines are kept in shared memory as well: each Python host's under its
  /// name, the others under `own`. Until a clean end.
  void keep(const std::string& base, const std::string& own);

  /// A node's record, limited per node.
  void write(const LogRecord& record) noexcept override;
  void lost(std::uint64_t count) noexcept override;

  /// A line of the service itself, or, with `host`, of the Python host of that name.
  void say(LogLevel level, std::string_view text, std::string_view host = {}) noexcept;
  /// A line of the service itself about a host, or a node of it, which the text names.
  void say_about(std::string_view host, std::string_view node, LogLevel level,
                 std::string_view text) noexcept;

  /// The last call: gives the thread a moment to write what is queued, and says whether that was
  /// enough. A stalled one is left behind.
  bool close() noexcept;

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
  pthread_t thread_{};
  bool started_ = false;
};

}  // namespace horus::service
