// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <horus/image.hpp>
#include <horus/message.hpp>
#include <horus/msg/navigation.hpp>

#include "shm/host_board.hpp"
#include "shm/log_page.hpp"
#include "shm/payload_state.hpp"
#include "shm/pool_set.hpp"
#include "shm/schema.hpp"
#include "shm/stats_page.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/shm_fixture.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace horus::shm {
namespace {

using test::Checked;
using test::files;

class ShmFuzz : public test::ShmTest {
 protected:
  static void feed(char kind, const std::string& file) {
    const std::string input = kind + file;
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  /// Mostly whole numbers of the header with a value at a limit, as somebody who knows the layout
  /// would choose; sometimes another length.
  std::string mutated(std::string bytes) {
    constexpr std::array<std::uint64_t, 10> kLimits{0,
                                                    1,
                                                    63,
                                                    64,
                                                    0x7fffffff,
                                                    0x80000000,
                                                    0xffffffff,
                                                    0xffffffc0,
                                                    std::uint64_t{1} << 63,
                                                    ~std::uint64_t{0}};
    for (std::size_t edits = 1 + below(3); edits > 0 && bytes.size() > 8; --edits) {
      const std::size_t size = std::array<std::size_t, 3>{1, 4, 8}[below(3)];
      const std::size_t at = below(std::min<std::size_t>(bytes.size() - size, 256)) / size * size;
      const std::uint64_t value = below(2) == 0 ? kLimits[below(kLimits.size())] : random();
      std::memcpy(bytes.data() + at, &value, size);
    }
    if (below(8) == 0) bytes.resize(below(2 * bytes.size()));
    return bytes;
  }

 private:
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random);
  }
  std::mt19937_64 random{20240607};
};

TEST_F(ShmFuzz, no_file_whatever_is_in_it_crashes_who_opens_it) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kRounds = 2'000;  // Each takes several times as long.
#else
  constexpr int kRounds = 12'500;
#endif
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 6; ++n) publisher.send(Checked::of(n));
  const auto image = Image::make(*session, 4, 4, Encoding::kMono8).value();
  const auto peer = session->pools()->peer(image.state()->tensor().pool_id);
  const std::vector<std::string> nodes{"arm"};
  const auto page = StatsPage::create(base.path(), "robot", nodes).value();
  auto generic =
      session->publish("generic", generic_type(), {.capacity = 4, .max_size = 64}).value();
  for (std::size_t n = 0; n < 6; ++n) generic.send(std::vector<std::byte>(10 * n, std::byte{1}));
  msg::CostMap head;
  head.width = head.height = 5;
  alignas(8) std::array<std::byte, 256> buffer{};
  const auto map = MessageBuilder<msg::CostMap>::in(buffer, head)->bytes();
  const auto& descriptor = image.state()->descriptor;
  std::string pool = bytes_of(files(base.path() + "/pools", ".pool").at(0));
  const std::uint32_t id = 0x42;  // The one that the entry looks for.
  std::memcpy(pool.data() + offsetof(PoolHeader, id), &id, sizeof id);

  auto log = LogPage::create(base.path(), "robot").value();
  log.write({.at_us = 1, .node = NodeName::clipped("arm"), .text = Name<384>::clipped("up")});

  auto board = HostBoard::create(base.path(), "robot", 2).value();
  board.show(std::array{HostRow{.name = NodeName::clipped("cam"), .state = HostState::kStarting}});

  const std::array seeds{
      bytes_of(files(topic_path("t"), ".ring").at(0)),
      bytes_of(type_path("t")),
      bytes_of(files(topic_path("t"), ".sub").at(0)),
      pool,
      bytes_of(files(base.path() + "/pools", ".hold").at(0)),
      bytes_of(base.path() + "/hosts/robot.stats"),
      std::string{"base/cmd_vel.%2F-_"},
      schema_of(type_info(Tag<msg::Odometry>{})),
      std::string{reinterpret_cast<const char*>(descriptor.data()), descriptor.size()},
      std::string{reinterpret_cast<const char*>(map.data()), map.size()},
      bytes_of(base.path() + "/hosts/robot.log"),
      bytes_of(files(topic_path("generic"), ".ring").at(0)),
      bytes_of(base.path() + "/hosts/robot.board"),
  };
  for (std::size_t kind = 0; kind < seeds.size(); ++kind) {
    ASSERT_FALSE(seeds[kind].empty()) << kind;
    feed(static_cast<char>(kind), seeds[kind]);
    feed(static_cast<char>(kind), "");
    // A large file takes its time to be written, and only its head is mutated.
    const int rounds = seeds[kind].size() > 100'000 ? kRounds / 10 : kRounds;
    for (int round = 0; round < rounds; ++round) {
      feed(static_cast<char>(kind), mutated(seeds[kind]));
    }
  }
  const std::string with_tails = schema_of(type_info(Tag<msg::CostMap>{}));
  constexpr char kSchema = 7;
  for (int round = 0; round < kRounds; ++round) feed(kSchema, mutated(with_tails));
}

TEST_F(ShmFuzz, the_corpus_is_replayed) {
  EXPECT_GE(horus::test::replay(FUZZ_CORPUS), 4);
}

}  // namespace
}  // namespace horus::shm
