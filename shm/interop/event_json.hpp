// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "rt/base/black_box.hpp"
#include "shm/interop/message_json.hpp"

/// Events of black boxes as JSON, for recordings and for `horusctl blackbox --json`.
namespace horus::interop {

/// The topic of these events in a recording, and the "horus.type" of its channel.
inline constexpr const char* kEventTopic = "horus/events";
inline constexpr const char* kEventType = "event";

/// An event as JSON: "host", "time_us" (since 1970), "monotonic_ns", "sequence" (counts the host's
/// events), "event", "node" (empty: the host itself), "tick" (null: outside of ticks), "text", then
/// the numbers of this kind of event: docs/blackbox.md.
MessageJson event_json(std::string_view host, std::int64_t at_us, const Event& event);

}  // namespace horus::interop
