// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "rt/base/printable.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

constexpr std::size_t kUsualHeight = 24;
constexpr std::size_t kMinHeight = 4;

volatile sig_atomic_t stop_asked = 0;

void ask_to_stop(int) {
  stop_asked = 1;
}

}  // namespace

Output::Output() : terminal_{::isatty(STDOUT_FILENO) == 1} {
  if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) {
    open_ = false;
    error_ = EBADF;
    // Standard output is closed. Open /dev/null in its place, or the next file that is opened would
    // get descriptor 1 and be written to. open_ stays false, so that nothing is written at all.
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && null != STDOUT_FILENO) ::dup2(null, STDOUT_FILENO);
  }
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = ask_to_stop;  // Without SA_RESTART, so that a signal ends a wait.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void Output::write(std::string_view text) {
  while (open_ && !text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) text.remove_prefix(static_cast<std::size_t>(n));
    if (n >= 0 || errno == EINTR) continue;
    open_ = false;
    // EPIPE: the reader has gone, which is no error.
    if (errno != EPIPE) error_ = errno;
  }
}

bool Output::wanted() const noexcept {
  return open_ && stop_asked == 0;
}

void Output::wait(Nanos duration) {
  if (!wanted()) return;
  // When the reader closes its end of a pipe, poll() reports POLLERR without any write.
  pollfd reader{STDOUT_FILENO, 0, 0};
  const timespec time{duration.count() / 1'000'000'000, duration.count() % 1'000'000'000};
  if (::ppoll(&reader, 1, &time, nullptr) > 0) open_ = false;
}

std::size_t Output::width() const {
  std::size_t columns = kMaxWidth;
  winsize size{};
  const char* variable = std::getenv("COLUMNS");  // NOLINT(concurrency-mt-unsafe): one thread
  if (terminal_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    columns = size.ws_col;
  } else if (variable != nullptr) {
    std::from_chars(variable, variable + std::strlen(variable), columns);
  }
  return std::clamp(columns, kMinWidth, kMaxWidth);
}

std::size_t Output::height() const {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0;
  return std::max<std::size_t>(known ? size.ws_row : kUsualHeight, kMinHeight);
}

void warn_of(std::string_view text) {
  std::string line = "horusctl: ";
  line += printable(text);
  line += '\n';
  // A failure is ignored: there is nowhere else to report it.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

int fail(ExitCode code, std::string_view text) {
  warn_of(text);
  return code;
}

int fail(const Error& error) {
  const ExitCode code = error.code == Errc::kPermission        ? kNoPermission
                        : error.code == Errc::kInvalidArgument ? kUsage
                                                               : kError;
  return fail(code, error_line(error));
}

std::string error_line(const Error& error) {
  std::string text = error.what;
  const std::string_view subject = error.subject.view();
  // A subject with a blank is a sentence that says what is wrong; any other one is a name.
  if (subject.find(' ') != subject.npos) {
    text.append(": ").append(subject);
  } else if (!subject.empty()) {
    text.append(" '").append(subject).append("'");
  }
  if (error.os_errno != 0) text += ": " + std::generic_category().message(error.os_errno);
  return text;
}

}  // namespace horus::cli
