// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "rt/base/unique_fd.hpp"

namespace horus::test {

/// How often somebody opens a file, as the kernel tells it.
class OpenCount {
 public:
  explicit OpenCount(const std::string& path) {
    EXPECT_GE(::inotify_add_watch(inotify_.get(), path.c_str(), IN_OPEN), 0);
  }
  /// Since the last time.
  std::size_t take() noexcept {
    std::size_t count = 0;
    alignas(inotify_event) std::array<char, 4096> events{};
    for (;;) {
      const ssize_t size = ::read(inotify_.get(), events.data(), events.size());
      if (size <= 0) return count;
      // The event of a file has no name.
      count += static_cast<std::size_t>(size) / sizeof(inotify_event);
    }
  }

 private:
  UniqueFd inotify_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
};

}  // namespace horus::test
