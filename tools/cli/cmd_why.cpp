// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "rt/base/late_ticks.hpp"
#include "rt/base/printable.hpp"
#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"
#include "tools/cli/bandwidth.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/source.hpp"
#include "tools/cli/status.hpp"
#include "tools/cli/text.hpp"
#include "tools/cli/why.hpp"

namespace horus::cli {

namespace {

struct WhyOptions {
  std::string node;
  std::uint64_t count = 10;
  bool json = false;
};

/// The name of a cause, and what to do about it.
struct CauseWords {
  const char* name;
  const char* advice;
};

CauseWords words_of(LateCause::Kind kind) {
  switch (kind) {
    case LateCause::Kind::kOwn:
      return {"its own work", "do less in a tick, or give it a longer deadline or a lower rate"};
    case LateCause::Kind::kBefore:
      return {"ticks of other nodes before it in its thread",
              "give it a lower order, or another rate: then it has a thread of its own"};
    case LateCause::Kind::kBehind:
      return {"the ticks before them, which were not done",
              "do less in a tick, or give it a lower rate; see the slow ticks for their cause"};
    case LateCause::Kind::kGilWait:
      return {"waiting for the GIL", "move it, or what keeps the GIL, into a process of its own"};
    case LateCause::Kind::kGilLost:
      return {"without the GIL in the middle of it",
              "move it, or the thread that had the GIL, into a process of its own"};
    case LateCause::Kind::kCollector:
      return {"collecting garbage", "leave more time between ticks, or keep fewer objects"};
    case LateCause::Kind::kCollected:
      return {"collections of garbage before them",
              "leave more time between ticks, or keep fewer objects"};
    case LateCause::Kind::kNoCpu:
      return {"ready to run, without a CPU",
              "give it a CPU of its own ([cpus], core=) or real-time priority"};
    case LateCause::Kind::kWakeUp:
      return {"woken late", "see 'horusctl doctor' for what delays wake-ups on this machine"};
  }
  return {"unknown", ""};
}

/// "1 message", "4 messages".
std::string counted(std::uint64_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string reason_text(const LateTick& tick) {
  switch (tick.reason.value()) {
    case LateReason::kSlowest: return "slowest of its minute";
    case LateReason::kOverran: return "over its budget";
    case LateReason::kMissed: return "missed its deadline";
    case LateReason::kSkipped: return "skipped " + counted(tick.skipped.value(), "release");
  }
  return "unknown";  // Reachable: the value comes from another process's memory.
}

std::array<std::uint64_t, 3> collections_of(const LateTick& tick) {
  return {tick.collections[0].value(), tick.collections[1].value(), tick.collections[2].value()};
}

double us(const Gauge& gauge) {
  return static_cast<double>(gauge.value()) / 1e3;
}

/// The node that ticked before it in the same thread and was late first, or took longest; empty:
/// there was none.
std::string before_name(const shm::StatsPage& page, const LateTick& tick) {
  const std::int32_t index = tick.before.value();
  if (index < 0 || static_cast<std::size_t>(index) >= page.nodes().size()) return {};
  return std::string{page.nodes()[static_cast<std::size_t>(index)].name.view()};
}

/// The node whose thread had the GIL; empty: another thread had it.
std::string holder_name(const shm::StatsPage& page, const LateTick& tick) {
  const auto has_it = [&tick](const NodeStats& node) {
    return tick.gil_lost_to.value() != 0 && node.tid.value() == tick.gil_lost_to.value();
  };
  const auto nodes = page.nodes();
  const auto found = std::ranges::find_if(nodes, has_it);
  return found == nodes.end() ? std::string{} : std::string{found->name.view()};
}

/// The garbage collections during the tick: "; collected: 3 of generation 0, 1 of generation 2";
/// empty: there were none.
std::string collections_text(const LateTick& tick) {
  std::string text;
  for (std::size_t i = 0; i < tick.collections.size(); ++i) {
    const std::uint64_t count = tick.collections[i].value();
    if (count == 0) continue;
    text += fmt::format("{}{} of generation {}", text.empty() ? "; collected: " : ", ", count, i);
  }
  return text;
}

std::string cause_text(const shm::StatsPage& page, const LateTick& tick) {
  std::array<char, 256> text{};
  const std::size_t size =
      describe_cause(tick, before_name(page, tick), text, holder_name(page, tick));
  return {text.data(), size};
}

/// Calls `visit` for the latest `most` ticks that are kept, the newest first.
template <typename Visit>
void each_latest(const LateTicks& late, std::size_t most, Visit visit) {
  const std::uint64_t count = late.count.value();
  const std::uint64_t kept = std::min<std::uint64_t>({count, LateTicks::kMost, most});
  for (std::uint64_t back = 1; back <= kept; ++back) visit(late.at(count - back));
}

double age_s(const LateTick& tick, TimePoint now) {
  return static_cast<double>(to_ns(now) -
                             std::clamp(tick.release_ns.value(), std::int64_t{0}, to_ns(now))) /
         1e9;
}

std::string around_text(const LateTick::Around& around) {
  if (around.window_ns.value() <= 0) return "";
  return fmt::format(
      "    in {} around it: {} ready without a CPU, {} preemptions, {} page faults, {} of them "
      "from disk\n",
      duration_text(us(around.window_ns)), duration_text(us(around.off_cpu_ns)),
      around.preemptions.value(), around.minor_faults.value() + around.major_faults.value(),
      around.major_faults.value());
}

std::string line_of(const shm::StatsPage& page, const LateTick& tick, TimePoint now) {
  std::string line = fmt::format("  {} ago, tick {} {}: {}", uptime_text(age_s(tick, now)),
                                 tick.number.value(), reason_text(tick), cause_text(page, tick));
  if (tick.limit_ns.value() > 0)
    line += fmt::format("; {} allowed", duration_text(us(tick.limit_ns)));
  if (tick.sent.value() > 0) {
    line += fmt::format("; {} of {} sent", counted(tick.sent.value(), "message"),
                        bytes_text(static_cast<double>(tick.bytes.value())));
  }
  line += collections_text(tick);
  return printable(line) + "\n" + around_text(tick.around);
}

/// "is in its tick for 12.0 s; ", if the node is in a long call; otherwise empty.
std::string busy_text(const shm::StatsPage& page, const NodeStats& node, TimePoint now) {
  const auto call = page.alive() ? wire::long_call_of(page.host(), node, now) : std::nullopt;
  if (!call) return "";
  return fmt::format("is in its {} for {}; ", to_text(call->in),
                     uptime_text(static_cast<double>(to_ns(now) - call->since_ns) / 1e9));
}

/// "is isolated since 3.0 s, ...; ", if the node is on a rung of its ladder; otherwise empty.
std::string ladder_text(const NodeStats& node, bool alive, TimePoint now) {
  const std::int64_t since = node.rung_since_ns.value();
  if (!alive || since <= 0 || since > to_ns(now)) return "";
  return fmt::format(
      "is {} since {}, after {} deadlines missed in a row (back after {} good ticks in a row, {} "
      "so far); ",
      to_text(node.rung.value()), uptime_text(static_cast<double>(to_ns(now) - since) / 1e9),
      node.rung_misses.value(), node.rung_recover.value(), node.rung_good.value());
}

/// One line about the cause that most late ticks share. Ticks that are kept only as the slowest of
/// their minute do not count.
std::string summary(const LateTicks& late) {
  std::array<std::uint64_t, LateCause::kKinds> counts{};
  std::uint64_t all = 0;
  each_latest(late, LateTicks::kMost, [&](const LateTick& tick) {
    if (tick.reason.value() == LateReason::kSlowest) return;
    ++counts[static_cast<std::size_t>(cause_of(tick).kind)];
    ++all;
  });
  if (all == 0) return "no tick was late; the slowest of each minute:\n";
  const auto* const most = std::ranges::max_element(counts);
  const auto words = words_of(static_cast<LateCause::Kind>(most - counts.data()));
  return fmt::format("{} of the last {} late ticks: {}; {}\n", *most, all, words.name,
                     words.advice);
}

int run_why(const WhyOptions& options, const Places& places, Output& output) {
  const auto most = static_cast<std::size_t>(options.count);
  const bool shown = with_page(options.node, [&](const shm::StatsPage& page, std::size_t node) {
    const TimePoint now = MonotonicClock::now();
    if (options.json) return output.write(why_lines(page, node, most, now));
    output.write(verdict_text(places, page.host().name.view(), options.node) +
                 why_text(page, node, most, now));
  });
  if (shown) return kOk;
  return fail(kError,
              fmt::format("no statistics of a node '{}' that this user may read (see "
                          "'horusctl node list'; the service's are for root and group horus)",
                          options.node));
}

}  // namespace

std::string why_text(const shm::StatsPage& page, std::size_t node, std::size_t most,
                     TimePoint now) {
  const LateTicks& late = page.late()[node];
  std::string text =
      fmt::format("node '{}' of host '{}'{}: ", printable(page.nodes()[node].name.view()),
                  printable(page.host().name.view()), page.alive() ? "" : " (dead)");
  text += busy_text(page, page.nodes()[node], now);
  text += ladder_text(page.nodes()[node], page.alive(), now);
  if (late.count.value() == 0) return text + "no late tick so far\n";
  text += summary(late);
  each_latest(late, most, [&](const LateTick& tick) { text += line_of(page, tick, now); });
  return text;
}

std::string why_lines(const shm::StatsPage& page, std::size_t node, std::size_t most,
                      TimePoint now) {
  std::string lines;
  each_latest(page.late()[node], most, [&](const LateTick& tick) {
    const LateTick::Around& around = tick.around;
    lines += wire::to_line({{"node", page.nodes()[node].name.view()},
                            {"host", page.host().name.view()},
                            {"age_s", age_s(tick, now)},
                            {"tick", tick.number.value()},
                            {"reason", reason_text(tick)},
                            {"skipped", tick.skipped.value()},
                            {"cause", cause_text(page, tick)},
                            {"before", before_name(page, tick)},
                            {"limit_us", us(tick.limit_ns)},
                            {"lateness_us", us(tick.lateness_ns)},
                            {"behind_us", us(tick.behind_ns)},
                            {"gil_wait_us", us(tick.gil_wait_ns)},
                            {"collected_before_us", us(tick.collected_before_ns)},
                            {"before_us", us(tick.before_ns)},
                            {"execution_us", us(tick.execution_ns)},
                            {"gil_lost_us", us(tick.gil_lost_ns)},
                            {"gil_lost_to", tick.gil_lost_to.value()},
                            {"gil_lost_to_node", holder_name(page, tick)},
                            {"collecting_us", us(tick.collecting_ns)},
                            {"collector", oldest_collected(tick)},
                            {"collections", collections_of(tick)},
                            {"objects", tick.objects.value()},
                            {"sent", tick.sent.value()},
                            {"bytes_sent", tick.bytes.value()},
                            {"window_us", us(around.window_ns)},
                            {"off_cpu_us", us(around.off_cpu_ns)},
                            {"preemptions", around.preemptions.value()},
                            {"minor_faults", around.minor_faults.value()},
                            {"major_faults", around.major_faults.value()}}) +
             "\n";
  });
  return lines;
}

Action declare_why(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<WhyOptions>();
  app.add_option("node", options->node, "Name of the node")->required()->type_name("NODE");
  app.add_option("--count", options->count, "The latest N ticks (default: 10; 256 are kept)")
      ->type_name("N")
      ->check(positive_count);
  app.add_flag("--json", options->json, "One line of JSON for each tick");
  return [options, &places](Output& output) { return run_why(*options, places, output); };
}

}  // namespace horus::cli
