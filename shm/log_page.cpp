// SPDX-License-Identifier: Apache-2.0
#include "shm/log_page.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rt/base/counter.hpp"
#include "rt/base/seqlock.hpp"
#include "shm/base.hpp"
#include "shm/layout.hpp"
#include "shm/names.hpp"

namespace horus::shm {
namespace {

struct LogFile {
  FileHeader file;
  Counter count{};
  std::uint64_t began = 0;  ///< When line number 1 was written: identifies the log.
  std::array<std::uint8_t, 16> pad{};
  std::array<Seqlock<LogLine>, LogPage::kLines> lines{};
};
static_assert(offsetof(LogFile, lines) == kLine);

Seqlock<LogLine>& place_of(LogFile& file, std::uint64_t number) noexcept {
  return file.lines[(number - 1) % LogPage::kLines];
}

}  // namespace

Result<LogPage> LogPage::create(const std::string& base, std::string_view host) {
  const auto joined = Base::join(base);
  if (!joined) return joined.error();
  const FolderPtr& hosts = joined.value()->hosts();
  const std::string name = escape(host) + std::string{kSuffix};
  const bool mine = hosts->owns(name);
  if ((mine || !hosts->ours()) && owner_alive(*hosts, name)) {
    return Error{Errc::kBusy, "a living process keeps the log of this host", 0,
                 Name<200>::clipped(host)};
  }
  auto region = Region::create(hosts, sizeof(LogFile), kFileMode);
  if (!region) return region.error();
  LogPage page{std::move(region).value(), std::string{host}};
  page.region_.as<LogFile>()->file = {
      .magic = Magic::kLog, .pid = ::getpid(), .size = sizeof(LogFile), .hash = sizeof(LogLine)};
  std::uint64_t& began = page.region_.as<LogFile>()->began;
  began = static_cast<std::uint64_t>(to_ns(MonotonicClock::now()));
  // A page of another user is not continued, whatever it contains.
  if (mine) {
    if (const auto past = open_in(hosts, name)) {
      began = past.value().region_.as<LogFile>()->began;
      for (const LogLine& line : past.value().after(0)) {
        // The lines keep their numbers, so that a reader knows which it has seen.
        page.written_ = line.number - 1;
        page.write(line);
      }
    }
  }
  if (auto named = page.region_.replace(name); !named) return named.error();
  page.own_ = std::make_unique<Own>();
  page.own_->base = base;
  return page;
}

Result<LogPage> LogPage::open_in(const FolderPtr& hosts, const std::string& file) {
  auto region =
      Region::open(hosts, file, sizeof(LogFile), /*writable=*/false, /*most=*/sizeof(LogFile));
  if (!region) return region.error();
  const auto& header = region.value().as<LogFile>()->file;
  if (!is_a(header, Magic::kLog) || header.hash != sizeof(LogLine)) {
    return Error{Errc::kVersionMismatch, "log of another version, or damaged", 0,
                 Name<200>::clipped(hosts->path_of(file))};
  }
  const std::string_view escaped{file.data(), file.size() - kSuffix.size()};
  return LogPage{std::move(region).value(), unescape(escaped)};
}

std::vector<LogPage> LogPage::open_all(const std::string& base) {
  const auto looked = Base::look(base);
  if (!looked || !looked.value()->hosts()) return {};
  const FolderPtr& hosts = looked.value()->hosts();
  std::vector<std::string> names = hosts->list(kSuffix, 1024);
  std::ranges::sort(names);
  std::vector<LogPage> pages;
  for (const std::string& name : names) {
    if (pages.size() == kMostPages) break;
    if (auto page = open_in(hosts, name)) pages.push_back(std::move(page).value());
  }
  return pages;
}

std::uint64_t LogPage::count() const noexcept {
  return region_.as<LogFile>()->count.value();
}

void LogPage::remove() noexcept {
  const std::scoped_lock lock{own_->mutex};
  own_->removed = true;
  region_.unlink();
}

/// Makes the page again if its name was removed, as the session does with its files (SHM-16). Only
/// when a line is written anyway.
void LogPage::keep() noexcept {
  constexpr Nanos kPause = 1s;
  const TimePoint now = MonotonicClock::now();
  if (own_ == nullptr || now - own_->looked < kPause) return;
  const std::scoped_lock lock{own_->mutex};
  own_->looked = now;
  if (own_->removed || region_.is_named()) return;
  // If that fails now, the next line tries again.
  const auto joined = Base::join(own_->base);
  if (!joined) return;
  const FolderPtr& hosts = joined.value()->hosts();
  const std::string name = escape(host_) + std::string{kSuffix};
  if (!owner_alive(*hosts, name)) static_cast<void>(region_.renew(hosts, name));
}

void LogPage::write(const LogLine& line) noexcept {
  keep();
  LogFile& file = *region_.as<LogFile>();
  LogLine own = line;
  own.number = ++written_;
  place_of(file, own.number).store(own);
  file.count.set(own.number);
}

std::vector<LogLine> LogPage::after(std::uint64_t number) const {
  LogFile& file = *region_.as<LogFile>();
  const std::uint64_t count = file.count.value();
  const std::uint64_t oldest = count > kLines ? count - kLines : 0;
  std::vector<LogLine> lines;
  for (std::uint64_t next = std::max(number, oldest) + 1; next <= count && next != 0; ++next) {
    // A line that is being overwritten has another number, or cannot be read.
    const auto line = place_of(file, next).load();
    if (line && line->number == next) lines.push_back(*line);
  }
  return lines;
}

std::vector<LogLine> LogPage::after(LogMark& mark) const {
  const std::uint64_t began = region_.as<LogFile>()->began;
  if (mark.began != began) mark = {.began = began};
  return after(mark.number);
}

LogMark LogPage::end() const noexcept {
  return {.began = region_.as<LogFile>()->began, .number = count()};
}

}  // namespace horus::shm
