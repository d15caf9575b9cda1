// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Hooks of a checker that is loaded before the program (horus launch --check-rt). Without a
/// checker they are null. Called on the node's thread before and after each tick.
extern "C" {
[[gnu::weak, gnu::visibility("default")]] void horus_tick_begins(const char* node,
                                                                 std::uint64_t number) noexcept;
[[gnu::weak, gnu::visibility("default")]] void horus_tick_ended() noexcept;
}
