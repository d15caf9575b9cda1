// SPDX-License-Identifier: Apache-2.0
// What many topics cost who has them: counted, not timed.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/count_calls.hpp"
#include "tests/support/shm_fixture.hpp"
#include "tests/support/told.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::eventually;
using test::files;
using test::helper_calls;
using test::own_calls;

/// Files that the helper thread looks at in one round.
constexpr std::size_t kMostProbes = 64;

std::string numbered(const std::string& name, std::size_t number) {
  return name + "/" + std::to_string(number);
}

class CostTest : public test::ShmTest {
 protected:
  /// Waits for `rounds` more rounds of the helper thread.
  static bool pass(std::size_t rounds) {
    const std::size_t end = helper_calls().rounds + rounds;
    return eventually([end] { return helper_calls().rounds >= end; });
  }
  void open_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      sought.push_back(session->seek(numbered("sought", i), false));
      subscribers.push_back(session->subscriber<Checked>(numbered("in", i)).value());
      publishers.push_back(
          session->publisher<Checked>(numbered("out", i), {.capacity = 2}).value());
      ASSERT_TRUE(session->declare(numbered("said", i), type_info(Tag<Checked>{})));
    }
  }
  /// Removes the files of a topic that end so; whether the next round or the one after it, which
  /// may have begun, has made one again.
  void expect_made_again(const std::string& folder, const std::string& begin,
                         const std::string& suffix) {
    const auto find = [&] {
      auto found = files(folder, suffix);
      std::erase_if(found, [&](auto& path) { return !path.starts_with(folder + "/" + begin); });
      return found;
    };
    const auto before = find();
    ASSERT_EQ(before.size(), 1U) << begin << suffix;
    const std::size_t round = helper_calls().rounds;
    std::filesystem::remove(before[0]);
    ASSERT_TRUE(eventually([&] { return !find().empty(); })) << begin << suffix;
    EXPECT_LE(helper_calls().linked - round, 2U) << begin << suffix;
  }

  std::unique_ptr<Session> session = Session::open(base.path(), /*declares=*/true).value();
  std::vector<std::shared_ptr<Seeking>> sought;
  std::vector<Subscriber<Checked>> subscribers;
  std::vector<Publisher<Checked>> publishers;
};

TEST_F(CostTest, a_round_looks_at_a_bounded_number_of_files_however_many_there_are) {
  open_many(250);
  ASSERT_TRUE(pass(2));
  const std::size_t looks = helper_calls().looks;
  const std::size_t round = helper_calls().rounds;
  ASSERT_TRUE(pass(10));
  const std::size_t passed = helper_calls().rounds - round;
  // Besides, of the base whether each of its folders is in its place.
  constexpr std::size_t kFolders = 5 + 32;
  EXPECT_LE(helper_calls().looks - looks, (passed + 1) * (kMostProbes + kFolders));
}

TEST_F(CostTest, a_file_that_was_removed_is_made_again_in_the_next_round_however_many_there_are) {
  // Each has its turn in the twentieth round only.
  open_many(320);
  ASSERT_TRUE(pass(2));
  for (const std::size_t i : {50U, 150U, 250U}) {
    const std::string number = "%2F" + std::to_string(i) + ".";
    expect_made_again(topic_path(numbered("sought", i)), "sought" + number, ".want");
    expect_made_again(topic_path(numbered("in", i)), "in" + number, ".sub");
    expect_made_again(topic_path(numbered("out", i)), "out" + number, ".ring");
    expect_made_again(base.path() + "/declared", "said" + number, "type");
  }
}

TEST_F(CostTest, of_many_files_that_were_removed_each_is_made_again) {
  open_many(100);
  ASSERT_TRUE(pass(2));
  const std::size_t round = helper_calls().rounds;
  for (std::size_t i = 0; i < 100; ++i) {
    std::filesystem::remove(files(topic_path(numbered("out", i)), ".ring").at(0));
  }
  std::size_t rings = 0;
  EXPECT_TRUE(eventually([&] {
    rings = 0;
    for (const auto& folder : files(base.path() + "/topics", "")) {
      rings += files(folder, ".ring").size();
    }
    return rings == 100;
  })) << rings;
  // Some may have been removed before a round, and some after it; in turn they take seven.
  EXPECT_LE(helper_calls().linked - round, 3U);
}

TEST_F(CostTest, who_is_of_the_same_process_is_known_long_before_its_turn) {
  open_many(320);
  constexpr std::size_t kSoon = 8;  // Of twenty rounds.
  const auto soon = [](auto condition) {
    const std::size_t round = helper_calls().rounds;
    return eventually(condition) && helper_calls().rounds - round <= kSoon;
  };
  for (const std::size_t i : {40U, 100U, 160U, 220U, 280U}) {
    const std::string topic = numbered("out", i);
    auto subscriber = session->subscriber<Checked>(topic).value();
    const auto rings = [&] {
      auto found = files(topic_path(topic), ".ring");
      const std::string begin = topic_path(topic) + "/" + file_key(topic) + ".";
      std::erase_if(found, [&](auto& path) { return !path.starts_with(begin); });
      return found;
    };
    std::filesystem::remove(rings().at(0));
    ASSERT_TRUE(eventually([&] { return !rings().empty(); }));
    session->are_known();  // A look is over, and the new ring is offered.
    ASSERT_TRUE(publishers[i].send(Checked::of(i)));
    EXPECT_TRUE(soon([&] { return subscriber.has_message(); })) << "sent to a ring made again";
    publishers[i] = {};
    EXPECT_TRUE(soon([&] {
      subscriber.take();
      return subscriber.publishers() == 0;
    })) << "closed";
  }
}

TEST_F(CostTest, who_opens_many_topics_makes_the_helper_thread_read_no_folder_for_each) {
  session = Session::open(base.path(), false, test::tell).value();
  ASSERT_TRUE(pass(1));
  const std::size_t lists = helper_calls().lists;
  const std::size_t round = helper_calls().rounds;
  for (std::size_t i = 0; i < 1000; ++i) {
    subscribers.push_back(session->subscriber<Checked>(numbered("in", i)).value());
    publishers.push_back(session->publisher<Checked>(numbered("out", i), {.capacity = 2}).value());
    publishers.back().send(Checked::of(i));
  }
  // They are compared with other names once nobody was at the other end for some rounds.
  ASSERT_TRUE(pass(4));
  const std::size_t passed = helper_calls().rounds - round;
  // The 32 folders of topics, what they lie in, and the pools.
  EXPECT_LE(helper_calls().lists - lists, (passed + 1) * 34);
}

TEST_F(CostTest, of_topics_with_names_alike_a_round_looks_at_a_bounded_number) {
  session = Session::open(base.path(), false, test::tell).value();
  // Any two of them differ by two letters at most, and nobody receives them.
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  for (std::size_t i = 0; i < 400; ++i) {
    const std::string name = "left_shoulder_" + letters.substr(i / 26, 1) + letters[i % 26];
    publishers.push_back(session->publisher<Checked>(name, {.capacity = 2}).value());
    publishers.back().send(Checked::of(i));
  }
  const std::size_t lists = helper_calls().lists;
  const std::size_t round = helper_calls().rounds;
  ASSERT_TRUE(pass(4));
  const std::size_t passed = helper_calls().rounds - round;
  // Besides the names: of each topic that is looked at the publishers and the subscribers.
  EXPECT_LE(helper_calls().lists - lists, (passed + 1) * (34 + 2 * 64));
}

TEST_F(CostTest, who_opens_a_topic_tries_a_bounded_number_of_what_the_dead_left_of_it) {
  constexpr std::size_t kMostTries = 1024;
  session = Session::open(base.path()).value();
  ASSERT_TRUE(session->publisher<Checked>("t"));  // The folder is there.
  for (std::size_t i = 0; i < 3 * kMostTries; ++i) {
    for (const char* const suffix : {".ring", ".sub"}) {
      std::ofstream{topic_path("t") + "/t.1-1-0." + std::to_string(i) + suffix};
    }
  }
  const std::size_t before = own_calls().opens;
  publishers.push_back(session->publisher<Checked>("t").value());
  // For those of another type, for living publishers, and for subscribers.
  EXPECT_LE(own_calls().opens - before, 3 * kMostTries + 100);
}

TEST_F(CostTest, a_topic_among_many_is_opened_by_as_many_calls_as_among_few) {
  session = Session::open(base.path()).value();
  const auto opens_of = [&](std::size_t begin) {
    const std::size_t before = own_calls().opens + own_calls().lists + own_calls().looks;
    for (std::size_t i = begin; i < begin + 100; ++i) {
      publishers.push_back(session->publisher<Checked>(numbered("a", i), {.capacity = 2}).value());
    }
    return own_calls().opens + own_calls().lists + own_calls().looks - before;
  };
  opens_of(0);  // Makes the folders.
  const std::size_t few = opens_of(100);
  for (std::size_t i = 200; i < 800; i += 100) opens_of(i);
  EXPECT_EQ(opens_of(800), few);
}

}  // namespace
}  // namespace horus::shm
