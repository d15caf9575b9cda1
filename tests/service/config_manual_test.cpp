// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "service/config.hpp"

namespace horus::service {
namespace {

/// The keys that a section takes, as the refusal of an unknown one lists them.
std::set<std::string> keys_of(const std::string& header) {
  const ConfigText file{.path = "robot.toml", .text = header + "\nno_such_key = 1\n"};
  const ConfigResult result = parse_config({&file, 1});
  const std::string& text = std::get<ConfigError>(result).text;
  std::set<std::string> keys;
  std::string key;
  for (const char c : text.substr(text.find("(known: ") + 8)) {
    if (c != ',' && c != ')') {
      if (c != ' ') key += c;
      continue;
    }
    keys.insert(std::exchange(key, {}));
  }
  return keys;
}

/// The keys that the manual's section explains: `.BR name " = "...` each.
std::set<std::string> explained(const std::string& header) {
  std::ifstream file{TEST_MANUAL};
  const std::string manual{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t begin = manual.find(".SH " + header + "\n");
  const std::string section = manual.substr(begin, manual.find(".SH ", begin + 1) - begin);
  static constexpr std::string_view kEntry = "\n.BR ";
  std::set<std::string> keys;
  for (std::size_t at = 0; (at = section.find(kEntry, at)) != std::string::npos;) {
    at += kEntry.size();
    const std::size_t end = section.find_first_of(" \n", at);
    if (section.compare(end, 4, " \" =") == 0) keys.insert(section.substr(at, end - at));
  }
  return keys;
}

TEST(ConfigManual, ExplainsEachKeyOfEachSection) {
  for (const char* header : {"[robot]", "[cpus]", "[realtime]", "[safety]", "[record]", "[[node]]",
                             "[[host]]", "[[topic]]", "[[limit]]"}) {
    EXPECT_FALSE(keys_of(header).empty());
    EXPECT_EQ(explained(header), keys_of(header)) << header;
  }
}

}  // namespace
}  // namespace horus::service
