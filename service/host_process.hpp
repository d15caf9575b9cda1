// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "service/config.hpp"
#include "service/leaf.hpp"

namespace horus::service {

/// How a process ended.
struct ProcessEnd {
  bool success = false;     ///< With exit code 0.
  bool terminated = false;  ///< By SIGTERM.
  std::string reason;       ///< In words, e.g. "it ended (exit code 0)".
};

/// Whether `line` is the line that tell_crashes() prints for an end with `reason`. Lines of other
/// programs, and other lines that the host prints, are not.
bool tells_crash(std::string_view line, std::string_view reason) noexcept;

/// Splits a stream into lines. A line of more than kMaxLine bytes is cut into pieces.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = 2000;

  /// The lines that `bytes` completes, without their line ends.
  std::vector<std::string> feed(std::string_view bytes);
  /// Takes what came after the last line end.
  std::string rest() { return std::exchange(partial_, {}); }

 private:
  std::string partial_;
};

/// One running `python3 -m horus.host`. The destructor kills it with all that it started; the
/// kernel kills it when the supervisor dies (PDEATHSIG).
///
/// Thread safety: one thread.
class HostProcess {
 public:
  /// Starts the host. It runs in a process group of its own, so that a terminal's Ctrl+C reaches it
  /// through the supervisor only. `robot` is the name of the robot that the host belongs to; empty:
  /// none. `leaf` may be empty. Fails without a descriptor or process. A program that cannot be
  /// executed does not fail here: it says why on output() and exits with 127.
  static Result<HostProcess> spawn(const HostEntry& entry, Nanos stop_timeout,
                                   const std::string& robot, Leaf leaf);

  HostProcess(HostProcess&& other) noexcept;
  HostProcess& operator=(HostProcess&& other) noexcept;
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess();

  pid_t pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }    ///< Readable once it has ended.
  int output() const noexcept { return output_.get(); }  ///< stderr, and stdout unless shared.
  int ready() const noexcept { return ready_.get(); }    ///< Its reports, one per line.

  /// SIGQUIT: the host prints its stacks, then ends as with terminate().
  void report() noexcept;
  /// SIGTERM: asks for a clean end.
  void terminate() noexcept;
  /// SIGABRT: the interpreter's fault handler writes every thread's stack, without the GIL, and the
  /// process ends.
  void abort() noexcept;
  /// SIGKILL to the host and to whatever it started.
  void kill() noexcept;
  /// Collects the exit status and kills what the host left running. Nothing: it has not ended yet.
  /// Call it when pidfd() is readable. Afterwards the calls that signal it do nothing.
  std::optional<ProcessEnd> reap() noexcept;

 private:
  HostProcess() = default;
  void signal(int number) noexcept;

  pid_t pid_ = -1;  ///< -1: none, or it was reaped.
  UniqueFd pidfd_;
  UniqueFd output_;
  UniqueFd ready_;
  Leaf leaf_;
};

}  // namespace horus::service
