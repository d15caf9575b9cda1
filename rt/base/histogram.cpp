// SPDX-License-Identifier: Apache-2.0
#include "rt/base/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace horus {

std::uint64_t HistogramSnapshot::count() const noexcept {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

std::int64_t HistogramSnapshot::percentile_ns(double quantile) const noexcept {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(
             std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(total))));
  // The highest rank is known exactly, not only to its bucket.
  if (rank == total) return max_ns;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    seen += buckets[i];
    if (seen < rank) continue;
    const std::int64_t low = ll5::lower_bound(i);
    const std::int64_t width = i + 1 < ll5::kBuckets ? ll5::lower_bound(i + 1) - low : 1;
    return std::min(low + (width - 1) / 2, max_ns);
  }
  return max_ns;
}

double HistogramSnapshot::mean_ns() const noexcept {
  const std::uint64_t total = count();
  return total == 0 ? 0.0 : static_cast<double>(sum_ns) / static_cast<double>(total);
}

void Histogram::record_outside(std::int64_t ns) noexcept {
  buckets_[ll5::index_of(ns)].add();
  sum_.add(ns);
  max_.raise(ns);
  lower(std::max<std::int64_t>(ns, 0));
}

void Histogram::lower(std::int64_t ns) noexcept {
  const std::int64_t plus_one = min_plus_one_.value();
  if (plus_one == 0 || ns < plus_one - 1) min_plus_one_.set(ns + 1);
}

HistogramSnapshot Histogram::snapshot() const noexcept {
  HistogramSnapshot copy;
  std::transform(buckets_.begin(), buckets_.end(), copy.buckets.begin(),
                 [](const Counter& bucket) { return bucket.value(); });
  copy.max_ns = max_.value();
  copy.min_ns = std::max<std::int64_t>(min_plus_one_.value() - 1, 0);
  copy.sum_ns = sum_.value();
  return copy;
}

void Histogram::carry(const HistogramSnapshot& past) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i].add(past.buckets[i]);
  sum_.add(past.sum_ns);
  max_.raise(past.max_ns);
  if (past.count() != 0) lower(past.min_ns);
}

}  // namespace horus
