// SPDX-License-Identifier: Apache-2.0
// How often and how much a topic's publishers send, and how old messages are when they are
// received: topic hz, bw, delay.
#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "tools/cli/bandwidth.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/interval.hpp"
#include "tools/cli/rhythm.hpp"
#include "tools/cli/source.hpp"
#include "tools/cli/text.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

constexpr Nanos kWindow = 1s;  // The length of one measurement.

struct FlowOptions {
  std::string topic;
  std::uint64_t count = 0;  ///< 0: until it is stopped.
  bool once = false;
  bool json = false;

  std::uint64_t limit() const noexcept { return once ? 1 : count; }
};

/// Takes the messages that arrive until `until`, and records when each was sent. Not when it was
/// received, as delays of this program are no irregularity of the topic.
void measure(Source& source, TimePoint until, Rhythm& rhythm, Output& output) {
  while (output.wanted()) {
    const TimePoint now = MonotonicClock::now();
    if (now >= until) return;
    if (source.take(/*wanted=*/false)) {
      rhythm.sent(source.sent_at());
      continue;
    }
    source.wait(std::min(until, now + kLook));
    output.wait(Nanos{});
  }
}

int run_hz(const FlowOptions& options, Output& output) {
  auto source = open_source(options.topic);
  if (!source) return fail_to_open(options.topic, source.error());
  Rhythm rhythm;
  std::uint64_t missed = 0;
  TimePoint until = MonotonicClock::now();
  for (std::uint64_t lines = 0; options.limit() == 0 || lines < options.limit(); ++lines) {
    until += kWindow;
    measure(source.value(), until, rhythm, output);
    const std::uint64_t total = source.value().missed();
    output.write(options.json
                     ? wire::to_line(rhythm_json(options.topic, rhythm, total - missed)) + "\n"
                     : rhythm_text(rhythm, total - missed));
    if (!output.wanted()) break;
    missed = total;
    rhythm.restart();
  }
  return kOk;
}

int run_bw(const FlowOptions& options, Output& output) {
  auto found = find(options.topic);
  if (!found) return fail_to_open(options.topic, found.error());
  Bandwidth bandwidth{found.value().topic, MonotonicClock::now()};
  for (std::uint64_t lines = 0; options.limit() == 0 || lines < options.limit(); ++lines) {
    output.wait(kWindow);
    if (!output.wanted()) break;
    const auto topic = shm::find_topic(found.value().base, options.topic);
    if (!topic) return fail_to_open(options.topic, topic.error());
    const Flow flow = bandwidth.look(topic.value(), MonotonicClock::now());
    output.write(options.json ? wire::to_line(flow_json(options.topic, flow)) + "\n"
                              : flow_text(flow));
  }
  return kOk;
}

std::string delay_line(const FlowOptions& options, const shm::SubscriberInfo& one,
                       const HistogramSnapshot& age) {
  const auto us = [&age](double quantile) {
    return static_cast<double>(age.percentile_ns(quantile)) / 1e3;
  };
  const std::string who = participant_text(one.node, one.pid);
  if (options.json) {
    return wire::to_line({{"topic", options.topic},
                          {"node", one.node},
                          {"pid", one.pid},
                          {"lag", one.lag},
                          {"ticks", age.count()},
                          {"p50_us", us(0.5)},
                          {"p99_us", us(0.99)},
                          {"max_us", us(1)}}) +
           "\n";
  }
  if (age.count() == 0) return printable(who) + "  no tick received one\n";
  return fmt::format("{}  {} ticks  half within {}  99 % within {}  max {}  lag {}\n",
                     printable(who), age.count(), duration_text(us(0.5)), duration_text(us(0.99)),
                     duration_text(us(1)), one.lag);
}

int run_delay(const FlowOptions& options, Output& output) {
  auto found = find(options.topic);
  if (!found) return fail_to_open(options.topic, found.error());
  std::map<std::string, HistogramSnapshot> before;
  for (const auto& one : found.value().topic.subscribers) before[one.cursor] = one.age;
  for (std::uint64_t lines = 0; options.limit() == 0 || lines < options.limit(); ++lines) {
    output.wait(kWindow);
    if (!output.wanted()) break;
    const auto topic = shm::find_topic(found.value().base, options.topic);
    if (!topic) return fail_to_open(options.topic, topic.error());
    std::string text;
    for (const auto& one : topic.value().subscribers) {
      if (!one.alive) continue;
      text += delay_line(options, one, since(before[one.cursor], one.age));
      before[one.cursor] = one.age;
    }
    output.write(text.empty() && !options.json ? "no subscribers\n" : text);
  }
  return kOk;
}

std::shared_ptr<FlowOptions> declare_flow(CLI::App& app) {
  auto options = std::make_shared<FlowOptions>();
  app.add_option("topic", options->topic, "Name of the topic")->required()->type_name("TOPIC");
  app.add_flag("--json", options->json, "One line of JSON each");
  CLI::Option* once = app.add_flag("--once", options->once, "Only one");
  app.add_option("--count", options->count, "End after N lines, each of one second")
      ->type_name("N")
      ->check(positive_count)
      ->excludes(once);
  return options;
}

}  // namespace

Action declare_topic_hz(CLI::App& app, const Places&) {
  const auto options = declare_flow(app);
  return [options](Output& output) { return run_hz(*options, output); };
}

Action declare_topic_delay(CLI::App& app, const Places&) {
  const auto options = declare_flow(app);
  return [options](Output& output) { return run_delay(*options, output); };
}

Action declare_topic_bw(CLI::App& app, const Places&) {
  const auto options = declare_flow(app);
  return [options](Output& output) { return run_bw(*options, output); };
}

}  // namespace horus::cli
