// SPDX-License-Identifier: Apache-2.0
#include "rt/base/patient_writer.hpp"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace horus {
namespace {

constexpr Nanos kLinePatience = 1s;

}  // namespace

bool write_within(int fd, std::string_view text, Nanos patience) noexcept {
  const TimePoint until = MonotonicClock::now() + patience;
  while (!text.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - MonotonicClock::now());
    pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&room, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    // POLLOUT on a pipe means that this much fits, so write() does not block.
    const ssize_t written = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    // Another process that shares the open file may have made it non-blocking.
    if (written < 0 && errno == EAGAIN && MonotonicClock::now() >= until) return false;
    if (written < 0 && errno != EINTR && errno != EAGAIN) return true;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

// relaxed throughout: no other data depends on the number.
std::uint64_t PatientWriter::write(std::string_view line) noexcept {
  const bool stalls = lost_.load(std::memory_order_relaxed) > 0;
  if (write_within(fd_, line, stalls ? Nanos{} : kLinePatience)) {
    return lost_.exchange(0, std::memory_order_relaxed);
  }
  lost_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void PatientWriter::tell(std::string_view line, std::uint64_t lost) noexcept {
  if (!write_within(fd_, line, Nanos{})) lost_.fetch_add(lost, std::memory_order_relaxed);
}

}  // namespace horus
