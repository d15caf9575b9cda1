// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>  // not RT: see LogPage::Own
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/log_level.hpp"
#include "rt/base/name.hpp"
#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// A line of log.
struct LogLine {
  std::int64_t at_us = 0;    ///< Since 1970.
  std::uint64_t number = 0;  ///< 1 for its host's first.
  std::uint64_t tick = 0;
  std::uint32_t in_tick = 0;  ///< 1: `tick` says which.
  LogLevel level = LogLevel::kInfo;
  NodeName node{};  ///< Empty: the host itself.
  Name<384> text{};
};

/// How far somebody has read one host's log.
struct LogMark {
  std::uint64_t began = 0;   ///< Which log: after a clean end its host has another one.
  std::uint64_t number = 0;  ///< Of the last line; 0: none.
};

/// The last lines of one host in `<base>/hosts/<name>.log`, as its statistics are kept: its owner
/// writes, others read, a successor goes on, a clean end takes it away.
///
/// Thread safety: write() from one thread.
class LogPage {
 public:
  static constexpr std::size_t kLines = 1000;
  static constexpr std::string_view kSuffix = ".log";
  /// So many pages are read.
  static constexpr std::size_t kMostPages = 64;

  /// kBusy where a living process keeps the log of that host.
  static Result<LogPage> create(const std::string& base, std::string_view host);
  /// Every page under `base` that this user may read, by name.
  static std::vector<LogPage> open_all(const std::string& base);

  const std::string& host() const noexcept { return host_; }
  bool alive() const noexcept { return region_.alive(); }
  /// Lines that were written, by all lives.
  std::uint64_t count() const noexcept;
  /// Where somebody took the page's name away it has it again with the next line, within a second.
  void write(const LogLine& line) noexcept;
  /// What is kept of the lines after `number`, the oldest first.
  std::vector<LogLine> after(std::uint64_t number) const;
  /// What is kept of the lines that were not read yet; a mark of another log is set to the
  /// beginning of this one. Who reads them moves the mark.
  std::vector<LogLine> after(LogMark& mark) const;
  /// The mark of who has read all that is there.
  LogMark end() const noexcept;
  /// From any thread.
  void remove() noexcept;

 private:
  LogPage(Region region, std::string host) noexcept
      : region_{std::move(region)}, host_{std::move(host)} {}
  void keep() noexcept;
  static Result<LogPage> open_in(const FolderPtr& hosts, const std::string& file);

  Region region_;
  std::string host_;
  /// Of one's own page.
  struct Own {
    std::mutex mutex;  // not RT: who writes the log, and who removes the page
    bool removed = false;
    std::string base{};
    TimePoint looked{};  ///< Whether it has its name.
  };
  std::unique_ptr<Own> own_;
  std::uint64_t written_ = 0;
};

}  // namespace horus::shm
