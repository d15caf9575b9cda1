// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <horus/realtime.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// Writes the degradations into a host's page; those beyond HostStats::kMaxDegradations are left
/// out. Call it before the host has threads.
void publish(const std::vector<Degradation>& degraded, HostStats& stats) noexcept;

}  // namespace horus
