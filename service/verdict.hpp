// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "service/config.hpp"
#include "service/wire/health.hpp"

namespace horus::service {

/// The verdict on the robot of a configuration: reads the statistics pages and the supervisor's
/// board under `base`, and judges them. `config` has passed check_config(). Bounded by stats_limit:
/// hosts beyond it that are not configured are not judged, which a note says. Not RT-safe.
wire::HealthView verdict_on(const Config& config, const std::string& base);

}  // namespace horus::service
