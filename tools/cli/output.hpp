// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"

namespace horus::cli {

/// Exit codes of every command; `status` gives kError for degraded and kUsage for failed.
enum ExitCode { kOk = 0, kError = 1, kUsage = 2, kNotRunning = 3, kNoPermission = 4 };

/// Standard output. Who reads it may go away at any time: that ends a command, quietly.
///
/// Thread safety: one thread.
class Output {
 public:
  /// Also makes SIGPIPE an error of write(), SIGINT and SIGTERM a wish: see wanted().
  Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() = default;

  void write(std::string_view text);
  /// errno of what kept a text from being written, where somebody still wants to read; 0: nothing.
  int error() const noexcept { return error_; }
  /// Whether to go on: somebody reads, and nobody asked us to stop.
  bool wanted() const noexcept;
  /// Waits for `duration` or until it is not wanted() any more. With 0: only looks whether the
  /// reader is still there.
  void wait(Nanos duration);

  bool is_terminal() const noexcept { return terminal_; }
  /// Columns of the terminal, else $COLUMNS, else kMaxWidth: lines for a file need no wrapping.
  /// Always kMinWidth to kMaxWidth.
  std::size_t width() const;

  /// Lines of the terminal.
  std::size_t height() const;

  static constexpr std::size_t kMinWidth = 80;
  static constexpr std::size_t kMaxWidth = 200;

 private:
  bool open_ = true;
  int error_ = 0;
  bool terminal_ = false;
};

/// Prints "horusctl: text" to standard error and returns `code`.
int fail(ExitCode code, std::string_view text);
/// The same for an error: what failed, about what, and why; the code follows from it.
int fail(const Error& error);
/// One line on standard error: something that may not be as it was meant.
void warn_of(std::string_view text);
/// What `error` says, in one line.
std::string error_line(const Error& error);

}  // namespace horus::cli
