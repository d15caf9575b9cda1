// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/rhythm.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tools/cli/text.hpp"

namespace horus::cli {

void Rhythm::sent(TimePoint at) noexcept {
  ++messages_;
  if (last_) {
    // With two publishers a message may arrive before one that was sent earlier.
    at = std::max(at, *last_);
    const double us = static_cast<double>(to_ns(at - *last_)) / 1e3;
    min_us_ = intervals_ == 0 ? us : std::min(min_us_, us);
    max_us_ = std::max(max_us_, us);
    ++intervals_;
    const double difference = us - mean_us_;
    mean_us_ += difference / static_cast<double>(intervals_);
    squares_ += difference * (us - mean_us_);
  }
  last_ = at;
}

void Rhythm::restart() noexcept {
  const auto last = last_;
  *this = {};
  last_ = last;
}

double Rhythm::hz() const noexcept {
  return mean_us_ > 0 ? 1e6 / mean_us_ : 0;
}

double Rhythm::jitter_us() const noexcept {
  return intervals_ == 0 ? 0 : std::sqrt(squares_ / static_cast<double>(intervals_));
}

std::string rhythm_text(const Rhythm& rhythm, std::uint64_t missed) {
  std::string text =
      rhythm.intervals() == 0
          ? fmt::format("{} messages", rhythm.messages())
          : fmt::format("{:.2f} Hz  min {}  max {}  jitter {}  ({} messages)", rhythm.hz(),
                        duration_text(rhythm.min_us()), duration_text(rhythm.max_us()),
                        duration_text(rhythm.jitter_us()), rhythm.messages());
  if (missed != 0) text += fmt::format("  missed {}", missed);
  return text + "\n";
}

wire::Json rhythm_json(std::string_view topic, const Rhythm& rhythm, std::uint64_t missed) {
  return {{"topic", topic},
          {"hz", rhythm.hz()},
          {"min_us", rhythm.min_us()},
          {"max_us", rhythm.max_us()},
          {"jitter_us", rhythm.jitter_us()},
          {"messages", rhythm.messages()},
          {"missed", missed}};
}

}  // namespace horus::cli
