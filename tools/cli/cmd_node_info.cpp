// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/nodes.hpp"
#include "tools/cli/print_stats.hpp"
#include "tools/cli/status.hpp"
#include "tools/cli/text.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

/// The time between the two looks at the topics; rates are computed over it.
constexpr Nanos kLookApart = 1s;

std::string percentiles(const wire::HistogramView& histogram) {
  if (histogram.count == 0) return "-";
  return fmt::format("p50 {}, p99 {}, max {}", duration_text(histogram.p50_us),
                     duration_text(histogram.p99_us), duration_text(histogram.max_us));
}

std::string counts(const wire::WindowView& window) {
  return fmt::format(
      "{} ticks, {} skipped, {} missed their deadline, {} over their budget, {} exceptions, {} "
      "hangs; {} messages missed, {} refused",
      window.ticks, window.skipped, window.misses, window.overruns, window.errors, window.hangs,
      window.missed, window.refused);
}

/// How long ago a time of a page is: "12.0 s". Bounded, as a page may hold any number.
std::string ago_text(std::int64_t at_ns, TimePoint now) {
  const std::int64_t past = std::clamp(at_ns, std::int64_t{0}, to_ns(now));
  return uptime_text(static_cast<double>(to_ns(now) - past) / 1e9);
}

std::string limit_text(double us) {
  return us > 0 ? duration_text(us) : "none";
}

/// How fast the participant's count has grown since the earlier look, as "10.0 Hz"; "-" where it
/// was not there then.
template <typename Participant>
std::string rate_since(const std::vector<Participant>& before, const Participant& now,
                       std::uint64_t Participant::*count, double seconds) {
  for (const Participant& one : before) {
    if (one.pid != now.pid || one.node != now.node || seconds <= 0) continue;
    const double grown = static_cast<double>(now.*count) - static_cast<double>(one.*count);
    return fmt::format("{:.1f} Hz", std::max(grown, 0.0) / seconds);
  }
  return "-";
}

const shm::TopicInfo* find_topic_in(const std::vector<shm::TopicInfo>& topics,
                                    const std::string& name) {
  const auto found = std::ranges::find(topics, name, &shm::TopicInfo::name);
  return found == topics.end() ? nullptr : &*found;
}

}  // namespace

std::string node_topics_text(const TopicLooks& looks, const std::string& node, std::int64_t pid,
                             std::size_t width) {
  Table table{{{"TOPIC", "", false},
               {"TYPE", "", false},
               {"", "", false},
               {"RATE", "", true},
               {"MESSAGES", "", true},
               {"LOST", "", true},
               {"PASSED OVER", "", true}}};
  static const shm::TopicInfo kNone;
  for (const shm::TopicInfo& topic : looks.now) {
    const shm::TopicInfo* earlier = find_topic_in(looks.before, topic.name);
    if (earlier == nullptr) earlier = &kNone;
    for (const shm::PublisherInfo& one : topic.publishers) {
      if (one.node != node || one.pid != pid || !one.alive) continue;
      table.add({topic.name, topic.type, "sends",
                 rate_since(earlier->publishers, one, &shm::PublisherInfo::sent, looks.apart_s),
                 count_text(one.sent), count_text(one.refused), "-"});
    }
    for (const shm::SubscriberInfo& one : topic.subscribers) {
      if (one.node != node || one.pid != pid || !one.alive) continue;
      table.add(
          {topic.name, topic.type, "receives",
           rate_since(earlier->subscribers, one, &shm::SubscriberInfo::received, looks.apart_s),
           count_text(one.received), count_text(one.missed), count_text(one.passed_over)});
    }
  }
  return table.empty() ? "no topics\n" : table.text(width);
}

std::string node_text(const wire::HostView& host, const wire::NodeView& node) {
  std::string text;
  const auto line = [&text](const char* title, const std::string& value) {
    text += fmt::format("{:<12}{}\n", title, printable(value));
  };
  line("node", node.name);
  line("host", fmt::format("{} ({}, pid {}, {})", host.name, kind_text(host.kind), host.pid,
                           state_text(host)));
  line("state",
       host.alive ? state_text(node) : "its host is dead, since " + uptime_text(host.silent_s));
  line("safety",
       node.safety +
           (node.actuator
                ? fmt::format(", an actuator; {} messages held back", count_text(node.held))
                : "") +
           (host.stop_cause.empty() ? ""
                                    : fmt::format("; {}: {}", host.stop_cause, host.stop_text)));
  if (host.alive && !node.rung.empty()) line("ladder", wire::rung_text(node));
  for (const wire::StaleView& input : node.stale) {
    line("stale",
         fmt::format("'{}': {}{}, time-out {}", input.topic,
                     input.came ? uptime_text(input.age_s) + " old" : "nothing has come",
                     input.publisher.empty() ? "" : ", from node '" + input.publisher + "'",
                     duration_text(input.timeout_s * 1e6)));
  }
  line("class", fmt::format("{}, {}, order {}", node.node_class,
                            node.rate_hz > 0 ? rate_text(node.rate_hz) : "no rate", node.order));
  line("thread", fmt::format("tid {}, priority {}, CPU {}", node.tid,
                             node.priority > 0 ? std::to_string(node.priority) : "none",
                             node.cpu < 0 ? "any" : std::to_string(node.cpu)));
  line("limits", fmt::format("budget {}, deadline {}", limit_text(node.budget_us),
                             limit_text(node.deadline_us)));
  line("lateness", percentiles(node.lateness));
  line("execution", percentiles(node.execution));
  if (node.gil_wait) line("GIL wait", percentiles(*node.gil_wait));
  line("last 10 s", counts(node.last_10s));
  line("last minute", counts(node.last_minute));
  line("in all",
       fmt::format("{} ticks, {} skipped, {} missed their deadline, {} over their "
                   "budget, {} exceptions, {} hangs",
                   node.ticks, node.skipped, node.misses, node.overruns, node.errors, node.hangs));
  line("messages", fmt::format("{} sent, {} received, {} missed, {} refused, {} passed over",
                               count_text(node.messages_sent), count_text(node.messages_received),
                               count_text(node.messages_missed), count_text(node.messages_refused),
                               count_text(node.messages_passed_over)));
  if (node.inputs_stale > 0) {
    line("", fmt::format("an input was stale {} times; {} fallbacks", node.inputs_stale,
                         node.fallbacks));
  }
  return text;
}

std::string failures_text(const Failures& failures, TimePoint now) {
  std::vector<Failure> known;
  for (const auto& kind : failures.kinds) {
    const auto failure = kind.load();
    if (failure && !failure->type.empty() && failure->count > 0) known.push_back(*failure);
  }
  std::ranges::sort(known, std::greater{}, &Failure::last_ns);
  std::string text;
  for (const Failure& failure : known) {
    text += printable(fmt::format("{} x {}, last {} ago in tick {}: {}", count_text(failure.count),
                                  failure.type.view(), ago_text(failure.last_ns, now), failure.tick,
                                  failure.message.view())) +
            "\n";
    std::string_view rest = failure.trace.view();
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      text += "    " + printable(line) + "\n";
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
  return text;
}

namespace {

/// The node's exceptions, as its host's statistics page keeps them.
std::string last_failures(const std::string& name) {
  std::string text;
  const bool read = with_page(name, [&](const shm::StatsPage& page, std::size_t node) {
    text = failures_text(page.nodes()[node].failures, MonotonicClock::now());
  });
  if (!read) return "\nits exceptions are for root and group horus: this user may not read them\n";
  return text.empty() ? "" : "\nexceptions\n" + text;
}

/// The hosts that have the node: of those that run; if there is none, of the pages that dead hosts
/// have left.
Result<wire::StatsView> fetch_node(const std::string& name, const Places& places) {
  auto stats = fetch_stats(places);
  if (stats) stats = only_node(std::move(stats).value(), name);
  if ((stats && !stats.value().hosts.empty()) || !places.socket_dir.empty()) return stats;
  wire::StatsView left = only_node(wire::stats_of(read_pages()), name);
  return left.hosts.empty() ? std::move(stats) : std::move(left);
}

int run_node_info(const std::string& name, const Places& places, Output& output) {
  const auto stats = fetch_node(name, places);
  if (!stats) return fail_to_reach(stats.error());
  const auto& hosts = stats.value().hosts;
  if (hosts.empty()) {
    return fail(kError, fmt::format("no node '{}' (see 'horusctl node list')", name));
  }
  const auto living = std::ranges::find(hosts, true, &wire::HostView::alive);
  const wire::HostView& host = living == hosts.end() ? hosts.front() : *living;
  output.write(verdict_text(places, host.name, name) + node_text(host, host.nodes.front()));
  output.write(last_failures(name));
  if (!host.alive) return kOk;
  int code = kOk;
  TopicLooks looks{.before = visible_topics(code)};
  if (code != kOk) return code;
  const TimePoint first = MonotonicClock::now();
  output.wait(kLookApart);
  looks.now = visible_topics(code);
  looks.apart_s = std::chrono::duration<double>(MonotonicClock::now() - first).count();
  output.write("\n" + node_topics_text(looks, name, host.pid, output.width()));
  return kOk;
}

}  // namespace

Action declare_node_info(CLI::App& app, const Places& places) {
  const auto node = std::make_shared<std::string>();
  app.add_option("node", *node, "Name of the node")->required()->type_name("NODE");
  return [node, &places](Output& output) { return run_node_info(*node, places, output); };
}

}  // namespace horus::cli
