// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/base/printable.hpp"

namespace horus::cli {

/// A duration with three significant digits: "820ns", "1.24us", "44us", "3.5ms", "12s".
std::string duration_text(double us);
/// A rate: "1 kHz", "500 Hz", "2.5 Hz"; "-" for 0 and less.
std::string rate_text(double hz);
/// A count: all digits up to 99,999,999, then in millions, "123M".
std::string count_text(std::uint64_t count);
/// A long time in two units: "12.3 s", "4 min 05 s", "3 h 20 min", "2 d 5 h".
std::string uptime_text(double seconds);

/// Parses a length of time as a user types it: seconds ("2", "0.5"), or with a unit ("200 ms").
Result<Nanos> parse_seconds(std::string_view text);

/// A table of aligned columns. When it is too wide, it is split into several tables, each of which
/// repeats the first column.
class Table {
 public:
  struct Column {
    std::string title;
    std::string group;   ///< Columns of one group stay together under its name; empty: none.
    bool right = false;  ///< Aligned to the right, for numbers.
  };

  explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

  /// Adds a row with as many cells as columns. Control characters in cells are escaped, and cells
  /// of more than 40 characters cut.
  void add(const std::vector<std::string>& row);
  bool empty() const noexcept { return rows_.empty(); }
  /// The table in lines of at most `width` characters; longer only where a single column or group
  /// is too wide.
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
