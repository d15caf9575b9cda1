// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/event_json.hpp"

#include <string>

namespace horus::interop {

MessageJson event_json(std::string_view host, std::int64_t at_us, const Event& event) {
  MessageJson json{{"host", host},
                   {"time_us", at_us},
                   {"monotonic_ns", event.at_ns},
                   {"sequence", event.sequence},
                   {"event", to_text(event.kind)},
                   {"node", event.node.view()},
                   {"tick", nullptr},
                   {"text", event.text.view()}};
  if (event.in_tick == 1) json["tick"] = event.tick;
  for (const auto& [name, value] : numbers_of(event)) json[std::string{name}] = value;
  return json;
}

}  // namespace horus::interop
