// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::shm {

/// Opens the folder at `path` one name after the other, and makes with `mode`, where there is one,
/// what is missing.
/// kPermission where the way leads through a folder or a link of somebody who could lead it
/// elsewhere, through a last name that is a link, and for `/dev/shm/horus-<uid>` of another uid.
Result<UniqueFd> walk(const std::string& path, std::optional<mode_t> mode);

/// What errno says of entering `name` in the folder `dir`, which is `path`. Of one that is closed
/// to this user also whose it is, and who may enter.
Error cannot_enter(int dir, const char* name, const std::string& path) noexcept;

/// Removes the folder at `path`, reached in the same way, if nothing lies in it.
void remove_if_empty(const std::string& path) noexcept;

/// The user of the services; nothing on a machine without one.
std::optional<uid_t> service_user() noexcept;

/// Of a base that has to be made: it is its user's alone, and the services' is for their group.
mode_t mode_for_base(const std::string& path) noexcept;

/// Whether `path` is the services' base, or one that its name says is a user's.
bool is_default_base(const std::string& path) noexcept;
/// Whether its name says nothing else than that this user has it.
bool may_own(const std::string& path, uid_t owner) noexcept;

/// Whether `owner` is the user of the services, and the folder theirs. On a machine without a user
/// horus it is whoever has kServiceBase, for those whose own group is that of the folder.
bool is_service(const std::string& path, uid_t owner, gid_t group) noexcept;

}  // namespace horus::shm
