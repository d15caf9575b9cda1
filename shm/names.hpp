// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rt/base/result.hpp"

namespace horus::shm {

/// kInvalidArgument unless `topic` is 1 to 200 bytes of [A-Za-z0-9_./-].
Status check_topic_name(std::string_view topic) noexcept;
/// '/' as "%2F", a leading '.' as "%2E": one name of a directory, and never "..".
std::string escape(std::string_view topic);
std::string unescape(std::string_view name);

std::string topic_directory(const std::string& base, std::string_view topic);

/// Who a process is, in file names: "<pid>-<start time>-<nonce>", never used again.
std::string make_identity();
/// The pid in front of such a name, or 0; for display only.
std::int32_t pid_of(std::string_view identity) noexcept;

/// Of everything below a base directory: the group may add files, and nobody removes another's.
/// Not set-group-ID, which a service's sandbox refuses (RestrictSUIDSGID=): the services have the
/// same group as their own.
inline constexpr int kSharedDirectory = 01770;

/// Creates a directory, and those above it; existing ones are left as they are.
Status make_directories(const std::string& path, int mode);
/// Creates a base directory where there is none. kPermission for one that anybody may write to, or
/// that belongs to neither this user, root nor a group of this user's: its owner could put files
/// of his in the place of ours.
Status make_base(const std::string& base);

}  // namespace horus::shm
