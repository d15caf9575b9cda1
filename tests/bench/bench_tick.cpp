// SPDX-License-Identifier: Apache-2.0
// Release lateness of an executor beside cyclictest's: same period, priority and CPU, round by
// round in one run. JSON to stdout, or to the file given by --out.
//
//   bench_tick [--rounds 5] [--seconds 2] [--rate 1000] [--priority 80] [--cpu N] [--out FILE]
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <horus/scheduler.hpp>

#include "rt/spin_policy.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/tick_cost.hpp"
#include "tests/bench/tick_steps.hpp"

namespace {

using namespace horus;  // NOLINT(google-build-using-namespace): a program's own file.

struct Options {
  int rounds = 5;
  int seconds = 2;
  int rate_hz = 1000;
  int priority = 80;
  int cpu = CpuSet::allowed().last();
  std::string out;
};

/// What one round of one contender showed.
struct Round {
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  double skipped = 0;
  std::optional<double> cpu_percent;
};

/// Does nothing but to account for the CPU time that its thread uses.
class EmptyNode final : public Node {
 public:
  void init() override { begin_ = cpu_time(); }
  void tick(const Tick&) override {}
  void shutdown() override { used = cpu_time() - begin_; }

  Nanos used{};

 private:
  static Nanos cpu_time() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
  }
  Nanos begin_{};
};

class NullSink final : public LogSink {
 public:
  void write(const LogRecord&) noexcept override {}
  void lost(std::uint64_t) noexcept override {}
};

struct Contender {
  std::string name;
  bool cyclictest = false;
  Nanos spin_limit{};
  bool hold_latency = false;  ///< /dev/cpu_dma_latency at 0 meanwhile.
};

void add(HistogramSnapshot& to, const HistogramSnapshot& more) noexcept {
  for (std::size_t i = 0; i < to.buckets.size(); ++i) to.buckets[i] += more.buckets[i];
  to.max_ns = std::max(to.max_ns, more.max_ns);
}

std::optional<Round> run_horus(const Options& options, const Contender& contender) {
  NullSink sink;
  SchedulerOptions settings;
  settings.spin_limit = contender.spin_limit;
  settings.log = &sink;
  settings.profile = {.fifo = options.priority > 0,
                      .priority_ceiling = options.priority,
                      .dma_latency = contender.hold_latency,
                      .cpus = CpuSet::of(options.cpu)};
  const RtReport report = apply(settings.profile);
  EmptyNode node;
  Scheduler scheduler{settings};
  const auto host = std::make_unique<HostStats>();
  std::vector<NodeStats> nodes(1);
  if (!scheduler.add(
          node, {.name = NodeName::clipped("bench"), .rate = Rate::from_hz(options.rate_hz)}) ||
      !scheduler.start({.host = host.get(), .nodes = nodes})) {
    return std::nullopt;
  }
  const auto time = std::chrono::seconds{options.seconds};
  scheduler.wait(time);
  // A skipped release was served as late as its response says, or the row would end at a period.
  HistogramSnapshot seen = nodes[0].lateness.snapshot();
  add(seen, nodes[0].skipped_response.snapshot());
  const auto us = [&seen](double quantile) {
    return static_cast<double>(seen.percentile_ns(quantile)) / 1e3;
  };
  return Round{.p50_us = us(0.5),
               .p99_us = us(0.99),
               .p999_us = us(0.999),
               .max_us = us(1.0),
               .skipped = static_cast<double>(nodes[0].skipped.value()),
               .cpu_percent = 100.0 * std::chrono::duration<double>{node.used}.count() /
                              static_cast<double>(options.seconds)};
}

/// The "histogram" object of cyclictest's JSON: nanoseconds to count.
std::map<std::int64_t, std::int64_t> parse_histogram(const std::string& json) {
  std::map<std::int64_t, std::int64_t> counts;
  auto at = json.find("\"histogram\"");
  const auto end = json.find('}', at);
  if (at == std::string::npos || end == std::string::npos) return counts;
  at = json.find('{', at);
  while ((at = json.find('"', at)) < end) {
    const auto close = json.find('"', at + 1);
    const auto colon = json.find(':', close);
    counts[std::atoll(json.c_str() + at + 1)] = std::atoll(json.c_str() + colon + 1);
    at = close + 1;
  }
  return counts;
}

double number_after(const std::string& json, std::string_view key) {
  const auto at = json.find(key);
  return at == std::string::npos ? 0.0 : std::atof(json.c_str() + json.find(':', at) + 1);
}

std::optional<Round> summarise(const std::string& json) {
  const auto counts = parse_histogram(json);
  std::int64_t total = 0;
  for (const auto& [ns, count] : counts) total += count;
  if (total == 0) return std::nullopt;
  // What is above the histogram is in its maximum only: quantiles count it as the largest.
  const auto cycles = static_cast<std::int64_t>(number_after(json, "\"cycles\""));
  const double max_us = number_after(json, "\"max\"") / 1e3;
  const auto quantile = [&](double share) {
    const auto rank = static_cast<std::int64_t>(share * static_cast<double>(cycles) + 0.5);
    std::int64_t seen = 0;
    for (const auto& [ns, count] : counts) {
      seen += count;
      if (seen >= rank) return static_cast<double>(ns) / 1e3;
    }
    return max_us;
  };
  return Round{.p50_us = quantile(0.5),
               .p99_us = quantile(0.99),
               .p999_us = quantile(0.999),
               .max_us = max_us,
               .skipped = 0,
               .cpu_percent = std::nullopt};
}

std::optional<Round> run_cyclictest(const Options& options, const Contender& contender) {
  const std::string file = "/tmp/bench_tick-" + std::to_string(::getpid()) + ".json";
  std::ostringstream command;
  command << "cyclictest -q -m -N -t1 -h 1000000 -i " << 1'000'000 / options.rate_hz << " -l "
          << options.rate_hz * options.seconds << " -a " << options.cpu << " --json=" << file;
  if (options.priority > 0) {
    command << " -p " << options.priority;
  } else {
    command << " --policy=other";
  }
  if (!contender.hold_latency) command << " --default-system";
  command << " >/dev/null 2>&1";
  // A benchmark's main thread, before and after which nothing else runs.
  if (std::system(command.str().c_str()) != 0) return std::nullopt;  // NOLINT
  std::ifstream stream{file};
  const std::string json{std::istreambuf_iterator<char>{stream}, {}};
  ::unlink(file.c_str());
  return summarise(json);
}

bench::Fields context(const Options& options) {
  bench::Fields fields = bench::machine();
  fields.insert(fields.end(),
                {{"cyclictest", bench::output_of("cyclictest --help 2>&1")},
                 {"policy", options.priority > 0 ? "fifo " + std::to_string(options.priority)
                                                 : std::string{"other"}},
                 {"cpu", std::to_string(options.cpu)},
                 {"rate_hz", std::to_string(options.rate_hz)},
                 {"seconds_per_round", std::to_string(options.seconds)}});
  return fields;
}

using Samples = std::map<std::string, std::pair<std::string, std::vector<double>>>;

void collect(Samples& samples, const std::string& contender, const Round& round) {
  const auto add = [&](const char* what, const char* unit, double value) {
    auto& [its_unit, values] = samples["tick/" + contender + "/" + what];
    its_unit = unit;
    values.push_back(value);
  };
  add("lateness_p50", "us", round.p50_us);
  add("lateness_p99", "us", round.p99_us);
  add("lateness_p999", "us", round.p999_us);
  add("lateness_max", "us", round.max_us);
  add("skipped", "releases", round.skipped);
  if (round.cpu_percent) add("cpu", "%", *round.cpu_percent);
}

double median_of(const Samples& samples, const std::string& name) {
  const auto found = samples.find(name);
  return found == samples.end() ? 0.0 : bench::median(found->second.second);
}

/// As that of a bare one, of a node whose host keeps snapshots and late ticks.
constexpr const char* kRecordedRow = "tick/own_cost/instructions_recorded";

/// The largest median that the row may have; of a contender only where it spins.
std::optional<double> target_of(const std::string& name, const Samples& samples) {
  // Half of what it was when it was first counted.
  if (name == "tick/own_cost/instructions") return 526.0;
  if (name == kRecordedRow) return 1.03 * median_of(samples, "tick/own_cost/instructions");
  if (name == "tick/own_cost/horus") return 1.5 * median_of(samples, "tick/own_cost/floor");
  for (const std::string variant : {"tick/default/", "tick/latency_held/"}) {
    if (name == variant + "horus/lateness_p50") return 1.0;
    if (name == variant + "horus/cpu") return 15.0;
    const std::string peer = variant + "cyclictest/lateness_p99";
    if (name == variant + "horus/lateness_p99" && samples.contains(peer)) {
      return median_of(samples, peer);
    }
  }
  return std::nullopt;
}

const char* verdict(double value, std::optional<double> target) {
  if (!target) return "";
  return value > *target ? " (missed)" : " (met)";
}

/// Lateness beside CPU, medians of the rounds, for a person: to stderr, as stdout may be the JSON.
void show(const std::vector<Contender>& contenders, const Samples& samples) {
  std::fprintf(stderr, "%-36s %10s %10s %12s %8s\n", "", "p50 us", "p99 us", "max us", "CPU %");
  for (const Contender& contender : contenders) {
    const std::string row = "tick/" + contender.name + "/";
    std::fprintf(stderr, "%-36s", contender.name.c_str());
    for (const char* what : {"lateness_p50", "lateness_p99", "lateness_max", "cpu"}) {
      const std::string name = row + what;
      const double value = median_of(samples, name);
      std::fprintf(stderr, " %10.2f%s", value, verdict(value, target_of(name, samples)));
    }
    std::fputc('\n', stderr);
  }
  const double own = median_of(samples, "tick/own_cost/horus");
  std::fprintf(stderr, "%-36s %10.1f ns%s, two clock reads and an empty call %.1f ns\n",
               "a tick's own cost", own, verdict(own, target_of("tick/own_cost/horus", samples)),
               median_of(samples, "tick/own_cost/floor"));
  const double steps = median_of(samples, "tick/own_cost/instructions");
  std::fprintf(stderr, "%-36s %10.0f instructions%s\n", "from one timer wait to the next", steps,
               verdict(steps, target_of("tick/own_cost/instructions", samples)));
  const double recorded = median_of(samples, kRecordedRow);
  std::fprintf(stderr, "%-36s %10.0f instructions%s\n", "with snapshots and late ticks", recorded,
               verdict(recorded, target_of(kRecordedRow, samples)));
}

std::optional<Options> parse(std::span<char*> arguments) {
  Options options;
  const std::map<std::string_view, int*> numbers{{"--rounds", &options.rounds},
                                                 {"--seconds", &options.seconds},
                                                 {"--rate", &options.rate_hz},
                                                 {"--priority", &options.priority},
                                                 {"--cpu", &options.cpu}};
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::string_view key{arguments[i]};
    const std::string_view value{arguments[i + 1]};
    if (key == "--out") {
      options.out = value;
      continue;
    }
    const auto number = numbers.find(key);
    if (number == numbers.end()) return std::nullopt;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), *number->second);
    if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  }
  const bool sane = options.rounds > 0 && options.seconds > 0 && options.rate_hz > 0;
  return arguments.size() % 2 == 1 && sane ? std::optional{options} : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  auto options = parse({argv, static_cast<std::size_t>(argc)});
  if (!options) {
    std::cerr << "usage: bench_tick [--rounds N] [--seconds N] [--rate HZ] [--priority N] "
                 "[--cpu N] [--out FILE]\n";
    return 2;
  }
  // Both contenders get the same: what is not granted to one is not asked by the other.
  options->priority = std::min(options->priority, probe_capabilities().max_priority);
  std::vector<Contender> contenders;
  for (const bool hold : {false, true}) {
    const std::string variant = hold ? "latency_held/" : "default/";
    contenders.push_back({variant + "horus", false, kLongestSpin, hold});
    contenders.push_back({variant + "cyclictest", true, Nanos{}, hold});
    // The curve of lateness against CPU: how long a thread may spin at most.
    for (const Nanos spin : {100us, 50us, 25us}) {
      contenders.push_back(
          {variant + "horus_spin_" + std::to_string(spin / 1us) + "us", false, spin, hold});
    }
    contenders.push_back({variant + "horus_without_spin", false, Nanos{}, hold});
  }
  Samples samples;
  const bench::Fields fields = context(*options);
  for (const auto& [row, records] : {std::pair{"tick/own_cost/instructions", bench::Records::kNone},
                                     std::pair{kRecordedRow, bench::Records::kKept}}) {
    if (const auto instructions = bench::tick_instructions(records)) {
      samples[row] = {"instructions", {static_cast<double>(*instructions)}};
    }
  }
  for (int round = 0; round < options->rounds; ++round) {
    const bench::TickCost cost = bench::tick_cost();
    samples["tick/own_cost/horus"].first = samples["tick/own_cost/floor"].first = "ns";
    samples["tick/own_cost/horus"].second.push_back(cost.ours_ns);
    samples["tick/own_cost/floor"].second.push_back(cost.floor_ns);
    for (const Contender& contender : contenders) {
      const auto result = contender.cyclictest ? run_cyclictest(*options, contender)
                                               : run_horus(*options, contender);
      if (result) {
        collect(samples, contender.name, *result);
      } else {
        std::cerr << contender.name << ": did not run\n";
      }
    }
  }
  std::vector<bench::Result> results;
  for (const auto& [name, unit_and_values] : samples) {
    results.push_back({name, unit_and_values.first, unit_and_values.second, {}});
    if (const auto target = target_of(name, samples)) results.back().notes = {{"target", *target}};
  }
  show(contenders, samples);
  if (options->out.empty()) {
    bench::write_json(std::cout, fields, results);
  } else {
    std::ofstream file{options->out};
    bench::write_json(file, fields, results);
  }
  return 0;
}
