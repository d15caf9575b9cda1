// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace horus::service {

/// Whether a user other than root, this process's user and the service's user could change what
/// lies at `path`. Returns one line that says who and how to prevent it; nothing: nobody could.
///
/// It judges the file, each folder above it and each symbolic link on the way. An untrusted owner
/// is a finding, and so is write permission for a group or for all others. A sticky folder above
/// `path` may be writable, because nobody can replace another user's entry in it; `path` itself may
/// not. What cannot be seen is a finding, too. A file without a name that the parent process handed
/// over (`/dev/fd/N`) is trusted.
///
/// The answer holds for the moment of the call only.
std::optional<std::string> foreign_hand(const std::string& path);
/// The same for a folder that need not exist. If it does not, it is a finding if an untrusted user
/// could make it.
std::optional<std::string> foreign_maker(const std::string& folder);

}  // namespace horus::service
