// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "service/wire/stats_codec.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/interval.hpp"
#include "tools/cli/print_stats.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

struct StatsOptions {
  std::string node;
  std::string interval;
  bool watch = false;
  bool json = false;
  bool openmetrics = false;
};

constexpr Nanos kShortest = 100ms;

/// The statistics, reduced to options.node if that is given. kInvalidArgument with the node's name
/// when there is no such node.
Result<wire::StatsView> read(const StatsOptions& options, const Places& places) {
  auto stats = fetch_stats(places);
  if (!stats || options.node.empty()) return stats;
  auto only = only_node(std::move(stats).value(), options.node);
  if (only.hosts.empty()) {
    return Error{Errc::kInvalidArgument, "find node", 0, Name<200>::clipped(options.node)};
  }
  return only;
}

int fail_to_read(const Error& error) {
  if (error.code != Errc::kInvalidArgument) return fail_to_reach(error);
  return fail(kError, fmt::format("no node '{}' (see 'horusctl node list')", error.subject.view()));
}

std::string render(const StatsOptions& options, const Places& places, const wire::StatsView& stats,
                   std::size_t width) {
  if (options.json) return wire::to_line(wire::to_json(stats)) + "\n";
  if (!options.openmetrics) return stats_text(stats, width);
  auto health = fetch_health(places);
  return stats_openmetrics(stats, health ? std::optional{std::move(health).value()} : std::nullopt);
}

/// The lines that fit on the screen; more would scroll the top out of it. Says how many are left
/// out.
std::string first_lines(const std::string& text, std::size_t height) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines < height) return text;
  std::size_t end = 0;
  for (std::size_t shown = 2; shown < height; ++shown) end = text.find('\n', end) + 1;
  return text.substr(0, end) +
         fmt::format("... {} more lines (a larger window, or --node NAME)", lines + 2 - height);
}

/// The live view: counters are totals, durations are of the last interval (CLI-4).
int watch(const StatsOptions& options, const Places& places, Nanos interval, Output& output) {
  constexpr std::string_view kClear = "\x1b[H\x1b[2J";
  wire::StatsView before;
  for (bool first = true; output.wanted(); first = false) {
    auto stats = read(options, places);
    if (!stats && first) return fail_to_read(stats.error());
    std::string text;
    if (!options.json && output.is_terminal()) text = kClear;
    if (!stats) {
      // The robot may be restarting: go on, and show what runs next.
      if (!options.json) text += "waiting: " + error_line(stats.error()) + "\n\n";
    } else if (options.json) {
      text += render(options, places, stats.value(), output.width());
    } else {
      const std::string length = duration_text(static_cast<double>(to_ns(interval)) / 1e3);
      text += first ? "since the start; from now on every " + length + "\n\n"
                    : "durations of the last " + length + ", counts since the start\n\n";
      text += stats_text(since(before, stats.value()), output.width()) + "\n";
      before = std::move(stats).value();
    }
    output.write(output.is_terminal() ? first_lines(text, output.height()) : text);
    output.wait(interval);
  }
  return kOk;
}

int run_stats(const StatsOptions& options, const Places& places, Output& output) {
  if (options.watch) {
    const auto interval = parse_seconds(options.interval.empty() ? "1" : options.interval);
    if (!interval || interval.value() < kShortest) {
      return fail(kUsage, "--watch: '" + options.interval +
                              "' is no interval (at least \"100 ms\"; plain numbers are seconds)");
    }
    return watch(options, places, interval.value(), output);
  }
  const auto stats = read(options, places);
  if (!stats) return fail_to_read(stats.error());
  output.write(render(options, places, stats.value(), output.width()));
  return kOk;
}

}  // namespace

Action declare_stats(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<StatsOptions>();
  app.add_option("--node", options->node, "Only this node")->type_name("NAME");
  CLI::Option* json = app.add_flag("--json", options->json, "One line of JSON");
  CLI::Option* metrics = app.add_flag("--openmetrics", options->openmetrics, "OpenMetrics text");
  CLI::Option* watch =
      app.add_option("--watch", options->interval, "Show again and again (default: every second)");
  watch->expected(0, 1)->type_name("INTERVAL");
  metrics->excludes(json)->excludes(watch);
  return [options, &places, watch](Output& output) {
    options->watch = watch->count() != 0;
    return run_stats(*options, places, output);
  };
}

}  // namespace horus::cli
