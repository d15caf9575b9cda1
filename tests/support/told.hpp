// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <vector>

namespace horus::test {

/// What sessions of a test tell their user: give them tell() as their Teller.
struct Told {
  static Told& instance() {
    static Told told;
    return told;
  }
  std::mutex mutex;
  std::vector<std::string> texts;
};

inline void tell(const std::string& text) noexcept {
  const std::scoped_lock lock{Told::instance().mutex};
  Told::instance().texts.push_back(text);
}

inline std::vector<std::string> told() {
  const std::scoped_lock lock{Told::instance().mutex};
  return Told::instance().texts;
}

/// Line by line.
inline std::string told_text() {
  std::string all;
  for (const std::string& text : told()) all += text + "\n";
  return all;
}

inline void forget_told() {
  const std::scoped_lock lock{Told::instance().mutex};
  Told::instance().texts.clear();
}

}  // namespace horus::test
