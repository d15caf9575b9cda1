// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "rt/base/tick_stats.hpp"
#include "service/wire/stats_codec.hpp"
#include "tests/support/corpus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace horus::wire {
namespace {

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

/// Changes, removes, repeats or swaps some bytes: what a broken or hostile peer sends is mostly
/// near to what is right.
std::string mutated(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random);
  };
  for (std::size_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = below(bytes.size());
    switch (below(4)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes.erase(at, 1 + below(8)); break;
      case 2: bytes.insert(at, bytes.substr(at, 1 + below(16))); break;
      default: bytes.insert(at, std::string(1 + below(20), "{[\"0,:"[below(6)])); break;
    }
  }
  return bytes;
}

TEST(VarlinkFuzz, mutated_messages_are_refused_or_survive_a_round_trip) {
  HostStats host;
  NodeStats node;
  node.lateness.record(Nanos{1234});
  StatsView stats = stats_of({read_host(host, {&node, 1}, true)});
  const std::array seeds{
      std::string{R"({"method":"io.horus.Stats.Get","parameters":{"node":"motor"},"more":true})"},
      std::string{R"({"method":"a.b","oneway":false})"} + '\0' + R"({"method":"c.d"})" + '\0',
      encode(Reply{.parameters = to_json(stats), .error = {}, .continues = true}),
      encode(Reply{.parameters = {{"parameter", "x"}}, .error = "org.e", .continues = false}),
  };
  std::mt19937 random{20240607};
  for (int round = 0; round < 2000; ++round) {
    for (const std::string& seed : seeds) feed(mutated(seed, random));
  }
}

TEST(VarlinkFuzz, the_corpus_is_replayed) {
  EXPECT_GE(horus::test::replay(FUZZ_CORPUS), 2);
}

}  // namespace
}  // namespace horus::wire
