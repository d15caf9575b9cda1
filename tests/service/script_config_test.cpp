// SPDX-License-Identifier: Apache-2.0
#include "service/script_config.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace horus::service {
namespace {

namespace fs = std::filesystem;

TEST(ScriptConfig, is_ascii_whatever_the_path_of_a_program) {
  const fs::path folder = fs::path{testing::TempDir()} / "script_config_caf\xE9";
  fs::create_directories(folder);
  std::ofstream{folder / "node.py"} << "";
  const auto config = ScriptConfig::make({(folder / "node.py").string()});
  ASSERT_TRUE(config) << describe(config.error());
  std::ifstream in{config.value().file()};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_NE(text.find("/node.py"), std::string::npos) << text;
  EXPECT_TRUE(std::ranges::all_of(text, [](char byte) {
    return static_cast<unsigned char>(byte) < 0x80;
  })) << text;
  fs::remove_all(folder);
}

}  // namespace
}  // namespace horus::service
