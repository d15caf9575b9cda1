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

/// What the names of a topic's files begin with, before the first '.': the topic's name as far as a
/// file's name has room for it. The topic's type file holds the whole one.
std::string file_key(std::string_view topic);
std::string_view key_of(std::string_view file) noexcept;
/// Whose file it is, of "<key>.<identity>.<n>.ring".
std::string_view identity_of(std::string_view file) noexcept;

/// Who a process is, in file names: "<pid>-<start time>-<nonce>", never used again.
std::string make_identity();
/// The pid in front of such a name, or 0; for display only.
std::int32_t pid_of(std::string_view identity) noexcept;

/// The base's level that HORUS_NAMESPACE asks for, where it is set.
std::string in_namespace(std::string base);

}  // namespace horus::shm
