// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace horus::bench {

/// What a row of bench_topic is to reach: a ratio to its floor at most, or a number of its own
/// unit.
struct Target {
  enum class Of : std::uint8_t { kRatio, kAtMost, kAtLeast };
  std::string_view end{};  ///< Of the row's name.
  double bound = 0;
  Of of = Of::kRatio;

  bool met(double value, double ratio) const noexcept {
    switch (of) {
      case Of::kRatio: return ratio <= bound;
      case Of::kAtMost: return value <= bound;
      default: return value >= bound;
    }
  }
};

/// The first that fits counts.
inline constexpr std::array kTargets{
    // A publisher's own cost, and its messages a second between two processors, in millions.
    Target{"same/16B/send", 25, Target::Of::kAtMost},
    Target{"same/64B/send", 25, Target::Of::kAtMost},
    Target{"stream/16B/received", 20, Target::Of::kAtLeast},
    // A line that goes there and comes back.
    Target{"polling/16B", 1.7},
    Target{"polling/64B", 1.7},
    Target{"polling/image_1MiB", 3},
    // The copies, and little beside them.
    Target{"polling/64KiB", 1.7},
    Target{"polling/1MiB", 1.7},
    Target{"polling/copied_1MiB", 1.3},
    Target{"polling/copied_1080p", 1.3},
    // A futex call, and a walk over the subscribers.
    Target{"sleeping/16B", 1.3},
    Target{"burst/16_sleepers/send", 1.5},
    // Four files in place of two, checked, named and found.
    Target{"open/opened", 10},
    Target{"open/attached", 10},
    Target{"session/attach", 10},
    // Nothing of a camera that comes is done in the reader's call.
    Target{"session/cameras/longest_take", 3},
    // Code and lines have left the caches since. Of a frame, a block is taken and its pixels stay
    // where they are.
    Target{"cold/64B/send", 1000, Target::Of::kAtMost},
    Target{"cold/64B/take", 1000, Target::Of::kAtMost},
    Target{"cold/1080p/send", 3000, Target::Of::kAtMost},
    Target{"cold/1080p/take", 2000, Target::Of::kAtMost},
};

inline std::optional<Target> target_of(std::string_view row) noexcept {
  const auto found = std::ranges::find_if(
      kTargets, [row](const Target& target) { return row.ends_with(target.end); });
  return found == kTargets.end() ? std::nullopt : std::optional{*found};
}

}  // namespace horus::bench
