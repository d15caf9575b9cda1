// SPDX-License-Identifier: Apache-2.0
#include "service/wire/stats_codec.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "service/wire/interfaces.hpp"

namespace horus::wire {
namespace {

using testing::UnorderedElementsAre;

/// One host with one node, each number different.
struct Page {
  HostStats host;
  std::array<NodeStats, 1> nodes;

  Page() {
    host.name = NodeName::clipped("planner");
    host.pid.set(4242);
    host.python.set(1);
    host.epoch_ns.set(to_ns(Nanos{10s}));
    host.lives.set(2);
    host.ready.set(1);
    host.degradations.set(1);
    host.degradation[0].feature = Name<32>::clipped("fifo");
    host.degradation[0].reason = Name<160>::clipped("not permitted");
    host.degradation[0].fix = Name<160>::clipped("raise rtprio");
    host.degradation[0].severity.set(1);
    host.rss_bytes.set(90'000'000);
    host.gc.objects.set(12'345);
    host.gc.freezes.set(6);
    host.rejected.set(2);
    host.gc.generation[2].pause.record(1500us);
    host.gc.generation[2].collections.set(1);
    host.gc.generation[2].longest_ns.set(to_ns(Nanos{1500us}));
    host.gc.generation[2].longest_tick.set(77);
    NodeStats& node = nodes[0];
    node.name = NodeName::clipped("plan");
    node.state.set(NodeState::kRunning);
    node.node_class.set(NodeClass::kCompute);
    node.cpu.set(-1);
    node.period_ns.set(to_ns(Nanos{20ms}));
    node.ticks.set(100);
    node.skipped.set(3);
    node.carried_ticks.set(40);
    node.first_release_ns.set(to_ns(Nanos{11s}));
    node.last_release_ns.set(to_ns(Nanos{12s}));
    for (const Nanos late : {Nanos{10us}, Nanos{20us}, Nanos{30us}}) node.lateness.record(late);
    node.gil_wait.record(5us);
    node.gil_lost.record(7us);
    node.gil_lost.record(8us);
    node.gil_losses.set(3);
    node.gil_lost_tick.set(81);
    node.gil_lost_to.set(4711);
    node.gil_long_waits.set(5);
    node.gil_long_waits_off_cpu.set(4);
  }
  HostView view(bool alive = true) const {
    return read_host(host, nodes, alive, from_ns(15'000'000'000));
  }
};

TEST(ReadHost, the_layout_becomes_values_with_units) {
  const auto page = std::make_unique<Page>();
  const HostView host = page->view();
  EXPECT_EQ(host.name, "planner");
  EXPECT_EQ(host.kind, "python");
  EXPECT_DOUBLE_EQ(host.uptime_s, 5.0);
  ASSERT_EQ(host.degradations.size(), 1U);
  EXPECT_EQ(host.degradations[0].severity, "warning");
  EXPECT_EQ(host.rss_bytes, 90'000'000);
  EXPECT_EQ(host.gc_objects, 12'345);
  EXPECT_EQ(host.gc_freezes, 6U);
  EXPECT_EQ(host.rejected_files, 2U);
  ASSERT_EQ(host.gc.size(), 3U);
  EXPECT_DOUBLE_EQ(host.gc[2].pause.max_us, 1500.0);
  ASSERT_EQ(host.nodes.size(), 1U);
  const NodeView& node = host.nodes[0];
  EXPECT_EQ(node.node_class, "compute");
  EXPECT_DOUBLE_EQ(node.rate_hz, 50.0);
  EXPECT_DOUBLE_EQ(node.elapsed_s, 1.02);
  EXPECT_EQ(node.lateness.count, 3U);
  EXPECT_DOUBLE_EQ(node.lateness.min_us, 10.0);
  EXPECT_DOUBLE_EQ(node.lateness.mean_us, 20.0);
  EXPECT_DOUBLE_EQ(node.lateness.max_us, 30.0);
  ASSERT_TRUE(node.gil_wait);
  EXPECT_EQ(node.gil_wait->count, 1U);
  ASSERT_TRUE(node.gil_lost);
  EXPECT_EQ(node.gil_lost->count, 2U);
  EXPECT_EQ(node.gil_losses, 3U);
  EXPECT_EQ(node.gil_lost_tick, 81U);
  EXPECT_EQ(node.gil_lost_to, 4711);
  EXPECT_EQ(node.gil_long_waits, 5U);
  EXPECT_EQ(node.gil_long_waits_off_cpu, 4U);
}

void gather_keys(const Json& json, std::set<std::string>& keys) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      keys.insert(key);
      gather_keys(value, keys);
    }
  } else if (json.is_array()) {
    for (const Json& value : json) gather_keys(value, keys);
  }
}

TEST(StatsCodec, every_key_of_a_reply_is_described) {
  const auto page = std::make_unique<Page>();
  page->nodes[0].node_class.set(NodeClass::kAsync);
  page->nodes[0].awaited.record(7us);
  StatsView stats;
  stats.hosts.push_back(page->view());
  std::set<std::string> keys;
  gather_keys(to_json(stats), keys);
  ASSERT_TRUE(keys.contains("await_us"));
  const std::string described{find_interface("io.horus.Stats")->description};
  for (const std::string& key : keys) {
    EXPECT_NE(described.find(key + ": "), std::string::npos) << key;
  }
}

TEST(StatsCodec, every_field_of_a_reply_is_described_with_its_type) {
  const std::string described{find_interface("io.horus.Stats")->description};
  for (const char* field :
       {"  name: string,\n", "  alive: bool,\n", "  pid: int,\n", "  ticks: int,\n",
        "  rate_hz: float,\n", "  last_10s: Window,\n", "  lateness_us: Histogram,\n",
        "  gil_wait_us: ?Histogram,\n", "  stale: []Stale,\n", "  scheme: string,\n",
        "  buckets: []object\n)", "  gc: ?[]Generation,\n", "  nodes: []Node\n)",
        "type Degradation (feature: string, reason: string, severity: string, fix: string)\n"}) {
    EXPECT_THAT(described, testing::HasSubstr(field));
  }
}

TEST(StatsCodec, every_counter_of_a_node_is_told_by_its_key) {
  const auto page = std::make_unique<Page>();
  std::uint64_t next = 100;
  for (const auto& row : kNodeCounters<Counter>) (page->nodes[0].*row.count).set(next++);
  const Json json = to_json(page->view().nodes[0]);
  next = 100;
  for (const auto& row : kNodeCounters<Counter>) EXPECT_EQ(json[row.key], next++) << row.key;
}

TEST(ReadHost, only_an_async_node_has_what_it_awaited) {
  const auto page = std::make_unique<Page>();
  page->nodes[0].awaited.record(7us);
  EXPECT_FALSE(page->view().nodes[0].awaited);
  page->nodes[0].node_class.set(NodeClass::kAsync);
  ASSERT_TRUE(page->view().nodes[0].awaited);
  EXPECT_EQ(page->view().nodes[0].awaited->count, 1U);
}

TEST(ReadHost, the_uptime_of_a_dead_host_ends_at_its_last_release) {
  const auto page = std::make_unique<Page>();
  EXPECT_DOUBLE_EQ(page->view(/*alive=*/false).uptime_s, 2.0);
}

TEST(ReadHost, a_cpp_host_has_no_gil_and_no_collector) {
  const auto page = std::make_unique<Page>();
  page->host.python.set(0);
  const HostView host = page->view();
  EXPECT_EQ(host.kind, "cpp");
  EXPECT_TRUE(host.gc.empty());
  EXPECT_FALSE(host.nodes[0].gil_wait);
  EXPECT_FALSE(host.nodes[0].gil_lost);
}

TEST(ReadHost, a_node_that_never_ticked_has_no_time_of_its_own) {
  const auto page = std::make_unique<Page>();
  page->nodes[0].first_release_ns.set(0);
  EXPECT_EQ(page->view().nodes[0].elapsed_s, 0.0);
}

TEST(ReadHost, whatever_bytes_a_page_holds_become_some_values) {
  std::mt19937_64 random{7};
  const auto page = std::make_unique<Page>();
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> words(sizeof(Page) / 8);
    // Few bits, many bits, or all: also numbers that are all ones or all zeros.
    for (std::uint64_t& word : words) word = round == 0 ? ~0ULL : random() >> (random() % 64);
    std::memcpy(static_cast<void*>(page.get()), words.data(), words.size() * 8);
    const HostView host = page->view(round % 2 == 0);
    EXPECT_LE(host.degradations.size(), HostStats::kMaxDegradations);
    const Json json = to_json(stats_of({host}));
    const auto again = stats_from_json(Json::parse(to_line(json)));
    ASSERT_TRUE(again);
  }
}

TEST(StatsJson, the_fields_are_those_that_scripts_know) {
  const auto page = std::make_unique<Page>();
  const Json json = to_json(stats_of({page->view()}, from_ns(15'000'000'000)));
  const auto keys = [](const Json& object) {
    std::vector<std::string> names;
    for (const auto& [key, value] : object.items()) names.push_back(key);
    return names;
  };
  EXPECT_THAT(keys(json),
              UnorderedElementsAre("version", "monotonic_us", "boot_id", "truncated", "hosts"));
  EXPECT_EQ(json["version"], kProtocolVersion);
  EXPECT_EQ(json["monotonic_us"], 15'000'000);
  const Json& host = json["hosts"][0];
  EXPECT_THAT(
      keys(host),
      UnorderedElementsAre("name", "pid", "alive", "ready", "kind", "lives", "restarts_last_minute",
                           "gc_forced_last_minute", "silent_s", "asks_realtime", "safety",
                           "stop_cause", "stop_text", "uptime_s", "rss_bytes", "gc_objects",
                           "gc_freezes", "rejected_files", "degradations", "gc", "nodes"));
  EXPECT_EQ(host["rss_bytes"], 90'000'000);
  EXPECT_EQ(host["gc_objects"], 12'345);
  EXPECT_EQ(host["gc_freezes"], 6);
  EXPECT_EQ(host["rejected_files"], 2);
  EXPECT_THAT(keys(host["degradations"][0]),
              UnorderedElementsAre("feature", "reason", "severity", "fix"));
  EXPECT_THAT(keys(host["gc"][0]),
              UnorderedElementsAre("generation", "collections", "forced", "collected",
                                   "uncollectable", "pause_us", "longest_us", "longest_tick"));
  EXPECT_THAT(
      keys(host["nodes"][0]),
      UnorderedElementsAre(
          "name", "class", "state", "busy_in", "busy_s", "rate_hz", "ticks", "skipped",
          "carried_ticks", "carried_skipped", "misses", "consecutive_misses", "rung", "rung_s",
          "rung_misses", "rung_good", "rung_recover", "inputs_stale", "fallbacks", "stale",
          "overruns", "errors", "hangs", "last_10s", "last_minute", "elapsed_s", "order",
          "priority", "cpu", "tid", "budget_us", "deadline_us", "lateness_us", "execution_us",
          "response_us", "skipped_response_us", "gil_wait_us", "gil_lost_us", "safety", "actuator",
          "held", "gil_losses", "gil_lost_tick", "gil_lost_to", "gil_long_waits",
          "gil_long_waits_off_cpu", "sent", "bytes_sent", "received", "dropped", "missed",
          "refused", "passed_over", "old", "minor_faults", "major_faults", "voluntary_switches",
          "involuntary_switches", "cpu_time_s", "last_cpu"));
  const Json& lateness = host["nodes"][0]["lateness_us"];
  EXPECT_THAT(keys(lateness), UnorderedElementsAre("count", "min", "mean", "p50", "p90", "p99",
                                                   "p999", "max", "scheme", "unit", "buckets"));
  EXPECT_EQ(lateness["scheme"], "ll5");
  EXPECT_EQ(lateness["buckets"].size(), 3U);
  EXPECT_EQ(lateness["buckets"][0], Json({ll5::index_of(10'000), 1}));
}

TEST(StatsJson, a_stale_input_and_a_rung_are_told_while_the_host_lives) {
  const auto page = std::make_unique<Page>();
  NodeStats& node = page->nodes[0];
  node.stale.inputs[1].store({.topic = Name<208>::clipped("cmd_vel"),
                              .publisher = NodeName::clipped("planner"),
                              .since_ns = 2,
                              .newest_ns = 1,
                              .timeout_ns = 200'000'000,
                              .stops = 1});
  node.rung.set(Rung::kIsolated);
  node.rung_since_ns.set(1);
  node.rung_misses.set(10);
  const NodeView view = read_host(page->host, page->nodes, true).nodes[0];
  ASSERT_EQ(view.stale.size(), 1U);
  EXPECT_EQ(view.stale[0].topic, "cmd_vel");
  EXPECT_EQ(view.stale[0].publisher, "planner");
  EXPECT_EQ(view.stale[0].timeout_s, 0.2);
  EXPECT_TRUE(view.stale[0].came);
  EXPECT_TRUE(view.stale[0].stops);
  EXPECT_GT(view.stale[0].age_s, 0.0);
  EXPECT_EQ(view.rung, "isolated");
  EXPECT_EQ(view.rung_misses, 10U);
  const auto read = stats_from_json(to_json(stats_of({read_host(page->host, page->nodes, true)})));
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().hosts[0].nodes[0].stale[0].publisher, "planner");
  EXPECT_EQ(read.value().hosts[0].nodes[0].rung, "isolated");
  EXPECT_TRUE(read_host(page->host, page->nodes, false).nodes[0].stale.empty());
}

TEST(StatsJson, what_is_written_reads_back_the_same) {
  const auto page = std::make_unique<Page>();
  const Json json = to_json(stats_of({page->view()}));
  const auto stats = stats_from_json(Json::parse(to_line(json)));
  ASSERT_TRUE(stats);
  EXPECT_EQ(to_json(stats.value()), json);
}

TEST(StatsFromJson, unknown_fields_are_ignored_and_missing_ones_keep_their_default) {
  const auto stats = stats_from_json(Json::parse(
      R"({"later":1,"hosts":[{"name":"a","later":{},"nodes":[{"name":"n","ticks":3}]}]})"));
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats.value().hosts[0].nodes[0].ticks, 3U);
  EXPECT_EQ(stats.value().hosts[0].nodes[0].cpu, -1);
  EXPECT_FALSE(stats.value().hosts[0].nodes[0].gil_wait);
}

TEST(StatsFromJson, a_field_of_the_wrong_type_is_named) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "reply"},
      {R"({"hosts":{}})", "hosts"},
      {R"({"hosts":[1]})", "hosts"},
      {R"({"version":1})", "version"},
      {R"({"monotonic_us":1.5})", "monotonic_us"},
      {R"({"hosts":[{"alive":1}]})", "alive"},
      {R"({"hosts":[{"nodes":[{"ticks":-1}]}]})", "ticks"},
      {R"({"hosts":[{"nodes":[{"ticks":"1"}]}]})", "ticks"},
      {R"({"hosts":[{"nodes":[{"lateness_us":[]}]}]})", "lateness_us"},
      {R"({"hosts":[{"nodes":[{"lateness_us":{"buckets":[[1]]}}]}]})", "lateness_us"},
      {R"({"hosts":[{"nodes":[{"gil_wait_us":{"max":"x"}}]}]})", "gil_wait_us"},
      {R"({"hosts":[{"gc":[{"longest_us":null}]}]})", "longest_us"},
  };
  for (const auto& [text, field] : cases) {
    const auto stats = stats_from_json(Json::parse(text));
    ASSERT_FALSE(stats) << text;
    EXPECT_EQ(stats.error().code, Errc::kCorrupt) << text;
    EXPECT_EQ(stats.error().subject.view(), field) << text;
  }
}

}  // namespace
}  // namespace horus::wire
