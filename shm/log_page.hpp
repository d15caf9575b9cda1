// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>  // not RT: see LogPage::Own
#include <string>
#include <string_view>
#include <vector>

#include <horus/log.hpp>
#include <horus/result.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

#include "shm/region.hpp"

namespace horus::shm {

/// One line of a host's log.
struct LogLine {
  std::int64_t at_us = 0;    ///< Microseconds since 1970.
  std::uint64_t number = 0;  ///< Counts the host's lines, from 1.
  std::uint64_t tick = 0;
  std::uint32_t in_tick = 0;  ///< 1: it was written in tick number `tick`.
  LogLevel level = LogLevel::kInfo;
  NodeName node{};  ///< The node that wrote it; empty: the host itself.
  Name<384> text{};
};

/// How far somebody has read one host's log.
struct LogMark {
  std::uint64_t began = 0;   ///< Identifies the log: after a clean end a host begins a new one.
  std::uint64_t number = 0;  ///< Number of the last line that was read; 0: none.
};

/// The last kLines lines of one host's log in `<base>/hosts/<name>.log`. As with statistics, its
/// owner writes, others read, a successor continues it, and a clean end removes it.
///
/// Thread safety: write() from one thread; remove() from any.
class LogPage {
 public:
  static constexpr std::size_t kLines = 1000;
  static constexpr std::string_view kSuffix = ".log";
  /// Of all pages, at most so many are read.
  static constexpr std::size_t kMostPages = 64;

  /// Makes or continues the host's log. kBusy when a living process has it.
  static Result<LogPage> create(const std::string& base, std::string_view host);
  /// Every page under `base` that this user may read, by name.
  static std::vector<LogPage> open_all(const std::string& base);

  const std::string& host() const noexcept { return host_; }
  bool alive() const noexcept { return region_.alive(); }
  /// Lines that were ever written, by all lives of the host.
  std::uint64_t count() const noexcept;
  /// Writes a line. If somebody removed the page's name, it is made again within a second, with the
  /// next line.
  void write(const LogLine& line) noexcept;
  /// The lines after `number` that are kept, the oldest first.
  std::vector<LogLine> after(std::uint64_t number) const;
  /// The lines after the mark that are kept. If the mark is of another log, it is first set to the
  /// beginning of this one. The caller moves the mark when it has read them.
  std::vector<LogLine> after(LogMark& mark) const;
  /// The mark of a reader that has read everything so far.
  LogMark end() const noexcept;
  /// Removes the page's name. From any thread.
  void remove() noexcept;

 private:
  LogPage(Region region, std::string host) noexcept
      : region_{std::move(region)}, host_{std::move(host)} {}
  void keep() noexcept;
  static Result<LogPage> open_in(const FolderPtr& hosts, const std::string& file);

  Region region_;
  std::string host_;
  /// Only of a page that this process writes.
  struct Own {
    std::mutex mutex;  // not RT: who writes the log, and who removes the page
    bool removed = false;
    std::string base{};
    TimePoint looked{};  ///< When it was last checked that the page has its name.
  };
  std::unique_ptr<Own> own_;
  std::uint64_t written_ = 0;
};

}  // namespace horus::shm
