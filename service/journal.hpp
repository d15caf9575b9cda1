// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <horus/log.hpp>

namespace horus::service {

/// A service's log: goes to journald if stderr is the journal, else as lines to stderr.
///
/// Thread safety: write(), lost(), say(), say_about() and keep() from any thread that is not
/// real-time; the rest from the owner's thread.
/// Progress: no call waits for the journal. Lines go through a bounded queue to a thread of this
/// object, which stalls if journald does. Lines that do not fit are counted, and one line says how
/// many were lost. Calls allocate and take a lock.
class Journal final : public LogSink {
 public:
  /// `program` is the identifier of every line. If the thread cannot be started, nothing is logged.
  explicit Journal(std::string program);
  ~Journal() override;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// From now on also keeps the last lines in shared memory under `base`, for `horusctl` and the
  /// recorder: each Python host's under its name, all others under `own`. A clean end removes them;
  /// after a crash they stay.
  void keep(const std::string& base, const std::string& own);

  /// Logs a node's record. More than SourceLogLimit allows for the node are counted, not logged.
  void write(const LogRecord& record) noexcept override;
  /// Notes that `count` records were lost before they came here.
  void lost(std::uint64_t count) noexcept override;

  /// Logs a line of the service itself; with `host` a line that the Python host of that name
  /// printed. At most 2048 bytes; control characters become '?'.
  void say(LogLevel level, std::string_view text, std::string_view host = {}) noexcept;
  /// Logs a line of the service itself about a host, or about a node of it (else `node` is empty).
  /// The text must name them; they are also fields of the journal entry.
  void say_about(std::string_view host, std::string_view node, LogLevel level,
                 std::string_view text) noexcept;

  /// The last call: waits up to 0.5 s until all lines are written, and returns whether they are.
  /// A thread that stalls is left behind.
  bool close() noexcept;

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
  pthread_t thread_{};
  bool started_ = false;
};

}  // namespace horus::service
