// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace horus {

/// The size in bytes of the UTF-8 character at the front of `text`, 1 to 4; 0 when the bytes are no
/// valid character. `text` must not be empty.
std::size_t character_size(std::string_view text) noexcept;

/// `text` made safe for a terminal and for one log line: bytes that are not UTF-8, and control
/// characters, become '?'. Names come from memory, files and sockets that a hostile user may write;
/// an escape sequence or a line feed in them must have no effect. Allocates.
std::string printable(std::string_view text);

}  // namespace horus
