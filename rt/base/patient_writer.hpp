// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "rt/base/time.hpp"

namespace horus {

/// Writes all of `text` to `fd` unless its reader keeps us for longer than `patience`: a pipe that
/// nobody empties, a terminal that was stopped. False: it did not get all. A reader that is gone
/// keeps nobody.
bool write_within(int fd, std::string_view text, Nanos patience) noexcept;

/// Writes lines to a descriptor whose reader may stall. That keeps us once for a second; until it
/// reads on, lines are lost and counted.
///
/// Thread safety: all, from any thread.
class PatientWriter {
 public:
  explicit PatientWriter(int fd) noexcept : fd_{fd} {}

  /// How many lines were lost before this one, which was written; 0 also when it is lost itself.
  std::uint64_t write(std::string_view line) noexcept;
  /// Writes a line that says how many were lost. Where there is no room for it they are told by a
  /// later one.
  void tell(std::string_view line, std::uint64_t lost) noexcept;

 private:
  int fd_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace horus
