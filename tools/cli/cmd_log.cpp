// SPDX-License-Identifier: Apache-2.0
// Shows the log: lines that hosts keep in shared memory, or the service's lines in the journal.
#include <grp.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"
#include "service/wire/varlink.hpp"
#include "shm/folder.hpp"
#include "shm/log_page.hpp"
#include "tools/cli/child.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/instant.hpp"

namespace horus::cli {

namespace {

struct LogOptions {
  std::string node;
  std::string level;
  std::string since;
  bool follow = false;
};

/// How many lines of the journal are shown without --since.
constexpr const char* kUsualLines = "1000";
/// A longer line of journalctl is dropped. Lines of HORUS are much shorter.
constexpr std::size_t kLongestLine = std::size_t{1} << 20U;

std::vector<std::string> journalctl(const LogOptions& options) {
  std::vector<std::string> words{"journalctl",
                                 "--output=json",
                                 "--no-pager",
                                 "--unit=horus.service",
                                 "--unit=horus-pyhost.service",
                                 "--unit=horus-recorder.service"};
  if (const auto level = parse_word<LogLevel>(options.level)) {
    words.push_back("--priority=" + std::to_string(static_cast<int>(*level)));
  }
  if (options.since.empty()) {
    words.push_back(std::string{"--lines="} + kUsualLines);
  } else {
    words.push_back("--since=" + options.since);
  }
  if (options.follow) words.emplace_back("--follow");
  if (!options.node.empty()) {
    words.insert(words.end(), {"NODE=" + options.node, "+", "HOST=" + options.node});
  }
  return words;
}

/// Whether this user may read the service's lines: root, and members of the groups below.
bool may_read_journal() {
  if (::geteuid() == 0) return true;
  std::array<gid_t, 256> groups{};
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  for (const char* name : {"systemd-journal", "adm", "wheel"}) {
    const struct group* const group = ::getgrnam(name);  // NOLINT(concurrency-mt-unsafe)
    if (group == nullptr) continue;
    for (int i = 0; i < count; ++i) {
      if (groups[static_cast<std::size_t>(i)] == group->gr_gid) return true;
    }
  }
  return false;
}

/// A text of a journal entry. journalctl writes text that has a control character or is no UTF-8 as
/// an array of the bytes' numbers.
std::string text_of(const wire::Json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string text;
  for (const wire::Json& byte : found->is_array() ? *found : wire::Json::array()) {
    if (byte.is_number_unsigned()) text += static_cast<char>(byte.get<std::uint8_t>());
  }
  return text;
}

/// A local time, "2026-05-01 12:34:56.789". `micros`: microseconds since 1970, in digits.
std::string time_text(const std::string& micros) {
  const long long at = std::strtoll(micros.c_str(), nullptr, 10);
  const time_t seconds = at / 1'000'000;
  tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 40> text{};
  const std::size_t size = ::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("{}.{:03}", std::string_view{text.data(), size}, at / 1000 % 1000);
}

/// How often --follow reads the pages.
constexpr Nanos kLook = 200ms;

/// A line of a log page, with the host that the page belongs to.
struct PageLine {
  std::string host;
  shm::LogLine line;
};

bool is_wanted(const PageLine& line, const LogOptions& options, std::int64_t since_us) {
  const auto level = parse_word<LogLevel>(options.level);
  return (!level || line.line.level <= *level) && line.line.at_us >= since_us &&
         (options.node.empty() || line.line.node == options.node || line.host == options.node);
}

std::string show(const PageLine& line) {
  std::string text = time_text(std::to_string(std::max<std::int64_t>(line.line.at_us, 0)));
  text += " " + line.host + ": " + level_prefix(line.line.level);
  if (!line.line.node.empty()) {
    text += line.line.node.view();
    if (line.line.in_tick == 1) text += "[" + std::to_string(line.line.tick) + "]";
    text += ": ";
  }
  return printable(text + std::string{line.line.text.view()}) + "\n";
}

/// Reads the log pages of some bases: remembers how far each was read, and drops lines that are not
/// wanted.
class PageLog {
 public:
  PageLog(std::vector<std::string> bases, const LogOptions& options, std::int64_t since_us)
      : bases_{std::move(bases)}, options_{options}, since_us_{since_us} {}

  bool any() const noexcept { return !bases_.empty(); }

  /// The lines that were written since the last read(), in the order of time.
  std::vector<PageLine> read() {
    std::vector<PageLine> lines;
    for (const std::string& base : bases_) {
      for (const shm::LogPage& page : shm::LogPage::open_all(base)) {
        shm::LogMark& seen = seen_[{base, page.host()}];
        for (const shm::LogLine& line : page.after(seen)) {
          lines.push_back({page.host(), line});
          // The number of this line, not the page's count: that may have grown meanwhile.
          seen.number = line.number;
        }
      }
    }
    std::erase_if(lines, [&](const PageLine& one) { return !is_wanted(one, options_, since_us_); });
    std::ranges::stable_sort(lines, {}, [](const PageLine& line) { return line.line.at_us; });
    return lines;
  }
  /// The first read. Without --since it is limited to the newest LogPage::kLines lines of all hosts
  /// together.
  std::vector<PageLine> read_last() {
    std::vector<PageLine> lines = read();
    if (options_.since.empty() && lines.size() > shm::LogPage::kLines) {
      lines.erase(lines.begin(), lines.end() - shm::LogPage::kLines);
    }
    return lines;
  }

 private:
  std::vector<std::string> bases_;
  const LogOptions& options_;
  std::int64_t since_us_;
  std::map<std::pair<std::string, std::string>, shm::LogMark> seen_;
};

/// What log pages a base has: none, those of dead hosts only, or those of a living host as well.
enum class Pages { kNone, kOfDead, kOfLiving };

Pages pages_in(const std::string& base) {
  const std::vector<shm::LogPage> pages = shm::LogPage::open_all(base);
  if (pages.empty()) return Pages::kNone;
  return std::ranges::any_of(pages, &shm::LogPage::alive) ? Pages::kOfLiving : Pages::kOfDead;
}

int show_pages(PageLog log, bool follow, Output& output) {
  for (const PageLine& line : log.read_last()) output.write(show(line));
  while (follow && output.wanted()) {
    for (const PageLine& line : log.read()) output.write(show(line));
    output.wait(kLook);
  }
  return kOk;
}

/// The prefix for a syslog priority. Info has none, and so has a line without a priority.
const char* level_text(const std::string& priority) {
  if (priority.size() != 1) return "";
  if (priority <= "3") return "error: ";
  if (priority == "4") return "warning: ";
  return priority == "7" ? "debug: " : "";
}

/// An entry of journalctl as a line; empty where it is no entry.
std::string show(const wire::Json& entry) {
  if (!entry.is_object()) return "";
  const std::string host = text_of(entry, "HOST");
  return printable(time_text(text_of(entry, "__REALTIME_TIMESTAMP")) + " " +
                   text_of(entry, "SYSLOG_IDENTIFIER") + ": " +
                   (host.empty() ? "" : "[" + host + "] ") +
                   level_text(text_of(entry, "PRIORITY")) + text_of(entry, "MESSAGE")) +
         "\n";
}

/// Shows the lines of journalctl, with the lines of pages sorted in by their time.
class JournalView {
 public:
  JournalView(std::vector<PageLine> lines, Output& output)
      : lines_{lines.begin(), lines.end()}, output_{output} {}

  /// Shows the lines from descriptor `journal` until it ends or the output is no longer wanted.
  void show_all(int journal, bool followed) {
    std::string rest;
    std::array<char, 8192> block{};
    while (output_.wanted()) {
      pollfd waited{.fd = journal, .events = POLLIN, .revents = 0};
      // With --follow: when the journal is quiet, its old lines are all shown. Show the remaining
      // lines of pages then.
      if (::poll(&waited, 1, followed ? kQuietMs : -1) == 0) show_pages();
      if (waited.revents == 0) continue;
      const ssize_t count = ::read(journal, block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      rest.append(block.data(), static_cast<std::size_t>(count));
      for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos;) {
        show_line(rest.substr(0, end));
        rest.erase(0, end + 1);
      }
      if (rest.size() > kLongestLine) rest.clear();
    }
  }
  void show_pages(std::int64_t until_us = std::numeric_limits<std::int64_t>::max()) {
    for (; !lines_.empty() && lines_.front().line.at_us <= until_us; lines_.pop_front()) {
      output_.write(show(lines_.front()));
    }
  }
  /// Whether the journal had a line.
  bool any() const noexcept { return any_; }

 private:
  static constexpr int kQuietMs = 500;

  void show_line(const std::string& line) {
    const wire::Json entry = wire::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    any_ = true;
    if (!entry.is_object()) return;
    show_pages(std::strtoll(text_of(entry, "__REALTIME_TIMESTAMP").c_str(), nullptr, 10));
    output_.write(show(entry));
  }

  std::deque<PageLine> lines_;
  Output& output_;
  bool any_ = false;
};

int show_journal(PageLog pages, const LogOptions& options, Output& output) {
  auto child = Child::start(journalctl(options), /*quiet=*/pages.any());
  if (!child && !pages.any()) {
    return fail(kError,
                "no host keeps a log here (start one: horus launch FILE, or a Python program), and "
                "journalctl does not run, so there is no journal either");
  }
  JournalView view{pages.read_last(), output};
  if (child) view.show_all(child.value().output(), options.follow);
  view.show_pages();
  if (child && !view.any() && !may_read_journal()) {
    return fail(pages.any() ? kOk : kNoPermission,
                "this user may not read the service's log (join the group: adduser $USER "
                "systemd-journal; then log in again)");
  }
  // If journalctl has failed, it has printed the reason itself.
  return pages.any() || !output.wanted() || child.value().ended_well() ? kOk : kError;
}

/// Decides what to show:
///   - If the user's own base has a living host, only the pages of that base.
///   - Otherwise the service's lines. They come from the journal, which keeps more than the pages;
///     from the service's pages where this user may not read the journal.
///   - Pages of the user's dead hosts are shown together with the service's lines.
int run_log(const LogOptions& options, Output& output) {
  if (!options.level.empty() && !parse_word<LogLevel>(options.level)) {
    return fail(kUsage,
                "--level: '" + options.level + "' is no level (error, warning, info, debug)");
  }
  const std::vector<std::string> bases = base_directories();
  const bool own = bases.front() != shm::kServiceBase;
  const Pages owns = own ? pages_in(bases.front()) : Pages::kNone;
  const bool wide = bases.back() == shm::kServiceBase;  // False: $HORUS_BASE names another base.
  const bool service = wide && owns != Pages::kOfLiving && !may_read_journal() &&
                       pages_in(bases.back()) != Pages::kNone;
  std::vector<std::string> shown;
  if (owns != Pages::kNone) shown.push_back(bases.front());
  if (service) shown.push_back(bases.back());
  const bool no_journal = service || owns == Pages::kOfLiving || (owns == Pages::kOfDead && !wide);
  std::int64_t since_us = 0;
  if (!shown.empty() && !options.since.empty()) {
    const auto since = instant_us(options.since, wall_clock_us());
    // journalctl may know a --since that instant_us() does not.
    if (!since && !no_journal) {
      shown.clear();
      warn_of("--since: only journalctl knows '" + printable(options.since) +
              "'; lines of your own dead programs are left out");
    }
    if (!since && no_journal) {
      return fail(kUsage, "--since: '" + options.since +
                              "' is no time (\"10 min ago\", \"12:34\", \"2026-05-01 12:34:56\", "
                              "\"today\")");
    }
    since_us = since.value_or(0);
  }
  PageLog pages{std::move(shown), options, since_us};
  return no_journal ? show_pages(std::move(pages), options.follow, output)
                    : show_journal(std::move(pages), options, output);
}

}  // namespace

Action declare_log(CLI::App& app, const Places& /*places*/) {
  const auto options = std::make_shared<LogOptions>();
  app.add_option("node", options->node, "Only lines of this node, or of the host of that name")
      ->type_name("NODE");
  app.add_option("--level", options->level, "error, warning, info or debug, and worse")
      ->type_name("LEVEL");
  app.add_option("--since", options->since,
                 "From then on: \"10 min ago\", \"12:34\", \"2026-05-01 12:34:56\"")
      ->type_name("TIME");
  app.add_flag("--follow", options->follow, "Go on as lines are written");
  return [options](Output& output) { return run_log(*options, output); };
}

}  // namespace horus::cli
