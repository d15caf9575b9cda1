// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "service/wire/health.hpp"
#include "tools/cli/service_client.hpp"

namespace horus::cli {

/// The overall health in one word, then the reasons and notes, then a table of hosts.
std::string status_text(const wire::HealthView& status, std::size_t width);
/// The reasons of the verdict that concern this node, or its host as a whole: one line each.
std::string reasons_text(const wire::HealthView& status, std::string_view host,
                         std::string_view node);
/// The head of a report about a node: reasons_text(), and how its host last ended, where that is
/// known.
std::string verdict_text(const Places& places, std::string_view host, std::string_view node);
/// One JSON object; its reasons are texts.
wire::Json status_json(const wire::HealthView& status);

}  // namespace horus::cli
