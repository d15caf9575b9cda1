// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <horus/time.hpp>

#include "rt/base/counter.hpp"

namespace horus {

/// Log-linear buckets for durations. They are exact below 32 ns. Above, each power of two has 32
/// buckets, up to 2^36 ns (68.7 s), so a bucket is at most 3.125 % wide. Negative values count as
/// 0, larger ones in the last bucket. Source: the log-linear scheme of G. Tene's HdrHistogram, with
/// 5 sub-bucket bits ("ll5").
namespace ll5 {

inline constexpr std::size_t kBuckets = 1024;
inline constexpr std::uint64_t kEnd = std::uint64_t{1} << 36;

/// The bucket of a value below kEnd.
constexpr std::size_t index_within(std::uint64_t value) noexcept {
  if (value < 32) return value;
  // A double holds the value exactly. Its exponent and the 5 mantissa bits after it are the index,
  // but for an offset: 32 has the exponent 1023 + 5 and the index 32.
  constexpr std::uint64_t kOffset = (1023 + 4) << 5;
  const auto number = static_cast<double>(static_cast<std::int64_t>(value));
  return (std::bit_cast<std::uint64_t>(number) >> 47) - kOffset;
}

/// The bucket of any value.
constexpr std::size_t index_of(std::int64_t ns) noexcept {
  if (ns < 0) return 0;
  const auto value = static_cast<std::uint64_t>(ns);
  return value < kEnd ? index_within(value) : kBuckets - 1;
}

/// The smallest value that bucket `index` counts.
constexpr std::int64_t lower_bound(std::size_t index) noexcept {
  if (index < 32) return static_cast<std::int64_t>(index);
  const std::size_t exponent = (index >> 5) + 4;
  return static_cast<std::int64_t>((32 + (index & 31U)) << (exponent - 5));
}

}  // namespace ll5

/// A reader's copy of a histogram. Percentiles are computed on it, never by the writer.
struct HistogramSnapshot {
  std::array<std::uint64_t, ll5::kBuckets> buckets{};
  std::int64_t max_ns = 0;
  std::int64_t min_ns = 0;
  std::int64_t sum_ns = 0;

  std::uint64_t count() const noexcept;
  /// The value that a share `quantile` (0 to 1) of the counts does not exceed. It is the midpoint
  /// of a bucket, but never above the largest value seen; 0 ns when empty.
  std::int64_t percentile_ns(double quantile) const noexcept;
  /// The mean of the recorded durations; 0 when empty.
  double mean_ns() const noexcept;
};

/// A histogram of durations that is counted in place, in memory that other processes may read.
///
/// Thread safety: record(), record_within() and carry() from one thread; snapshot() and sum() from
/// any thread or process. A snapshot taken during a record() may hold a part of it.
/// Progress: wait-free. It is never reset.
class Histogram {
 public:
  /// RT-safe. Counts one duration.
  void record(Nanos duration) noexcept {
    const std::int64_t ns = duration.count();
    const auto value = static_cast<std::uint64_t>(ns);
    // One comparison for both ends of the range: as unsigned, a negative number is huge.
    if (value >= ll5::kEnd) [[unlikely]]
      return record_outside(ns);
    record_within(value);
  }
  /// RT-safe. Counts one duration; `ns` must be below ll5::kEnd.
  void record_within(std::uint64_t ns) noexcept {
    buckets_[ll5::index_within(ns)].add();
    const auto value = static_cast<std::int64_t>(ns);
    sum_.add(value);
    max_.raise(value);
    // One comparison again: when nothing is recorded yet, 0 - 1 is larger than any value.
    if (static_cast<std::uint64_t>(min_plus_one_.value() - 1) > ns) min_plus_one_.set(value + 1);
  }
  // always_inline, both: gcc takes a function that only prefetches for one without effect, and
  // leaves out its calls.
  /// RT-safe. Fetches into the cache what every record() touches.
  [[gnu::always_inline]] void prefetch() const noexcept { __builtin_prefetch(&max_, 1); }
  /// RT-safe. Fetches what record(duration) touches besides.
  [[gnu::always_inline]] void prefetch(Nanos duration) const noexcept {
    __builtin_prefetch(&buckets_[ll5::index_of(duration.count())], 1);
  }
  /// A copy of all counts.
  HistogramSnapshot snapshot() const noexcept;
  /// The sum of all durations recorded.
  Nanos sum() const noexcept { return Nanos{sum_.value()}; }
  /// Adds what an earlier life of the same node counted. Call it before the writer starts.
  void carry(const HistogramSnapshot& past) noexcept;

 private:
  void record_outside(std::int64_t ns) noexcept;
  void lower(std::int64_t ns) noexcept;

  // These come first, so that they share a page with the buckets of short durations: with cold
  // caches a tick pays for each page that it touches.
  Gauge max_{};
  Gauge min_plus_one_{};  // 0: nothing recorded yet. So zeroed memory is an empty histogram.
  Gauge sum_{};
  std::array<Counter, ll5::kBuckets> buckets_{};
};

}  // namespace horus
