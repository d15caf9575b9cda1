// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/corpus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace horus::cli {
namespace {

TEST(JsonFuzz, mutated_messages_are_refused_or_published) {
  const std::array<std::string, 5> seeds{
      R"({"linear": 0.5, "angular": -1e3, "timestamp_ns": 18446744073709551615})",
      R"({"names": ["hip", "knee"], "positions": [0.5, null], "joint_count": 2})",
      R"({"pose": {"x": 1, "y": 2}, "frame_id": "odom", "ranges": [1, 2, 3]})",
      R"({"x": 1, "w": 0.5, "enable": true, "class_name": "cup", "bbox": {"x": 1}})",
      R"([1, "a", {"b": [[[null]]]}, -0.0, 1e999])"};
  std::mt19937 random{20250114};
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t edits = below(4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = "{}[]\",:0-e.ntf\\"[below(15)]; break;
        case 1: text.erase(at, 1 + below(8)); break;
        default: text.insert(at, text.substr(below(text.size()), 1 + below(16))); break;
      }
    }
    text.insert(0, 1, static_cast<char>(below(256)));
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
}

TEST(JsonFuzz, the_corpus_is_replayed) {
  EXPECT_GE(horus::test::replay(FUZZ_CORPUS "/json"), 1);
}

}  // namespace
}  // namespace horus::cli
