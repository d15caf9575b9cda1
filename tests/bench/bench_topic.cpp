// SPDX-License-Identifier: Apache-2.0
// What a message's way through a topic costs beside the least that it could: a seqlock on one core,
// a word that two cores pass to and fro, a bare futex, a memcpy. Same thread, another thread,
// another process; 16 bytes to 1 MiB; polling and sleeping readers; with the processor's sleep
// states allowed and held off. Frames that are copied in and out, a send that wakes 16 sleepers
// of one process, a topic that is opened, a publisher that comes to a subscriber of another
// session, cameras that start beside a real-time reader, and calls that come one by one, 2 ms
// apart, with cold caches. Rows have their targets.
//
//   bench_topic [--rounds 5] [--only TEXT] [--out FILE]
//
// A table to stderr, JSON to stdout or to FILE. Each sample between two processors stands between
// two of its floor; where these differ by more than 1.4 the machine moved, and it is dropped.
// Times are one way: half of there and back. Maxima are of everything that was measured.
#include <sys/mman.h>

#include <charconv>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "rt/base/seqlock.hpp"
#include "tests/bench/partner.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/single_calls.hpp"
#include "tests/bench/topic_targets.hpp"

namespace horus::bench {
namespace {

constexpr double kDrift = 1.4;

struct Options {
  int rounds = 5;
  std::string only;
  std::string out;
};

std::vector<Cell> all_cells() {
  using Kind = Cell::Kind;
  std::vector<Cell> cells;
  const std::vector<std::pair<std::uint32_t, std::string>> sizes{
      {16, "16B"}, {64, "64B"}, {1024, "1KiB"}, {65536, "64KiB"}, {kLargest, "1MiB"}};
  for (const auto& [size, text] : sizes) {
    cells.push_back({.name = "same/" + text, .kind = Kind::kSame, .size = size});
  }
  cells.push_back({.name = "same/64B_4pub", .kind = Kind::kSame, .publishers = 4});
  cells.push_back({.name = "same/64B_4sub", .kind = Kind::kSame, .subscribers = 4});
  cells.push_back({.name = "same/64B_generic", .kind = Kind::kSame, .generic = true});
  for (const bool process : {false, true}) {
    const std::string where = process ? "process/" : "thread/";
    const std::string polling = where + "polling/";
    const std::string sleeping = where + "sleeping/";
    for (const auto& [size, text] : sizes) {
      cells.push_back({.name = polling + text, .size = size, .process = process});
    }
    cells.push_back({.name = polling + "64B_4pub", .process = process, .publishers = 4});
    cells.push_back({.name = polling + "64B_4sub", .process = process, .subscribers = 4});
    cells.push_back({.name = polling + "64B_generic", .process = process, .generic = true});
    cells.push_back({.name = polling + "image_1MiB",
                     .kind = Kind::kImage,
                     .size = kLargest,
                     .process = process});
    for (const auto& [size, text] : {std::pair{kLargest, "1MiB"}, {kFrame, "1080p"}}) {
      cells.push_back({.name = polling + "copied_" + text,
                       .kind = Kind::kCopied,
                       .size = size,
                       .process = process});
    }
    cells.push_back({.name = sleeping + "16B", .size = 16, .process = process, .sleeps = true});
    cells.push_back(
        {.name = sleeping + "1MiB", .size = kLargest, .process = process, .sleeps = true});
    cells.push_back(
        {.name = where + "stream/16B", .kind = Kind::kStream, .size = 16, .process = process});
  }
  cells.push_back({.name = "thread/burst/16_sleepers", .kind = Kind::kBurst, .subscribers = 16});
  cells.push_back({.name = "same/open", .kind = Kind::kOpen});
  cells.push_back({.name = "session/attach", .kind = Kind::kAttach});
  cells.push_back({.name = "cold/64B", .kind = Kind::kCold});
  cells.push_back({.name = "cold/1080p", .kind = Kind::kCold, .size = kFrame});
  cells.push_back({.name = "session/cameras", .kind = Kind::kCameras});
  return cells;
}

/// Nanoseconds a cycle, from the start of the program.
double ns_of(double cycles) {
  static const std::uint64_t kCycles = cycle_count();
  static const TimePoint kTime = MonotonicClock::now();
  const auto ns = static_cast<double>(to_ns(MonotonicClock::now() - kTime));
  const auto passed = static_cast<double>(cycle_count() - kCycles);
  return passed == 0 ? 0 : cycles * ns / passed;
}

/// Of one sample: many ways there and back.
struct Hops {
  double median_ns = 0;
  double p99_ns = 0;
  double max_ns = 0;
};

Hops summary(std::vector<std::uint64_t>& cycles) {
  std::ranges::sort(cycles);
  const auto one_way = [&cycles](std::size_t at) {
    return ns_of(static_cast<double>(cycles[std::min(at, cycles.size() - 1)])) / 2;
  };
  return {.median_ns = one_way(cycles.size() / 2),
          .p99_ns = one_way(cycles.size() * 99 / 100),
          .max_ns = one_way(cycles.size() - 1)};
}

/// A row of the report, with its floor where there is one.
struct Row {
  std::string unit = "ns";
  std::vector<double> ours;
  std::vector<double> floor;
  double dropped = 0;
  double lost = 0;  ///< Messages that were overwritten before they were taken.
  double sent = 0;
};

class Bench {
 public:
  Bench(shm::Session& session, Shared& shared, std::span<const Cell> cells, const Partner& thread,
        const Partner& process)
      : session_{session}, shared_{shared}, cells_{cells}, thread_{thread}, process_{process} {}

  void run(std::size_t cell, const std::string& variant) {
    const std::string name = variant + cells_[cell].name;
    switch (cells_[cell].kind) {
      case Cell::Kind::kSame: return same(cells_[cell], name);
      case Cell::Kind::kStream: return stream(cell, name);
      case Cell::Kind::kBurst: return burst(cells_[cell], name);
      case Cell::Kind::kOpen: return open(cells_[cell], name);
      case Cell::Kind::kAttach: return add(name, attach_cost(session_, name));
      case Cell::Kind::kCameras: return add(name, cameras_cost(session_, name));
      case Cell::Kind::kCold:
        return cells_[cell].size == kFrame ? add(name, cold_frame_costs(session_, name))
                                           : add(name, cold_message_costs(session_, name));
      default: return hop(cell, name);
    }
  }
  const std::map<std::string, Row>& rows() const noexcept { return rows_; }

 private:
  const Partner& partner(std::size_t cell) const {
    return cells_[cell].process ? process_ : thread_;
  }
  void add(const std::string& name, const std::vector<Cost>& costs) {
    if (costs.empty()) return fail(name);
    for (const Cost& cost : costs) {
      rows_[name + cost.what].ours.push_back(cost.ours);
      rows_[name + cost.what].floor.push_back(cost.floor);
    }
  }
  static void fail(const std::string& name) { std::cerr << name << ": came to no end\n"; }

  template <typename Work>
  static double ns_each(int count, Work work) {
    const TimePoint begin = MonotonicClock::now();
    for (int i = 0; i < count; ++i) work();
    return static_cast<double>(to_ns(MonotonicClock::now() - begin)) / count;
  }

  template <std::size_t Size>
  void seqlock_floor(const std::string& name, int count) {
    using Value = std::array<std::byte, Size>;
    auto lock = std::make_unique<Seqlock<Value>>();
    Value value{};
    const auto keep = [](const auto& what) { asm volatile("" : : "m"(what) : "memory"); };
    rows_[name + "/send"].floor.push_back(ns_each(count, [&] {
      keep(value);
      lock->store(value);
    }));
    rows_[name + "/send_take"].floor.push_back(ns_each(count, [&] {
      keep(value);
      lock->store(value);
      keep(lock->load());
    }));
  }
  void copy_floor(const std::string& name, std::uint32_t size, int count) {
    std::vector<std::byte> own(size);
    rows_[name + "/send"].floor.push_back(
        ns_each(count, [&] { std::memcpy(shared_.there.data(), own.data(), size); }));
    rows_[name + "/send_take"].floor.push_back(ns_each(count, [&] {
      std::memcpy(shared_.there.data(), own.data(), size);
      std::memcpy(own.data(), shared_.there.data(), size);
    }));
  }

  void same(const Cell& cell, const std::string& name) {
    const int count = cell.size >= kBulk ? static_cast<int>((16U << 20) / cell.size) : 100'000;
    TopicEnd end{session_, cell, Side::kBoth};
    if (!end.connected()) return fail(name);
    // A tenth first, for caches and predictors.
    ns_each(count / 10, [&end] { end.send(); });
    rows_[name + "/send"].ours.push_back(ns_each(count, [&end] { end.send(); }));
    end.drain();
    bool all = true;
    rows_[name + "/send_take"].ours.push_back(ns_each(count, [&] {
      end.send();
      all = all && end.receive();
    }));
    if (!all) fail(name);
    switch (cell.size) {
      case 16: return seqlock_floor<16>(name, count);
      case 64: return seqlock_floor<64>(name, count);
      case 1024: return seqlock_floor<1024>(name, count);
      default: return copy_floor(name, cell.size, count);
    }
  }

  template <typename End>
  std::optional<Hops> hops(std::size_t cell, std::size_t count, End& end) {
    std::vector<std::uint64_t> warm(count / 10);
    std::vector<std::uint64_t> cycles(count);
    const bool came = ping(end, warm) && ping(end, cycles);
    if (!partner(cell).answer().good || !came) return std::nullopt;
    return summary(cycles);
  }
  std::optional<Hops> bare(std::size_t cell, std::size_t count) {
    shared_.word = 0;
    BareEnd end{shared_, cells_[cell], Side::kFirst};
    partner(cell).ask({.cell = cell, .hops = count + count / 10, .floor = true});
    if (!partner(cell).answer().good) return std::nullopt;
    return hops(cell, count, end);
  }
  template <typename End>
  std::optional<Hops> through_topics(std::size_t cell, std::size_t count) {
    End end{session_, cells_[cell], Side::kFirst};
    partner(cell).ask({.cell = cell, .hops = count + count / 10, .floor = false});
    if (!partner(cell).answer().good) return std::nullopt;
    if (end.connected()) return hops(cell, count, end);
    partner(cell).answer();
    return std::nullopt;
  }

  std::optional<Hops> measured(std::size_t cell, std::size_t count) {
    switch (cells_[cell].kind) {
      case Cell::Kind::kImage: return through_topics<ImageEnd>(cell, count);
      case Cell::Kind::kCopied: return through_topics<CopiedEnd>(cell, count);
      default: return through_topics<TopicEnd>(cell, count);
    }
  }

  void hop(std::size_t cell, const std::string& name) {
    const bool image = cells_[cell].kind == Cell::Kind::kImage;
    std::size_t count = 20'000;
    if (cells_[cell].sleeps) count = 500;
    if (cells_[cell].size >= kBulk && !image) {
      count = std::max<std::size_t>(50, (32U << 20) / cells_[cell].size);
    }
    const auto before = image ? bare(cell - 1, count) : bare(cell, count);
    const auto ours = measured(cell, count);
    const auto after = image ? bare(cell - 1, count) : bare(cell, count);
    if (!before || !ours || !after) return fail(name);
    rows_[name + "/max"].ours.push_back(ours->max_ns);
    rows_[name + "/max"].floor.push_back(std::max(before->max_ns, after->max_ns));
    const auto [low, high] = std::minmax(before->median_ns, after->median_ns);
    if (high > kDrift * low) {
      ++rows_[name].dropped;
      return;
    }
    rows_[name].ours.push_back(ours->median_ns);
    rows_[name].floor.push_back((low + high) / 2);
    rows_[name + "/p99"].ours.push_back(ours->p99_ns);
    rows_[name + "/p99"].floor.push_back((before->p99_ns + after->p99_ns) / 2);
  }

  /// Threads that sleep until `finished`, and what one call that wakes all of them costs; a call
  /// each 2 ms, so that all of them sleep again.
  template <typename Sleep, typename Wake>
  double wake_all(int sleepers, Sleep sleep, Wake wake) {
    shared_.finished = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < sleepers; ++i) {
      threads.emplace_back([this, i, &sleep] {
        while (shared_.finished.load(std::memory_order_acquire) == 0) sleep(i);
      });
    }
    std::vector<double> costs;
    for (int i = 0; i < 200; ++i) {
      std::this_thread::sleep_for(2ms);
      costs.push_back(ns_each(1, wake));
    }
    shared_.finished.store(1, std::memory_order_release);
    wake();
    for (std::thread& thread : threads) thread.join();
    return median(costs);
  }

  void burst(const Cell& cell, const std::string& name) {
    auto publisher = session_.publish(name, type_of_size(cell.size)).value();
    std::vector<shm::RawSubscriber> sleepers;
    for (int i = 0; i < cell.subscribers; ++i) {
      sleepers.push_back(session_.subscribe(name, type_of_size(cell.size)).value());
    }
    if (!patiently([&] { return publisher.subscribers() == sleepers.size(); })) return fail(name);
    const std::vector<std::byte> message(cell.size);
    const double ours = wake_all(
        cell.subscribers,
        [&](int i) {
          auto& one = sleepers[static_cast<std::size_t>(i)];
          std::vector<std::byte> buffer(message.size());
          one.wait_until(MonotonicClock::now() + 1s);
          while (one.take(buffer) >= 0) {
          }
        },
        [&] { publisher.send(message); });
    shared_.word = 0;
    const double floor = wake_all(
        cell.subscribers,
        [this](int) {
          constexpr timespec kBound{.tv_sec = 1, .tv_nsec = 0};
          ::syscall(SYS_futex, &shared_.word, FUTEX_WAIT, shared_.word.load(), &kBound, nullptr, 0);
        },
        [this] {
          ++shared_.word;
          ::syscall(SYS_futex, &shared_.word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
        });
    rows_[name + "/send"].ours.push_back(ours);
    rows_[name + "/send"].floor.push_back(floor);
  }

  /// A topic's two ends, opened and found by each other; the least: two files made and mapped.
  void open(const Cell& cell, const std::string& name) {
    constexpr int kTopics = 50;
    int number = 0;
    std::vector<double> attached;
    std::vector<double> opened;
    for (int i = 0; i < kTopics; ++i) {
      const std::string topic = name + "/" + std::to_string(number++);
      const TimePoint begin = MonotonicClock::now();
      auto publisher = session_.publish(topic, type_of_size(cell.size)).value();
      auto subscriber = session_.subscribe(topic, type_of_size(cell.size)).value();
      opened.push_back(static_cast<double>(to_ns(MonotonicClock::now() - begin)));
      if (!patiently([&] { return subscriber.publishers() == 1; })) return fail(name);
      attached.push_back(static_cast<double>(to_ns(MonotonicClock::now() - begin)));
    }
    const double floor = ns_each(kTopics, [] {
      for (int i = 0; i < 2; ++i) {
        const UniqueFd file{::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
        constexpr std::size_t kSize = 8192;
        if (::posix_fallocate(file.get(), 0, kSize) != 0) return;
        void* const memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_POPULATE, file.get(), 0);
        if (memory != MAP_FAILED) ::munmap(memory, kSize);
      }
    });
    for (const auto& [what, times] : {std::pair{"/opened", opened}, {"/attached", attached}}) {
      rows_[name + what].ours.push_back(median(times));
      rows_[name + what].floor.push_back(floor);
    }
  }

  /// As fast as it goes: what a send costs while another processor reads, how many get there.
  void stream(std::size_t cell, const std::string& name) {
    constexpr int kMessages = 1'000'000;
    const Partner& other = partner(cell);
    shared_.finished = 0;
    TopicEnd end{session_, cells_[cell], Side::kFirst};
    other.ask({.cell = cell, .hops = 0, .floor = false});
    if (!other.answer().good) return fail(name);
    if (!end.connected()) fail(name);
    const double ours = ns_each(kMessages, [&end] { end.send(); });
    shared_.finished.store(1, std::memory_order_release);
    const Answer answer = other.answer();
    rows_[name + "/send"].ours.push_back(ours);
    Row& received = rows_[name + "/received"];
    received.unit = "M/s";
    received.ours.push_back(static_cast<double>(answer.received) * 1e3 / (ours * kMessages));
    received.lost += static_cast<double>(answer.missed);
    received.sent += kMessages;
    if (answer.received + answer.missed != kMessages) fail(name + ": some are not accounted for");
  }

  shm::Session& session_;
  Shared& shared_;
  std::span<const Cell> cells_;
  const Partner& thread_;
  const Partner& process_;
  std::map<std::string, Row> rows_;
};

std::vector<Result> results_of(const std::map<std::string, Row>& rows) {
  std::vector<Result> results;
  for (const auto& [name, row] : rows) {
    if (row.ours.empty()) continue;
    Result result{.name = name, .unit = row.unit, .samples = row.ours, .notes = {}};
    std::vector<double> ratios;
    for (std::size_t i = 0; i < row.floor.size(); ++i) ratios.push_back(row.ours[i] / row.floor[i]);
    if (!ratios.empty()) result.notes = {{"floor", median(row.floor)}, {"ratio", median(ratios)}};
    if (const auto target = target_of(name)) {
      result.notes.emplace_back("target", target->bound);
      result.notes.emplace_back("met", target->met(median(row.ours), median(ratios)) ? 1 : 0);
    }
    if (row.dropped != 0) result.notes.emplace_back("dropped", row.dropped);
    if (row.sent != 0) {
      result.notes.insert(result.notes.end(), {{"lost", row.lost}, {"sent", row.sent}});
    }
    results.push_back(std::move(result));
  }
  return results;
}

/// One line a way: its medians, the tails, what they would be without a topic.
void show(const std::map<std::string, Row>& rows, const std::vector<Result>& results) {
  std::cerr << "median, smallest and largest of the rounds' medians\n";
  for (const auto& [name, row] : rows) {
    if (row.ours.empty()) std::cerr << name << ": every sample was dropped\n";
  }
  const auto tail = [&rows](const std::string& name, const char* what) {
    const auto found = rows.find(name + what);
    if (found == rows.end()) return;
    const auto largest = [](const auto& values) { return *std::ranges::max_element(values); };
    std::cerr << "  " << what + 1 << " " << largest(found->second.ours) << " (floor "
              << largest(found->second.floor) << ")";
  };
  for (const Result& result : results) {
    if (result.name.ends_with("/p99") || result.name.ends_with("/max")) continue;
    const auto [low, high] = std::ranges::minmax_element(result.samples);
    std::array<char, 160> line{};
    std::snprintf(line.data(), line.size(), "%-42s%11.1f%11.1f%11.1f %-3s", result.name.c_str(),
                  median(result.samples), *low, *high, result.unit.c_str());
    std::cerr << line.data();
    for (const auto& [what, number] : result.notes) {
      if (what == "met") {
        std::cerr << (number != 0 ? " (met)" : " (missed)");
      } else {
        std::cerr << "  " << what << " " << number;
      }
    }
    tail(result.name, "/p99");
    tail(result.name, "/max");
    std::cerr << "\n";
  }
}

std::optional<Options> parse(std::span<char*> arguments) {
  Options options;
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string_view key{arguments[i]};
    if (i + 1 == arguments.size()) return std::nullopt;
    const std::string_view value{arguments[i + 1]};
    if (key == "--only") {
      options.only = value;
    } else if (key == "--out") {
      options.out = value;
    } else if (key != "--rounds" ||
               std::from_chars(value.data(), value.data() + value.size(), options.rounds).ec !=
                   std::errc{} ||
               options.rounds < 1) {
      return std::nullopt;
    }
  }
  return options;
}

int measure(const Options& options, const std::string& base) {
  const std::vector<Cell> cells = all_cells();
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  auto& shared = *new (memory) Shared;
  ns_of(0);
  const CpuSet cpus = CpuSet::allowed();
  const Fields context = machine();
  const Partner process{base, cells, shared, cpus.last()};
  const auto session = shm::Session::open(base).value();
  const Partner thread{*session, cells, shared, cpus.last()};
  // After the session's helper thread has begun, which runs where there is room.
  pin(cpus.first());
  Bench bench{*session, shared, cells, thread, process};
  for (int round = 0; round < options.rounds; ++round) {
    for (const bool held : {false, true}) {
      // The request holds as long as the file is open.
      const UniqueFd latency{held ? ::open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC) : -1};
      if (held && !put(latency.get(), std::int32_t{0})) continue;
      for (std::size_t cell = 0; cell < cells.size(); ++cell) {
        if (cells[cell].name.find(options.only) == std::string::npos) continue;
        bench.run(cell, held ? "latency_held/" : "default/");
      }
    }
  }
  const auto results = results_of(bench.rows());
  show(bench.rows(), results);
  if (options.out.empty()) {
    write_json(std::cout, context, results);
  } else {
    std::ofstream file{options.out};
    write_json(file, context, results);
  }
  return 0;
}

}  // namespace
}  // namespace horus::bench

int main(int argc, char** argv) {
  using namespace horus::bench;
  const auto options = parse({argv, static_cast<std::size_t>(argc)});
  if (!options) {
    std::cerr << "usage: bench_topic [--rounds N] [--only TEXT] [--out FILE]\n";
    return 2;
  }
  if (horus::CpuSet::allowed().count() < 2) {
    std::cerr << "bench_topic needs two processors\n";
    return 2;
  }
  std::string base = "/dev/shm/horus-bench-XXXXXX";
  if (::mkdtemp(base.data()) == nullptr) return 1;
  const int code = measure(*options, base);
  std::error_code ignored;
  std::filesystem::remove_all(base, ignored);
  return code;
}
