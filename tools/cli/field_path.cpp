// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/field_path.hpp"

#include <algorithm>
#include <string>

namespace horus::cli {

namespace {

constexpr std::size_t kMaxPath = 1000;

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<MessageJson::json_pointer> parse_field_path(std::string_view text) {
  const Error bad{Errc::kInvalidArgument,
                  "read field: not of the form pose.x, ranges[3] or /pose/x", 0,
                  Name<200>::clipped(text)};
  if (text.empty() || text.size() > kMaxPath) return bad;
  if (text.front() == '/') {
    try {
      return MessageJson::json_pointer{std::string{text}};
    } catch (const MessageJson::parse_error&) {
      return bad;
    }
  }
  MessageJson::json_pointer path;
  for (bool first = true; !text.empty(); first = false) {
    if (text.front() == '[') {
      const std::size_t end = text.find(']');
      if (end == text.npos || !is_index(text.substr(1, end - 1))) return bad;
      path /= std::string{text.substr(1, end - 1)};
      text.remove_prefix(end + 1);
      continue;
    }
    if (!first) {
      if (text.front() != '.') return bad;
      text.remove_prefix(1);
    }
    const std::string_view name = text.substr(0, text.find_first_of(".["));
    if (name.empty()) return bad;
    path /= std::string{name};
    text.remove_prefix(name.size());
  }
  return path;
}

}  // namespace horus::cli
