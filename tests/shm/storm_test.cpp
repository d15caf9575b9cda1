// SPDX-License-Identifier: Apache-2.0
// Processes that send to each other at full speed, come, are stopped and are killed at any instant.
#include "tests/shm/storm.hpp"

#include <signal.h>

#include <random>

#include "shm/registry.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::ChildProcess;
using test::Storm;

constexpr std::array<const char*, Storm::kTopics> kTopics{"typed", "generic"};
constexpr std::size_t kPublishers = 4;
constexpr std::size_t kSurvivors = 2;  // Of the four subscribers: these are never killed.

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::stoull(text) : otherwise;
}

class StormTest : public test::ShmTest {
 protected:
  using Sent = std::array<std::uint64_t, Storm::kTopics>;

  /// What all had sent before a subscriber came, and after it had.
  struct Came {
    Sent before{};
    Sent after{};
  };

  std::unique_ptr<ChildProcess> publisher() {
    return std::make_unique<ChildProcess>(std::vector<std::string>{"storm-publisher", base.path()});
  }
  std::unique_ptr<ChildProcess> subscriber(std::size_t place) {
    auto child = std::make_unique<ChildProcess>(
        std::vector<std::string>{"storm-subscriber", base.path(), std::to_string(place)});
    EXPECT_EQ(child->line(), "ready");
    return child;
  }
  /// The committed numbers of one process's rings.
  Sent sent_by(pid_t pid) const {
    Sent sent{};
    for (std::size_t i = 0; i < kTopics.size(); ++i) {
      for (const auto& ring : find_topic(base.path(), kTopics[i]).value().publishers) {
        if (ring.pid == pid) sent[i] = ring.sent;
      }
    }
    return sent;
  }
  bool survivors_have(std::uint32_t publishers) const {
    return test::eventually([&] {
      for (std::size_t i = 0; i < kSurvivors; ++i) {
        for (const auto& count : storm.readers[i].publishers) {
          if (count != publishers) return false;
        }
      }
      return true;
    });
  }
  /// Nobody is stuck: every survivor takes another message.
  bool survivors_move() const {
    std::array<std::uint64_t, kSurvivors> before{};
    for (std::size_t i = 0; i < kSurvivors; ++i) before[i] = storm.readers[i].received[0];
    return test::eventually([&] {
      for (std::size_t i = 0; i < kSurvivors; ++i) {
        if (storm.readers[i].received[0] == before[i]) return false;
      }
      return true;
    });
  }

  Storm& storm = Storm::map(base.path());
};

TEST_F(StormTest, f12_of_two_million_messages_none_is_torn_and_each_is_counted_whoever_is_killed) {
  const std::uint64_t goal = number_of("HORUS_STORM_MESSAGES", 2'000'000);
  const std::uint64_t kills = number_of("HORUS_STORM_KILLS", 24);
  const auto seed = static_cast<unsigned>(number_of("HORUS_STORM_SEED", std::random_device{}()));
  std::cout << "HORUS_STORM_SEED=" << seed << std::endl;
  std::mt19937 random{seed};
  const auto below = [&random](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>{0, bound - 1}(random);
  };

  std::vector<std::unique_ptr<ChildProcess>> subscribers;
  for (std::size_t i = 0; i < storm.readers.size(); ++i) subscribers.push_back(subscriber(i));
  std::vector<std::unique_ptr<ChildProcess>> publishers;
  // They send at once, whoever has seen them.
  for (std::size_t i = 0; i < kPublishers; ++i) {
    publishers.push_back(publisher());
    publishers.back()->tell("go");
    ASSERT_EQ(publishers.back()->line(), "ready");
  }
  ASSERT_TRUE(survivors_have(kPublishers));

  Sent dead{};  // What the dead had sent: their rings are gone at the end.
  const auto sent = [&] {
    Sent sum = dead;
    for (const auto& child : publishers) {
      const Sent more = sent_by(child->pid());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    }
    return sum;
  };
  const auto total = [&sent] {
    const Sent sum = sent();
    return sum[0] + sum[1];
  };
  std::array<Came, std::tuple_size_v<decltype(storm.readers)>> came{};
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::uint64_t instant = total() + below(2 * goal / (kills + 1));
    ASSERT_TRUE(test::eventually([&] { return total() >= instant; }));
    auto& victim = publishers[below(kPublishers)];
    const pid_t pid = victim->pid();
    if (below(2) == 0) {
      const std::size_t place = kSurvivors + below(storm.readers.size() - kSurvivors);
      subscribers[place]->kill();
      ASSERT_TRUE(survivors_move());
      // From its opening on it counts, whether or not all publishers can answer.
      const bool stops = below(2) == 0;
      if (stops) {
        ASSERT_EQ(::kill(pid, SIGSTOP), 0);
      }
      came[place].before = sent();
      subscribers[place] = subscriber(place);
      came[place].after = sent();
      if (stops) {
        ASSERT_EQ(::kill(pid, SIGCONT), 0);
      }
      continue;
    }
    victim->kill();
    const Sent last = sent_by(pid);
    for (std::size_t i = 0; i < dead.size(); ++i) dead[i] += last[i];
    ASSERT_TRUE(survivors_move());
    // Those who were there from the start are to count every message: nobody may sweep a ring
    // that they have not seen, nor send on one.
    ASSERT_TRUE(survivors_have(kPublishers - 1));
    victim = publisher();
    victim->tell("go");
    ASSERT_EQ(victim->line(), "ready");
    ASSERT_TRUE(survivors_have(kPublishers));
  }
  ASSERT_TRUE(test::eventually([&] { return total() >= goal; }));
  storm.stop = 1;
  for (auto& child : publishers) EXPECT_EQ(child->line(), "stopped");
  storm.no_more = 1;
  for (const auto& reader : storm.readers) {
    ASSERT_TRUE(test::eventually([&reader] { return reader.empty != 0; }));
    EXPECT_EQ(reader.torn, 0U);
  }
  const Sent all = sent();
  for (std::size_t i = 0; i < storm.readers.size(); ++i) {
    const auto& reader = storm.readers[i];
    for (std::size_t topic = 0; topic < kTopics.size(); ++topic) {
      const std::uint64_t counted =
          reader.received[topic] + reader.passed_over[topic] + reader.missed[topic];
      EXPECT_GE(counted, all[topic] - came[i].after[topic]) << i << ", " << kTopics[topic];
      EXPECT_LE(counted, all[topic] - came[i].before[topic]) << i << ", " << kTopics[topic];
      if (i < kSurvivors) {
        EXPECT_EQ(reader.passed_over[topic] != 0, i % 2 != 0) << "every other one has a depth";
        EXPECT_GT(reader.received[topic], 0U);
      }
      std::cout << kTopics[topic] << ": sent " << all[topic] << ", received "
                << reader.received[topic] << ", passed over " << reader.passed_over[topic]
                << ", missed " << reader.missed[topic] << std::endl;
    }
  }
}

}  // namespace
}  // namespace horus::shm
