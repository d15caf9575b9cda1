// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace horus {

/// Bytes of the UTF-8 character at the front of `text`; 0 when there is none.
std::size_t character_size(std::string_view text) noexcept;

/// `text` fit for a terminal and one line of a log: what is not UTF-8, and control characters,
/// become '?'. Names come from memory, files and sockets that others write, and an escape sequence
/// or a line of theirs must not act here.
std::string printable(std::string_view text);

}  // namespace horus
