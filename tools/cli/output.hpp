// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <horus/result.hpp>
#include <horus/time.hpp>

namespace horus::cli {

/// Exit codes of every command. `status` uses 1 for degraded and 2 for failed, `doctor` 1 for
/// warnings and 2 for failures.
enum ExitCode { kOk = 0, kError = 1, kUsage = 2, kNotRunning = 3, kNoPermission = 4 };

/// Standard output. Its reader (`head`, a pager) may close it at any time; that ends a command
/// without an error.
///
/// Thread safety: one thread.
class Output {
 public:
  /// Changes signals for the whole process: SIGPIPE is ignored, so that write() sees the error;
  /// SIGINT and SIGTERM only make wanted() false.
  Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() = default;

  /// Writes the whole text; drops it where an earlier write has failed.
  void write(std::string_view text);
  /// The errno of a write that failed, such as ENOSPC; 0: none. A reader that has closed its pipe
  /// is no error.
  int error() const noexcept { return error_; }
  /// Whether to go on: the reader is there, and no signal has asked the program to stop.
  bool wanted() const noexcept;
  /// Waits for `duration`, or until wanted() becomes false. With 0 it only checks whether the
  /// reader is still there.
  void wait(Nanos duration);

  bool is_terminal() const noexcept { return terminal_; }
  /// How many columns a line may have: of the terminal, else $COLUMNS, else kMaxWidth, as lines in
  /// a file need no wrapping. Always kMinWidth to kMaxWidth.
  std::size_t width() const;

  /// How many lines the terminal has: 24 where that is not known, at least 4.
  std::size_t height() const;

  static constexpr std::size_t kMinWidth = 80;
  static constexpr std::size_t kMaxWidth = 200;

 private:
  bool open_ = true;  ///< The reader is there, as far as is known.
  int error_ = 0;
  bool terminal_ = false;
};

/// Prints "horusctl: text" to standard error and returns `code`.
int fail(ExitCode code, std::string_view text);
/// The same for an error. The exit code is kNoPermission for kPermission, kUsage for
/// kInvalidArgument, kError for the rest.
int fail(const Error& error);
/// Prints "horusctl: text" to standard error, as a warning. Control characters are escaped.
void warn_of(std::string_view text);
/// An error in one line: what failed, on what, and the system's reason.
std::string error_line(const Error& error);

}  // namespace horus::cli
