// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "service/wire/health.hpp"
#include "tools/cli/where.hpp"

namespace horus::cli {

/// A word, then the reasons and the notes, then the hosts.
std::string status_text(const wire::HealthView& status, std::size_t width);
/// What a node's reader is told first: of the verdict's reasons those of the node and those of its
/// host, a line each, the worst first; how the host ended last, where that is known.
std::string reasons_text(const wire::HealthView& status, std::string_view host,
                         std::string_view node);
std::string verdict_text(const Places& places, std::string_view host, std::string_view node);
/// One object; its reasons are lines for people.
wire::Json status_json(const wire::HealthView& status);

}  // namespace horus::cli
