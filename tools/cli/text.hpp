// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/printable.hpp"
#include "rt/base/result.hpp"
#include "rt/base/time.hpp"

namespace horus::cli {

/// Three significant digits and a unit: "820ns", "1.24us", "44us", "3.5ms", "12s".
std::string duration_text(double us);
/// "1 kHz", "500 Hz", "2.5 Hz"; "-" for none.
std::string rate_text(double hz);
/// All digits up to 99,999,999, then "123M".
std::string count_text(std::uint64_t count);
/// A length of time as people say it: "12.3 s", "4 min 05 s", "3 h 20 min", "2 d 5 h".
std::string uptime_text(double seconds);

/// Parses what a user types for a length of time: seconds ("2", "0.5"), or with a unit ("200 ms").
Result<Nanos> parse_seconds(std::string_view text);

/// Columns of text, aligned. When they do not fit, the table is cut between columns into several,
/// each of which begins with the first column.
class Table {
 public:
  struct Column {
    std::string title;
    std::string group;   ///< Columns of one group stay together under its name; empty: alone.
    bool right = false;  ///< Numbers stand to the right.
  };

  explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

  /// As many cells as columns; they are made printable() and, when very long, cut.
  void add(const std::vector<std::string>& row);
  bool empty() const noexcept { return rows_.empty(); }
  /// Lines of at most `width` columns of the terminal, as far as single columns allow.
  std::string text(std::size_t width) const;

 private:
  std::vector<std::size_t> widths() const;
  std::vector<std::vector<std::size_t>> blocks(const std::vector<std::size_t>& widths,
                                               std::size_t width) const;
  std::string group_line(const std::vector<std::size_t>& block,
                         const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace horus::cli
