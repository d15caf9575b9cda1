// SPDX-License-Identifier: Apache-2.0
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

struct Options {
  std::string node;
  std::string interval;
  bool watch = false;
  bool json = false;
  bool openmetrics = false;
};

constexpr Nanos kShortest = 100ms;

/// What is there, or of one node only: kNotFound with the node's name when there is no such node.
Result<wire::StatsView> read(const Options& options, const Places& places) {
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

std::string render(const Options& options, const wire::StatsView& stats, std::size_t width) {
  if (options.json) return wire::to_line(wire::to_json(stats)) + "\n";
  if (options.openmetrics) return stats_openmetrics(stats);
  return stats_text(stats, width);
}

/// A live view: counters are totals, durations those of the last interval.
int watch(const Options& options, const Places& places, Nanos interval, Output& output) {
  constexpr std::string_view kClear = "\x1b[H\x1b[2J";
  wire::StatsView before;
  for (bool first = true; output.wanted(); first = false) {
    auto stats = read(options, places);
    if (!stats && first) return fail_to_read(stats.error());
    std::string text;
    if (!options.json && output.is_terminal()) text = kClear;
    if (!stats) {
      // It may be restarting: what runs next is shown again.
      if (!options.json) text += describe(stats.error()) + "\n\n";
    } else if (options.json) {
      text += render(options, stats.value(), output.width());
    } else {
      text += fmt::format("every {}: durations of the last interval, counts since the start\n\n",
                          duration_text(static_cast<double>(to_ns(interval)) / 1e3));
      text += stats_text(since(before, stats.value()), output.width()) + "\n";
      before = std::move(stats).value();
    }
    output.write(text);
    output.wait(interval);
  }
  return kOk;
}

int run_stats(const Options& options, const Places& places, Output& output) {
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
  output.write(render(options, stats.value(), output.width()));
  return kOk;
}

}  // namespace

Action declare_stats(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<Options>();
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
