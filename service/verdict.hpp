// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "service/config.hpp"
#include "service/wire/health.hpp"

namespace horus::service {

/// How the robot of a configuration is, by the statistics under `base`.
wire::HealthView verdict_on(const Config& config, const std::string& base);

}  // namespace horus::service
