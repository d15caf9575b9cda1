// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/result.hpp>

#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// The statistics as JSON: the reply of io.horus.Stats.Get, and what `horusctl stats --json`
/// prints. Writing and reading use the same table of fields (stats_fields.hpp).
Json to_json(const StatsView& stats);
Json to_json(const HostView& host);
Json to_json(const NodeView& node);

/// Reads statistics. Ignores unknown fields; a missing field keeps its default (WIRE-2). Fails with
/// kCorrupt and the field's name as subject if a field has the wrong type.
Result<StatsView> stats_from_json(const Json& json);

}  // namespace horus::wire
