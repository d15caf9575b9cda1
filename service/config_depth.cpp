// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "service/config_limit.hpp"

namespace horus::service {
namespace {

/// Walks once over a text of TOML and counts nested brackets, and dots within one key, outside of
/// quotes and comments. It never recurses, whatever the text is.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) noexcept : text_{text} {}

  std::uint32_t line_too_deep() noexcept {
    while (at_ < text_.size()) {
      step();
      if (brackets_ > config_limit::kDepth || dots_ > config_limit::kDepth) return line_;
    }
    return 0;
  }

 private:
  /// Takes one character, one quoted text or one comment.
  void step() noexcept {
    const char c = text_[at_];
    if (c == '"' || c == '\'') return skip_quoted(c);
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return;
    }
    ++at_;
    switch (c) {
      case '.': ++dots_; return;
      case '[':
      case '{': ++brackets_; break;
      case ']':
      case '}': brackets_ = std::max(brackets_ - 1, 0); break;
      case '\n': ++line_; break;
      case '=':
      case ',': break;
      default: return;  // Part of a key or a value.
    }
    // The characters above, but for the dot, end a key and with it the count of its dots.
    dots_ = 0;
  }

  /// Skips a text in quotes. A text of one line ends with that line even if its quote is missing.
  void skip_quoted(char quote) noexcept {
    const bool multi_line = quotes(quote) >= 3;
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' && !multi_line) return;
      if (c == quote && (!multi_line || quotes(quote) >= 3)) {
        // TOML: a multi-line text may end in one or two quotes of its own before the three.
        at_ += multi_line ? std::min<std::size_t>(quotes(quote), 5) : 1;
        return;
      }
      if (c == '\n') ++line_;
      ++at_;
      if (c == '\\' && quote == '"' && at_ < text_.size() && text_[at_] != '\n') ++at_;
    }
  }

  /// How many `quote` characters stand here in a row.
  std::size_t quotes(char quote) const noexcept {
    return std::min(text_.find_first_not_of(quote, at_), text_.size()) - at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  int brackets_ = 0;
  int dots_ = 0;
};

}  // namespace

std::uint32_t line_too_deep(std::string_view text) noexcept {
  return DepthScan{text}.line_too_deep();
}

}  // namespace horus::service
