// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Defined by a checker that was loaded before the program (horus launch --check-rt); null without.
/// On the node's thread, around each tick.
extern "C" {
[[gnu::weak, gnu::visibility("default")]] void horus_tick_begins(const char* node,
                                                                 std::uint64_t number) noexcept;
[[gnu::weak, gnu::visibility("default")]] void horus_tick_ended() noexcept;
}
