// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/result.hpp"
#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// The statistics' JSON: the reply of io.horus.Stats.Get, and what `horusctl stats --json` prints.
/// One table of fields writes it and reads it.
Json to_json(const StatsView& stats);
Json to_json(const HostView& host);
Json to_json(const NodeView& node);

/// Ignores fields that it does not know; a missing field keeps its default. Fails with kCorrupt
/// naming the field when one is of the wrong type.
Result<StatsView> stats_from_json(const Json& json);

}  // namespace horus::wire
