// SPDX-License-Identifier: Apache-2.0
// Messages of generic topics, whatever bytes they are: nothing may crash, what is shown is bounded
// by what arrived, and no byte of it is a command to the terminal.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <horus/result.hpp>

#include "tools/cli/show_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A quoted control character is the most that one byte becomes, before a level's indent.
  constexpr std::size_t kMostPerByte = 256;
  const auto message = horus::cli::generic_message(std::as_bytes(std::span{data, size}));
  if (!message) return 0;
  const std::string text = horus::cli::message_text(message.value());
  const std::string line = horus::cli::message_line(message.value());
  HORUS_CHECK(text.size() <= kMostPerByte * (size + 1));
  HORUS_CHECK(line.size() <= kMostPerByte * (size + 1));
  HORUS_CHECK(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; }));
  HORUS_CHECK(std::ranges::none_of(text, [](char c) { return c == '\x1b' || c == '\x7f'; }));
  HORUS_CHECK(text.find("\xc2\x9b") == text.npos);
  HORUS_CHECK(horus::cli::MessageJson::accept(line));
  return 0;
}
