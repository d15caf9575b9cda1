// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/config.hpp"
#include "service/leaf.hpp"

namespace horus::service {

/// How a process ended.
struct ProcessEnd {
  bool success = false;
  bool terminated = false;  ///< By SIGTERM.
  std::string reason;       ///< "exit 0", "exit 3", "signal 9 (Killed)".
};

/// Whether `line` is what tell_crashes() writes of an end for `reason`: another program's words, or
/// a print of the host's own, are not.
bool tells_crash(std::string_view line, std::string_view reason) noexcept;

/// Splits a stream into lines; over-long ones are cut in pieces.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = 2000;

  /// The lines that `bytes` completes, without their ends.
  std::vector<std::string> feed(std::string_view bytes);
  /// What came after the last line's end.
  std::string rest() { return std::exchange(partial_, {}); }

 private:
  std::string partial_;
};

/// One running `python3 -m horus.host`. Its process group ends with this object, and with the
/// supervisor (PDEATHSIG).
class HostProcess {
 public:
  /// Starts the host. The child runs in a process group of its own, so that a terminal's ^C
  /// reaches it through the supervisor only. `robot`: of the service that has the host; empty: none
  /// has. `leaf` may be empty.
  static Result<HostProcess> spawn(const HostEntry& entry, Nanos stop_timeout,
                                   const std::string& robot, Leaf leaf);

  HostProcess(HostProcess&& other) noexcept;
  HostProcess& operator=(HostProcess&& other) noexcept;
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess();

  pid_t pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }    ///< Readable when it has ended.
  int output() const noexcept { return output_.get(); }  ///< stdout and stderr.
  int ready() const noexcept { return ready_.get(); }    ///< What it says of itself, line by line.

  /// Has it print its stacks; then it ends as with terminate().
  void report() noexcept;
  void terminate() noexcept;
  /// Has the interpreter's fault handler write every thread's stack, without the GIL, and end it.
  void abort() noexcept;
  /// The host and whatever it started.
  void kill() noexcept;
  /// Collects the exit status; call when pidfd() is readable.
  std::optional<ProcessEnd> reap() noexcept;

 private:
  HostProcess() = default;

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd output_;
  UniqueFd ready_;
  Leaf leaf_;
};

}  // namespace horus::service
