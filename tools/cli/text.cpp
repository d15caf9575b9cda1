// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "rt/base/parse.hpp"
#include "rt/base/printable.hpp"

namespace horus::cli {

namespace {

constexpr std::size_t kMaxCell = 40;
constexpr std::string_view kGap = "  ";

/// How many characters `text` has: bytes that do not continue a UTF-8 character.
std::size_t width_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  }));
}

std::string clipped(std::string text) {
  if (width_of(text) <= kMaxCell) return text;
  std::size_t bytes = 0;
  while (width_of(std::string_view{text}.substr(0, bytes + 1)) < kMaxCell) ++bytes;
  return text.substr(0, bytes) + "~";
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + std::string{text} : std::string{text} + space;
}

/// A value of 1 to 999 with three significant digits, without zeros at the end.
std::string three_digits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != text.npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

}  // namespace

std::string duration_text(double us) {
  if (us < 0.9995) return fmt::format("{:.0f}ns", us * 1e3);
  if (us < 999.5) return three_digits(us) + "us";
  if (us < 999.5e3) return three_digits(us / 1e3) + "ms";
  return three_digits(us / 1e6) + "s";
}

std::string rate_text(double hz) {
  if (hz <= 0) return "-";
  if (hz >= 1000) return fmt::format("{:.4g} kHz", hz / 1e3);
  return fmt::format("{:.4g} Hz", hz);
}

std::string count_text(std::uint64_t count) {
  if (count < 100'000'000) return std::to_string(count);
  return fmt::format("{}M", count / 1'000'000);
}

std::string uptime_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  // Bounded, so that the cast is valid whatever a page says.
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e12));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

Result<Nanos> parse_seconds(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_not_of("0123456789.") == text.npos;
  return parse_duration(plain ? std::string{text} + " s" : std::string{text});
}

void Table::add(const std::vector<std::string>& row) {
  std::vector<std::string>& clean = rows_.emplace_back();
  for (const std::string& cell : row) clean.push_back(clipped(printable(cell)));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  return widths;
}

// Splits the columns into blocks that fit. Each begins with column 0; groups are kept together.
std::vector<std::vector<std::size_t>> Table::blocks(const std::vector<std::size_t>& widths,
                                                    std::size_t width) const {
  std::vector<std::vector<std::size_t>> blocks{{0}};
  std::size_t used = widths[0];
  for (std::size_t i = 1; i < columns_.size();) {
    std::size_t end = i + 1;
    while (end < columns_.size() && !columns_[i].group.empty() &&
           columns_[end].group == columns_[i].group) {
      ++end;
    }
    std::size_t needed = 0;
    for (std::size_t k = i; k < end; ++k) needed += kGap.size() + widths[k];
    if (used + needed > width && blocks.back().size() > 1) {
      blocks.push_back({0});
      used = widths[0];
    }
    used += needed;
    for (; i < end; ++i) blocks.back().push_back(i);
  }
  return blocks;
}

std::string Table::group_line(const std::vector<std::size_t>& block,
                              const std::vector<std::size_t>& widths) const {
  std::string line;
  std::string_view last;
  std::size_t column = 0;
  for (const std::size_t i : block) {
    const std::string& group = columns_[i].group;
    if (!group.empty() && group != last) {
      line.resize(column, ' ');
      line += group;
    }
    last = group;
    column += widths[i] + kGap.size();
  }
  if (!line.empty()) end_line(line);
  return line;
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> column_widths = widths();
  std::string text;
  for (const auto& block : blocks(column_widths, width)) {
    if (!text.empty()) text += '\n';
    text += group_line(block, column_widths);
    const auto add_line = [&](auto cell_of) {
      std::string line;
      for (const std::size_t i : block) {
        if (i != block.front()) line += kGap;
        line += padded(cell_of(i), column_widths[i], columns_[i].right);
      }
      end_line(line);
      text += line;
    };
    add_line([&](std::size_t i) { return std::string_view{columns_[i].title}; });
    for (const auto& row : rows_) add_line([&](std::size_t i) { return std::string_view{row[i]}; });
  }
  return text;
}

}  // namespace horus::cli
