// SPDX-License-Identifier: Apache-2.0
#include "rt/base/failures.hpp"

#include <algorithm>

namespace horus {
namespace {

/// As much of the end of `trace` as fits: the line that raised the exception comes last.
Name<1504> end_of(std::string_view trace) noexcept {
  constexpr std::size_t kMost = Name<1504>::kMaxLength;
  if (trace.size() <= kMost) return Name<1504>::clipped(trace);
  trace.remove_prefix(trace.size() - kMost);
  // Begins with a whole line, unless one line fills all the space.
  const std::size_t line = trace.find('\n');
  return Name<1504>::clipped(line + 1 < trace.size() ? trace.substr(line + 1) : trace);
}

}  // namespace

void count(Failures& failures, const Thrown& thrown, std::uint64_t tick, TimePoint now) noexcept {
  const auto type = Name<96>::clipped(thrown.type);
  Seqlock<Failure>* place = nullptr;
  Failure oldest;
  for (auto& kind : failures.kinds) {
    const Failure known = kind.load().value_or(Failure{});
    if (place != nullptr && known.type != type && known.last_ns >= oldest.last_ns) continue;
    place = &kind;
    oldest = known;
    if (known.type == type) break;
  }
  Failure failure = oldest;
  if (failure.type != type) {
    failure = Failure{};
    failure.type = type;
    failure.first_ns = to_ns(now);
  }
  failure.message = Name<288>::clipped(thrown.message);
  if (!thrown.trace.empty()) failure.trace = end_of(thrown.trace);
  ++failure.count;
  failure.tick = tick;
  failure.last_ns = to_ns(now);
  place->store(failure);
}

void carry(Failures& to, const Failures& past) noexcept {
  for (std::size_t i = 0; i < Failures::kMost; ++i) {
    to.kinds[i].store(past.kinds[i].load().value_or(Failure{}));
  }
}

}  // namespace horus
