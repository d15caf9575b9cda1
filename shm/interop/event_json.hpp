// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "rt/base/black_box.hpp"
#include "shm/interop/message_json.hpp"

/// Events of black boxes as JSON: in recordings, and of `horusctl blackbox --json`.
namespace horus::interop {

/// The topic that they have in a recording, and what its channel's "horus.type" says.
inline constexpr const char* kEventTopic = "horus/events";
inline constexpr const char* kEventType = "event";

/// "host", "time_us" (since 1970), "monotonic_ns", "sequence" (of its host's), "event", "node"
/// (empty: the host itself), "tick" (null: in none), "text", then the kind's own numbers:
/// docs/blackbox.md.
MessageJson event_json(std::string_view host, std::int64_t at_us, const Event& event);

}  // namespace horus::interop
