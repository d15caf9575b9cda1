// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/topics.hpp"

#include <algorithm>
#include <cstdint>

#include "service/wire/varlink.hpp"
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

}  // namespace

std::string topics_text(const std::vector<shm::TopicInfo>& topics, std::size_t width) {
  if (topics.empty()) return "no topics\n";
  Table table{{{"TOPIC", "", false},
               {"TYPE", "", false},
               {"BYTES", "", true},
               {"CAPACITY", "", true},
               {"PUBLISHERS", "", true},
               {"SUBSCRIBERS", "", true},
               {"SENT", "", true},
               {"REFUSED", "", true},
               {"MISSED", "", true}}};
  for (const shm::TopicInfo& topic : topics) {
    table.add({topic.name, topic.type, std::to_string(topic.message_size),
               std::to_string(topic.capacity), std::to_string(alive(topic.publishers)),
               std::to_string(alive(topic.subscribers)),
               count_text(sum(topic.publishers, &shm::PublisherInfo::sent)),
               count_text(sum(topic.publishers, &shm::PublisherInfo::refused)),
               count_text(sum(topic.subscribers, &shm::SubscriberInfo::missed))});
  }
  return table.text(width);
}

std::string topics_lines(const std::vector<shm::TopicInfo>& topics) {
  std::string lines;
  for (const shm::TopicInfo& topic : topics) {
    wire::Json publishers = wire::Json::array();
    for (const shm::PublisherInfo& one : topic.publishers) {
      publishers.push_back(
          {{"pid", one.pid}, {"alive", one.alive}, {"sent", one.sent}, {"refused", one.refused}});
    }
    wire::Json subscribers = wire::Json::array();
    for (const shm::SubscriberInfo& one : topic.subscribers) {
      subscribers.push_back({{"pid", one.pid},
                             {"alive", one.alive},
                             {"received", one.received},
                             {"missed", one.missed}});
    }
    lines += wire::to_line({{"name", topic.name},
                            {"type", topic.type},
                            {"message_size", topic.message_size},
                            {"capacity", topic.capacity},
                            {"publishers", std::move(publishers)},
                            {"subscribers", std::move(subscribers)}}) +
             "\n";
  }
  return lines;
}

}  // namespace horus::cli
