// SPDX-License-Identifier: Apache-2.0
// Shows the black boxes of hosts, alive or dead, or a copy of them on disk; makes such a copy.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/black_box.hpp"
#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/varlink.hpp"
#include "shm/black_box_store.hpp"
#include "shm/folder.hpp"
#include "shm/interop/event_json.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/instant.hpp"

namespace horus::cli {
namespace {

struct BoxOptions {
  std::string of;  ///< The name of a host or a node; empty: all.
  std::string node;
  std::vector<std::string> events;
  std::string since;
  std::string file;
  bool follow = false;
  bool json = false;
  bool flush = false;
};

/// How often --follow reads the boxes.
constexpr Nanos kLookAtBoxes = 200ms;
constexpr Nanos kFlushTimeout = 10s;

/// An event with its host and its time.
struct ShownEvent {
  std::string host;
  std::int64_t at_us = 0;  ///< Since 1970.
  Event event;
};

/// A time since 1970 as local time: "2026-05-01 12:34:56.789012".
std::string when(std::int64_t at_us) {
  constexpr std::int64_t kSecond = 1'000'000;
  const std::int64_t at = std::max<std::int64_t>(at_us, 0);
  const time_t seconds = at / kSecond;
  tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 40> text{};
  const std::size_t size = ::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("{}.{:06}", std::string_view{text.data(), size}, at % kSecond);
}

std::string line_of(const ShownEvent& told) {
  const Event& event = told.event;
  std::string line = when(told.at_us) + " " + told.host + ": " + std::string{to_text(event.kind)};
  if (!event.node.empty()) line += " " + std::string{event.node.view()};
  if (event.in_tick == 1) line += "[" + std::to_string(event.tick) + "]";
  if (!event.text.empty()) line += ": " + std::string{event.text.view()};
  std::string numbers;
  for (const auto& [name, value] : numbers_of(event)) {
    if (value != 0) numbers += fmt::format("{}{} {}", numbers.empty() ? "" : ", ", name, value);
  }
  if (!numbers.empty()) line += " (" + numbers + ")";
  return printable(line) + "\n";
}

std::string json_of(const ShownEvent& told) {
  return wire::to_line(wire::Json(interop::event_json(told.host, told.at_us, told.event))) + "\n";
}

bool is_wanted(const ShownEvent& told, const BoxOptions& options, std::int64_t since_us) {
  const Event& event = told.event;
  const bool named = options.of.empty() || told.host == options.of || event.node == options.of;
  const bool kind = options.events.empty() ||
                    std::ranges::find(options.events, to_text(event.kind)) != options.events.end();
  return named && kind && told.at_us >= since_us &&
         (options.node.empty() || event.node == options.node);
}

/// Reads boxes, and remembers how far each was read.
class BoxLog {
 public:
  BoxLog(const BoxOptions& options, std::int64_t since_us)
      : options_{options}, since_us_{since_us} {}

  /// The wanted events since the last read(), in the order of time.
  std::vector<ShownEvent> read(const std::string& base, const std::vector<shm::HostEvents>& boxes) {
    // Who looks once waits for no event that is being written; a copy has none, and its times are
    // another boot's.
    const TimePoint now = options_.follow ? MonotonicClock::now() : TimePoint::max();
    std::vector<ShownEvent> all;
    for (const shm::HostEvents& box : boxes) {
      for (const Event& event : box.after(seen_[{base, box.host}], now)) {
        ShownEvent told{box.host, box.clocks.wall_us(event.at_ns), event};
        if (is_wanted(told, options_, since_us_)) all.push_back(std::move(told));
      }
    }
    std::ranges::stable_sort(all, {}, &ShownEvent::at_us);
    return all;
  }
  void show(const std::vector<ShownEvent>& all, Output& output) const {
    for (const ShownEvent& told : all) output.write(options_.json ? json_of(told) : line_of(told));
  }

 private:
  const BoxOptions& options_;
  const std::int64_t since_us_;
  std::map<std::pair<std::string, std::string>, shm::BoxMark> seen_;
};

int show_copy(const std::string& file, BoxLog& log, Output& output) {
  const auto boxes = shm::read_copy(file);
  if (!boxes) return fail(boxes.error());
  log.show(log.read("", boxes.value()), output);
  return kOk;
}

/// The new events of all hosts in all base directories. `any` becomes true where there is a box.
std::vector<ShownEvent> read_bases(BoxLog& log, bool& any) {
  std::vector<ShownEvent> all;
  for (const std::string& base : base_directories()) {
    const auto boxes = shm::BlackBoxPage::read_all(base);
    any = any || !boxes.empty();
    for (ShownEvent& told : log.read(base, boxes)) all.push_back(std::move(told));
  }
  std::ranges::stable_sort(all, {}, &ShownEvent::at_us);
  return all;
}

int show_boxes(BoxLog& log, bool follow, Output& output) {
  bool any = false;
  log.show(read_bases(log, any), output);
  while (follow && output.wanted()) {
    output.wait(kLookAtBoxes);
    log.show(read_bases(log, any), output);
  }
  if (any || follow) return kOk;
  for (const std::string& base : base_directories()) {
    const auto copy = shm::latest_copy(shm::box_folder(base));
    if (!copy) continue;
    warn_of("no host has a black box here now; this is the copy " + printable(*copy));
    return show_copy(*copy, log, output);
  }
  return fail(kNotRunning,
              "no host has a black box here, and there is no copy of one (start a host: horus "
              "launch FILE, or a Python program)");
}

/// Whether the base is this user's own, and has boxes: then this program copies them itself.
bool keeps(const std::string& base) {
  const auto looked = shm::Folder::look(base);
  return looked && looked.value()->ours() && !shm::BlackBoxPage::read_all(base).empty();
}

int tell_kept(const std::string& path, Output& output) {
  if (path.empty()) return fail(kNotRunning, "no host has a black box here");
  output.write(path + "\n");
  return kOk;
}

int flush(const Places& places, Output& output) {
  for (const std::string& base : base_directories()) {
    if (!keeps(base)) continue;
    const auto kept = shm::flush_boxes({.base = base,
                                        .folder = shm::box_folder(base),
                                        .robot = shm::robot_of(base),
                                        .why = "asked for"});
    return kept ? tell_kept(kept.value().file, output) : fail(kept.error());
  }
  auto client = connect(places, wire::kControlSocket);
  if (!client) return fail_to_reach(client.error());
  const auto reply =
      client.value().call({.method = wire::method::kControlFlushBlackBox}, kFlushTimeout);
  if (!reply) return fail_to_reach(reply.error());
  const auto text_of = [&reply](const char* key) {
    const auto found = reply.value().parameters.find(key);
    const bool text = found != reply.value().parameters.end() && found->is_string();
    return text ? printable(found->get<std::string>()) : std::string{};
  };
  if (reply.value().error.empty()) return tell_kept(text_of("file"), output);
  if (reply.value().error == wire::error::kPermissionDenied) {
    return fail_to_reach(Error{Errc::kPermission, "keep the black box", 0, {}});
  }
  const std::string why = text_of("message");
  return fail(kError, "the service kept no black box: " +
                          (why.empty() ? printable(reply.value().error) : why));
}

int run_blackbox(const BoxOptions& options, const Places& places, Output& output) {
  if (options.flush) return flush(places, output);
  if (options.follow && !options.file.empty()) {
    return fail(kUsage, "--follow: nothing is added to a file; leave out --file");
  }
  for (const std::string& name : options.events) {
    if (find_kind(std::string_view{name}) != nullptr) continue;
    std::string known;
    for (const EventKindRow& row : kEventKinds) known += " " + std::string{row.name};
    return fail(kUsage, "--event: '" + printable(name) + "' is none of:" + known);
  }
  std::int64_t since_us = 0;
  if (!options.since.empty()) {
    const auto since = instant_us(options.since, wall_clock_us());
    if (!since) {
      return fail(kUsage, "--since: '" + printable(options.since) +
                              "' is no time (\"10 min ago\", \"12:34\", \"2026-05-01 12:34:56\", "
                              "\"today\")");
    }
    since_us = *since;
  }
  BoxLog log{options, since_us};
  return options.file.empty() ? show_boxes(log, options.follow, output)
                              : show_copy(options.file, log, output);
}

}  // namespace

Action declare_blackbox(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<BoxOptions>();
  app.add_option("name", options->of, "Only events of this host, or of the node of that name")
      ->type_name("HOST|NODE");
  app.add_option("--node", options->node, "Only events of this node")->type_name("NODE");
  app.add_option("--event", options->events,
                 "Only events of this kind: miss, error, ... (may be given again)")
      ->type_name("KIND")
      ->delimiter(',');
  app.add_option("--since", options->since,
                 "From then on: \"10 min ago\", \"12:34\", \"2026-05-01 12:34:56\"")
      ->type_name("TIME");
  app.add_flag("--follow", options->follow, "Go on as events come");
  app.add_flag("--json", options->json, "One line of JSON for each event");
  app.add_option("--file", options->file, "Read a copy that was kept")->type_name("FILE");
  app.add_flag("--flush", options->flush, "Have a copy kept now, and print where it is");
  return [options, &places](Output& output) { return run_blackbox(*options, places, output); };
}

}  // namespace horus::cli
