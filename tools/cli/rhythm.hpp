// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <horus/time.hpp>

#include "service/wire/varlink.hpp"

namespace horus::cli {

/// Statistics of the intervals between messages. It does not store the intervals.
class Rhythm {
 public:
  /// A message was sent at `at`.
  void sent(TimePoint at) noexcept;
  /// Begins a new measurement; the interval from the last message to the next still counts.
  void restart() noexcept;

  std::uint64_t messages() const noexcept { return messages_; }
  std::uint64_t intervals() const noexcept { return intervals_; }
  double hz() const noexcept;  ///< Mean rate; 0 without an interval.
  double min_us() const noexcept { return min_us_; }
  double max_us() const noexcept { return max_us_; }
  double jitter_us() const noexcept;  ///< Standard deviation of the intervals.

 private:
  std::optional<TimePoint> last_;
  std::uint64_t messages_ = 0;
  std::uint64_t intervals_ = 0;
  double min_us_ = 0;
  double max_us_ = 0;
  // Welford's running mean and sum of squared differences: sums of squares would lose precision.
  double mean_us_ = 0;
  double squares_ = 0;
};

/// One line of text. `missed`: how many messages the subscription has missed meanwhile.
std::string rhythm_text(const Rhythm& rhythm, std::uint64_t missed);
wire::Json rhythm_json(std::string_view topic, const Rhythm& rhythm, std::uint64_t missed);

}  // namespace horus::cli
