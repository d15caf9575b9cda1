// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::shm {

/// Opens the folder at `path`, one name after the other. With a `mode`, folders that are missing
/// are made with it.
/// kPermission if the path leads through a folder or a link of a user who could redirect it, if its
/// last name is a link, and for `/dev/shm/horus-<uid>` of another uid.
Result<UniqueFd> walk(const std::string& path, std::optional<mode_t> mode);

/// Turns errno, after entering `name` in the folder `dir` failed, into an error. `path` is its name
/// for messages. If the folder is closed to this user, the error also says whose it is and who may
/// enter.
Error cannot_enter(int dir, const char* name, const std::string& path) noexcept;

/// Removes the folder at `path`, reached as by walk(), if it is empty.
void remove_if_empty(const std::string& path) noexcept;

/// The uid of the services' user; nullopt on a machine without one.
std::optional<uid_t> service_user() noexcept;

/// The mode for a base that has to be made: a user's is private; the services' is open to their
/// group.
mode_t mode_for_base(const std::string& path) noexcept;

/// Whether `path` is the services' base, or has the name of a user's base.
bool is_default_base(const std::string& path) noexcept;
/// Whether the name `path` allows `owner` as its owner: `/dev/shm/horus-<uid>` only its uid, other
/// names anybody.
bool may_own(const std::string& path, uid_t owner) noexcept;

/// Whether `owner` is the user of the services. On a machine without a user `horus`: whether the
/// folder is kServiceBase or lies in it, and its group is this process's own.
bool is_service(const std::string& path, uid_t owner, gid_t group) noexcept;

}  // namespace horus::shm
