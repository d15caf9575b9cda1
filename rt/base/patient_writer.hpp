// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include <horus/time.hpp>

namespace horus {

/// Writes all of `text` to `fd`, but waits at most `patience` for its reader, which may be a pipe
/// that nobody empties or a stopped terminal. Returns false when the time was over before all was
/// written. Returns true also when the descriptor cannot be written at all, e.g. because its reader
/// is gone.
bool write_within(int fd, std::string_view text, Nanos patience) noexcept;

/// Writes lines to a descriptor whose reader may stall. The first line that does not get through
/// waits for a second. After that lines do not wait: they are lost and counted until the reader
/// reads again.
///
/// Thread safety: all calls from any thread. Not RT-safe.
class PatientWriter {
 public:
  explicit PatientWriter(int fd) noexcept : fd_{fd} {}

  /// Writes a line. Returns how many lines were lost before it since the last report. Returns 0
  /// also when this line itself is lost.
  std::uint64_t write(std::string_view line) noexcept;
  /// Writes a line that reports `lost` lost lines, without waiting. If it cannot be written, they
  /// are counted as lost again, for a later report.
  void tell(std::string_view line, std::uint64_t lost) noexcept;

 private:
  int fd_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace horus
