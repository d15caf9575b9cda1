// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <boost/lockfree/spsc_queue.hpp>

namespace rover {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_{fd} {}
  Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// Joins two threads, of which neither waits for the other: push() and pop() are wait-free.
template <typename T>
using Ring = boost::lockfree::spsc_queue<T, boost::lockfree::capacity<256>>;

/// Writes a text field of a message; the rest of it is zero, and so is its last byte.
template <std::size_t kSize>
void set_text(std::uint8_t (&field)[kSize], std::string_view text) noexcept {
  std::fill(std::begin(field), std::end(field), std::uint8_t{0});
  std::copy_n(text.begin(), std::min(text.size(), kSize - 1), field);
}

/// What messages are stamped with: nanoseconds since 1970. RT-safe: the vDSO answers it.
inline std::uint64_t wall_clock_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace rover
