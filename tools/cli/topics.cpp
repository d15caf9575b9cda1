// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/topics.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "service/wire/varlink.hpp"
#include "tools/cli/bandwidth.hpp"
#include "tools/cli/source.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

template <typename Participant>
std::size_t alive(const std::vector<Participant>& all) {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const Participant& one) { return one.alive; }));
}

template <typename Participant>
std::uint64_t sum(const std::vector<Participant>& all, std::uint64_t Participant::*number) {
  std::uint64_t total = 0;
  for (const Participant& one : all) total += one.*number;
  return total;
}

std::string age_text(const HistogramSnapshot& age) {
  if (age.count() == 0) return "-";
  return duration_text(static_cast<double>(age.percentile_ns(0.99)) / 1e3);
}

wire::Json age_json(const HistogramSnapshot& age) {
  const auto us = [&age](double quantile) {
    return static_cast<double>(age.percentile_ns(quantile)) / 1e3;
  };
  return {{"count", age.count()},
          {"p50", us(0.5)},
          {"p99", us(0.99)},
          {"max", static_cast<double>(age.max_ns) / 1e3}};
}

const char* policy_of(const shm::TopicInfo& topic) {
  return topic.refuses ? "refuse" : "overwrite";
}

/// The name of a participant's process from /proc; "?" where that is not to be seen, "(dead)" where
/// it has ended.
std::string process_of(std::int32_t pid, bool is_alive) {
  if (!is_alive) return "(dead)";
  std::ifstream file{fmt::format("/proc/{}/comm", pid)};
  std::string name;
  std::getline(file, name);
  return name.empty() ? "?" : name;
}

std::string fields_table(const shm::TypeInfo& type, std::size_t width) {
  Table table{
      {{"FIELD", "", false}, {"OFFSET", "", true}, {"UNIT", "", false}, {"MEANING", "", false}}};
  for (const shm::FieldInfo& field : type.fields) {
    if (field.kind == shm::Kind::kPadding) continue;
    table.add({std::string{field.name} + (field.array ? fmt::format("[{}]", field.count) : ""),
               std::to_string(field.offset), std::string{field.unit}, std::string{field.doc}});
  }
  for (const shm::TailInfo& tail : type.tails) {
    const char* const by = tail.counted_by[1].empty() ? "" : " x ";
    table.add({fmt::format("{}[{}{}{}]", tail.name, tail.counted_by[0], by, tail.counted_by[1]), "",
               std::string{tail.unit}, std::string{tail.doc}});
  }
  return table.text(width);
}

std::string publishers_table(const shm::TopicInfo& topic, std::size_t width) {
  Table table{{{"PUBLISHER", "", false},
               {"PID", "", true},
               {"PROCESS", "", false},
               {"SENT", "", true},
               {"DROPPED", "", true},
               {"BYTES", "", true}}};
  for (const shm::PublisherInfo& one : topic.publishers) {
    table.add({one.node.empty() ? "-" : one.node, std::to_string(one.pid),
               process_of(one.pid, one.alive), count_text(one.sent), count_text(one.refused),
               bytes_text(static_cast<double>(one.bytes))});
  }
  if (table.empty()) return "no publishers\n";
  const std::uint64_t unrung = sum(topic.publishers, &shm::PublisherInfo::unrung);
  return table.text(width) +
         (unrung == 0 ? ""
                      : fmt::format("{} times a sleeping subscriber was not woken, as it had "
                                    "just been, or is woken too often\n",
                                    count_text(unrung)));
}

/// One line for each subscription that has a time-out.
std::string time_outs_text(const shm::TopicInfo& topic) {
  std::string text;
  for (const shm::SubscriberInfo& one : topic.subscribers) {
    if (one.timeout_ns <= 0) continue;
    text += fmt::format("{}: {}, time-out {}; stale {} times, {} fallbacks given\n",
                        printable(participant_text(one.node, one.pid)),
                        one.stale_since_ns > 0 && one.alive ? "stale" : "fresh when it last looked",
                        duration_text(static_cast<double>(one.timeout_ns) / 1e3),
                        count_text(one.stale), count_text(one.fallbacks));
  }
  return text;
}

std::string subscribers_table(const shm::TopicInfo& topic, std::size_t width) {
  Table table{{{"SUBSCRIBER", "", false},
               {"PID", "", true},
               {"PROCESS", "", false},
               {"DEPTH", "", true},
               {"LAG", "", true},
               {"AGE", "", true},
               {"RECEIVED", "", true},
               {"PASSED OVER", "", true},
               {"MISSED", "", true},
               {"TORN", "", true}}};
  for (const shm::SubscriberInfo& one : topic.subscribers) {
    table.add({one.node.empty() ? "-" : one.node, std::to_string(one.pid),
               process_of(one.pid, one.alive), one.depth == 0 ? "all" : std::to_string(one.depth),
               count_text(one.lag), age_text(one.age), count_text(one.received),
               count_text(one.passed_over), count_text(one.missed), count_text(one.torn)});
  }
  if (table.empty()) return "no subscribers\n";
  return table.text(width) +
         "LAG: messages that wait for it now; AGE: 99 % of the node's ticks found their first "
         "message no older\n" +
         time_outs_text(topic);
}

}  // namespace

std::string participant_text(const std::string& node, std::int32_t pid) {
  return node.empty() ? fmt::format("{} (pid {})", process_of(pid, true), pid) : node;
}

std::string topics_text(const std::vector<shm::TopicInfo>& topics, std::size_t width) {
  if (topics.empty()) return "no topics\n";
  Table table{{{"TOPIC", "", false},
               {"TYPE", "", false},
               {"BYTES", "", true},
               {"CAPACITY", "", true},
               {"PUBLISHERS", "", true},
               {"SUBSCRIBERS", "", true},
               {"SENT", "", true},
               {"RECEIVED", "", true},
               {"MISSED", "", true},
               {"DROPPED", "", true},
               {"TORN", "", true}}};
  for (const shm::TopicInfo& topic : topics) {
    table.add({topic.name, topic.type, std::to_string(topic.message_size),
               std::to_string(topic.capacity), std::to_string(alive(topic.publishers)),
               std::to_string(alive(topic.subscribers)),
               count_text(sum(topic.publishers, &shm::PublisherInfo::sent)),
               count_text(sum(topic.subscribers, &shm::SubscriberInfo::received)),
               count_text(sum(topic.subscribers, &shm::SubscriberInfo::missed)),
               count_text(sum(topic.publishers, &shm::PublisherInfo::refused)),
               count_text(sum(topic.subscribers, &shm::SubscriberInfo::torn))});
  }
  std::string text = table.text(width);
  for (const shm::TopicInfo& topic : topics) {
    if (topic.foreign == 0) continue;
    text += fmt::format("{}: {} of another type ignored; its type is declared by the service\n",
                        printable(topic.name), topic.foreign);
  }
  return text;
}

std::string topic_text(const shm::TopicInfo& topic, std::size_t width) {
  std::string text = fmt::format(
      "topic     {}\ntype      {}, at most {} bytes\ncapacity  {} messages of a publisher, then "
      "{}\n\n",
      printable(topic.name), printable(topic.type), topic.message_size, topic.capacity,
      topic.refuses ? "send refuses" : "the oldest is overwritten");
  const auto type = TopicType::of(topic);
  if (type && !type.value().is_generic()) {
    const shm::TypeInfo& info = type.value().info();
    if (!info.doc.empty()) text += printable(info.doc) + "\n";
    text += fields_table(info, width) + "\n";
  }
  if (topic.foreign != 0) {
    text += fmt::format("{} of another type ignored; the type is declared by the service\n\n",
                        topic.foreign);
  }
  return text + publishers_table(topic, width) + "\n" + subscribers_table(topic, width);
}

std::string topics_lines(const std::vector<shm::TopicInfo>& topics) {
  std::string lines;
  for (const shm::TopicInfo& topic : topics) {
    wire::Json publishers = wire::Json::array();
    for (const shm::PublisherInfo& one : topic.publishers) {
      publishers.push_back({{"node", one.node},
                            {"pid", one.pid},
                            {"alive", one.alive},
                            {"sent", one.sent},
                            {"dropped", one.refused},
                            {"bytes", one.bytes},
                            {"unrung", one.unrung}});
    }
    wire::Json subscribers = wire::Json::array();
    for (const shm::SubscriberInfo& one : topic.subscribers) {
      subscribers.push_back({{"node", one.node},
                             {"pid", one.pid},
                             {"alive", one.alive},
                             {"depth", one.depth},
                             {"lag", one.lag},
                             {"age_us", age_json(one.age)},
                             {"received", one.received},
                             {"passed_over", one.passed_over},
                             {"missed", one.missed},
                             {"torn", one.torn},
                             {"timeout_ms", static_cast<double>(one.timeout_ns) / 1e6},
                             {"stale", one.stale_since_ns > 0},
                             {"times_stale", one.stale},
                             {"fallbacks", one.fallbacks}});
    }
    lines +=
        wire::to_line({{"name", topic.name},
                       {"type", topic.type},
                       {"schema", topic.schema},
                       {"message_size", topic.message_size},
                       {"capacity", topic.capacity},
                       {"policy", policy_of(topic)},
                       {"declared", topic.declared},
                       {"ignored", topic.foreign},
                       {"sent", sum(topic.publishers, &shm::PublisherInfo::sent)},
                       {"received", sum(topic.subscribers, &shm::SubscriberInfo::received)},
                       {"passed_over", sum(topic.subscribers, &shm::SubscriberInfo::passed_over)},
                       {"missed", sum(topic.subscribers, &shm::SubscriberInfo::missed)},
                       {"dropped", sum(topic.publishers, &shm::PublisherInfo::refused)},
                       {"torn", sum(topic.subscribers, &shm::SubscriberInfo::torn)},
                       {"publishers", std::move(publishers)},
                       {"subscribers", std::move(subscribers)}}) +
        "\n";
  }
  return lines;
}

}  // namespace horus::cli
