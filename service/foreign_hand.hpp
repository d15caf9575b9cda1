// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace horus::service {

/// Who could change what lies at `path` besides root, this process's user and the user of the
/// service: an owner, or a right to write for any group or all others, of the file, of a link on
/// the way or of a folder above it. A folder above may be open to all where it is sticky, for
/// nobody replaces another's entry there; `path` itself may not. Nobody, where who started this
/// process gave it a file without a name (`/dev/fd/N`). One line, with a way out.
std::optional<std::string> foreign_hand(const std::string& path);
/// The same for what need not exist: then who could make it counts as well.
std::optional<std::string> foreign_maker(const std::string& folder);

}  // namespace horus::service
