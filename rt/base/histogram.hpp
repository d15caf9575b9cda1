// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "rt/base/counter.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// Log-linear buckets for durations: exact below 32 ns, then 32 buckets per power of two, up to
/// 2^36 ns (68.7 s); a bucket is at most 3.125 % wide. Negative values count as 0, larger ones
/// in the last bucket.
/// Source: the log-linear scheme of G. Tene's HdrHistogram, with 5 sub-bucket bits ("ll5").
namespace ll5 {

inline constexpr std::size_t kBuckets = 1024;

constexpr std::size_t index_of(std::int64_t ns) noexcept {
  if (ns < 32) return ns < 0 ? 0 : static_cast<std::size_t>(ns);
  const auto value = static_cast<std::uint64_t>(ns);
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  if (exponent >= 36) return kBuckets - 1;
  return (static_cast<std::size_t>(exponent - 4) << 5) | ((value >> (exponent - 5)) & 31U);
}

/// The smallest value that bucket `index` counts.
constexpr std::int64_t lower_bound(std::size_t index) noexcept {
  if (index < 32) return static_cast<std::int64_t>(index);
  const std::size_t exponent = (index >> 5) + 4;
  return static_cast<std::int64_t>((32 + (index & 31U)) << (exponent - 5));
}

}  // namespace ll5

/// A copy of a histogram, for a reader: percentiles are computed here, never by the writer.
struct HistogramSnapshot {
  std::array<std::uint64_t, ll5::kBuckets> buckets{};
  std::int64_t max_ns = 0;
  std::int64_t min_ns = 0;
  std::int64_t sum_ns = 0;

  std::uint64_t count() const noexcept;
  /// The value that `quantile` (0 to 1) of the counts do not exceed, as its bucket's midpoint,
  /// never beyond the largest value seen; 0 ns when empty.
  std::int64_t percentile_ns(double quantile) const noexcept;
  /// 0 when empty.
  double mean_ns() const noexcept;
};

/// Counts of durations in place, in memory that other processes may read.
///
/// Thread safety: record() from one thread; snapshot() from any thread or process.
/// Progress: wait-free; never reset.
class Histogram {
 public:
  /// RT-safe.
  void record(Nanos duration) noexcept {
    const std::int64_t ns = duration.count();
    buckets_[ll5::index_of(ns)].add();
    sum_.add(ns);
    max_.raise(ns);
    if (ns < min_plus_one_.value() - 1 || min_plus_one_.value() == 0) min_plus_one_.set(ns + 1);
  }
  HistogramSnapshot snapshot() const noexcept;
  /// Adds what an earlier life of the same node counted. Before the writer starts.
  void carry(const HistogramSnapshot& past) noexcept;

 private:
  std::array<Counter, ll5::kBuckets> buckets_{};
  Gauge max_{};
  Gauge min_plus_one_{};  // 0 means: nothing recorded, so that zeroed memory is an empty histogram.
  Gauge sum_{};
};

}  // namespace horus
