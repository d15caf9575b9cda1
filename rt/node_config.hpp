// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/node.hpp>
#include <horus/result.hpp>

#include "rt/ladder.hpp"

namespace horus {

/// The first rule that `config` breaks, as kInvalidArgument that names the field.
[[nodiscard]] Status validate(const NodeConfig& config) noexcept;

/// The limits of the node's ticks: the given ones, or the defaults above. Event, async and
/// best-effort nodes have only the limits that are given.
[[nodiscard]] Budget effective_budget(const NodeConfig& config) noexcept;

/// The ladder of the node. Every node is warned. Its rate is halved only if `degrade` is set. It is
/// isolated, and then the run stopped, only if `ladder` is given, on_miss is safe_mode or stop, or
/// the node is an actuator.
[[nodiscard]] LadderPlan ladder_plan(const NodeConfig& config) noexcept;

}  // namespace horus
