// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/corpus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace horus::cli {
namespace {

using namespace std::string_literals;

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

/// Changes, removes or repeats some bytes, or puts in those that begin a value.
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
      default: bytes.insert(at, 1 + below(70), "\x81\x91\xC7\xD9\xDD\xDF"[below(6)]); break;
    }
  }
  return bytes;
}

TEST(GenericFuzz, mutated_messages_are_refused_or_shown) {
  const std::array seeds{
      "\x83\xA1v\xCB\x3F\xF8\0\0\0\0\0\0\xA4name\xA5hello\xA4list\x93\x01\xC0\xC3"s,
      "\x82\x07\xC4\x03\x01\x02\x03\xA1x\x81\xA1y\xD1\xFF\x00"s,
      "\xC7\x0E\x01\x00\x01\x02\0\0\0\0\0\x80\x3F\0\0\0\x40"s,
      "\x81\xD9\x04\x1b[2J\xD9\x03\xC2\x9B!"s,
  };
  std::mt19937 random{20240607};
  for (int round = 0; round < 20'000; ++round) {
    for (const std::string& seed : seeds) feed(mutated(seed, random));
  }
}

TEST(GenericFuzz, bytes_of_no_design_are_refused_or_shown) {
  std::mt19937 random{7};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(1 + random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    feed(bytes);
  }
}

TEST(GenericFuzz, the_corpus_is_replayed) {
  EXPECT_GE(horus::test::replay(FUZZ_CORPUS "/generic"), 2);
}

}  // namespace
}  // namespace horus::cli
