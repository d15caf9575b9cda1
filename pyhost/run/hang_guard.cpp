// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/hang_guard.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

#include <horus/log.hpp>

#include "rt/base/patient_writer.hpp"
#include "rt/stderr_sink.hpp"
#include "shm/leave.hpp"

namespace horus::py {
namespace {

// The exit code of a process that leaves a callback behind. EX_TEMPFAIL: another try may succeed.
constexpr int kLeftBehind = 75;

// A reader that stalls must not block the watchdog's thread for longer.
constexpr Nanos kStackPatience = 500ms;

void write_text(int fd, std::string_view text) noexcept {
  // A failure is ignored: there is nowhere else to report it.
  static_cast<void>(write_within(fd, text, kStackPatience));
}

}  // namespace

HangGuard::HangGuard(PyInterpreterState* interpreter, Options options)
    : interpreter_{interpreter},
      options_{std::move(options)},
      dump_{reinterpret_cast<Dump>(::dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads"))},
      dumped_{::memfd_create("horus-stacks", MFD_CLOEXEC)} {}

void HangGuard::slow_start(const BlockedCall& /*call*/) noexcept {
  dump_stacks();
}

void HangGuard::hung(const BlockedCall& /*call*/, std::string_view why) noexcept {
  std::array<char, 320> text{};
  std::snprintf(text.data(), text.size(), "hang: %.*s%s", static_cast<int>(why.size()), why.data(),
                options_.supervisor >= 0 ? "; the host is ended" : "");
  // Tell the reason first: printing the stacks may fail.
  tell("hang: ", why);
  if (options_.supervisor >= 0) {
    // Written at once, not through the log's thread: the supervisor may kill this process first.
    StderrSink{}.write({.level = LogLevel::kError,
                        .at = MonotonicClock::now(),
                        .text = Name<384>::clipped(text.data())});
  } else {
    log(LogLevel::kError, text.data());
  }
  // Without _Py_DumpTracebackThreads: the supervisor has enabled Python's fault handler, which on
  // SIGABRT prints the stacks and ends the process.
  if (dump_ == nullptr && options_.supervisor >= 0) ::kill(::getpid(), SIGABRT);
  dump_stacks();
  tell("stacks", "");
}

bool HangGuard::wants_stop() noexcept {
  return options_.signals->interrupts() > 0 || options_.signals->endings() > 0;
}

void HangGuard::interrupt(const BlockedCall& call) noexcept {
  if (call.in != NodeActivity::kNone) options_.interrupt(call.node);
}

bool HangGuard::hurried() noexcept {
  return options_.signals->interrupts() > 1;
}

void HangGuard::give_up(const BlockedCall& call) noexcept {
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(), "%s did not come back from its %s",
                who(call).view().data(), where(call));
  tell("failed: ", text.data());
  options_.remove_pages();
  shm::leave_at_once(options_.base);
  ::_exit(kLeftBehind);
}

void HangGuard::dump_stacks() const noexcept {
  if (dump_ == nullptr || !dumped_) return;
  // The dump writes without a time-out, so it goes to a memory file first. The file is then copied
  // to stderr with one.
  if (::ftruncate(dumped_.get(), 0) != 0 || ::lseek(dumped_.get(), 0, SEEK_SET) != 0) return;
  const char* const failed = dump_(dumped_.get(), interpreter_, nullptr);
  write_text(STDERR_FILENO, "the Python stacks of all threads:\n");
  if (failed != nullptr) write_text(STDERR_FILENO, failed);
  std::array<char, 4096> block{};
  off_t at = 0;
  for (ssize_t count = 0; (count = ::pread(dumped_.get(), block.data(), block.size(), at)) > 0;
       at += count) {
    if (!write_within(STDERR_FILENO, {block.data(), static_cast<std::size_t>(count)},
                      kStackPatience)) {
      return;
    }
  }
}

void HangGuard::tell(std::string_view word, std::string_view text) const noexcept {
  if (options_.supervisor < 0) return;
  std::array<char, 400> line{};
  const int length =
      std::snprintf(line.data(), line.size(), "%.*s%.*s\n", static_cast<int>(word.size()),
                    word.data(), static_cast<int>(text.size()), text.data());
  write_text(options_.supervisor, {line.data(), static_cast<std::size_t>(length)});
}

}  // namespace horus::py
