// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <horus/result.hpp>

namespace horus::shm {

/// kInvalidArgument unless `topic` is 1 to 200 bytes of [A-Za-z0-9_./-].
Status check_topic_name(std::string_view topic) noexcept;
/// Writes '/' as "%2F" and a leading '.' as "%2E", so that the result is one file name, never "..".
std::string escape(std::string_view topic);
std::string unescape(std::string_view name);

/// The key of a topic, with which the names of all its files begin, before the first '.': the
/// escaped name, shortened if it is long. The topic's type file has the whole name.
std::string file_key(std::string_view topic);
std::string_view key_of(std::string_view file) noexcept;
/// The identity in a name such as "<key>.<identity>.<n>.ring": the process that owns the file.
std::string_view identity_of(std::string_view file) noexcept;

/// A new identity for this process, for file names: "<pid>-<start time>-<nonce>", never used again.
std::string make_identity();
/// The pid at the beginning of an identity, or 0; for display only.
std::int32_t pid_of(std::string_view identity) noexcept;

/// `base` with the level that HORUS_NAMESPACE adds, if that is set.
std::string in_namespace(std::string base);

}  // namespace horus::shm
