// SPDX-License-Identifier: Apache-2.0
#include "shm/names.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <horus/topic.hpp>

#include "shm/schema.hpp"

namespace horus::shm {
namespace {

constexpr std::size_t kMaxTopicLength = 200;

bool allowed(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '-';
}

/// Field 22 of /proc/self/stat: clock ticks since boot at which this process began.
std::string start_time() {
  std::ifstream file{"/proc/self/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::istringstream rest{text.substr(std::min(text.rfind(')') + 1, text.size()))};
  std::string field;
  for (int number = 3; number <= 22 && rest >> field; ++number) {
  }
  return field.empty() ? "0" : field;
}

}  // namespace

Status check_topic_name(std::string_view topic) noexcept {
  if (topic.empty() || topic.size() > kMaxTopicLength || !std::ranges::all_of(topic, allowed)) {
    return Error{Errc::kInvalidArgument, "topic name (allowed: 1 to 200 of A-Z a-z 0-9 _ . / -)", 0,
                 Name<200>::clipped(topic)};
  }
  return {};
}

std::string escape(std::string_view topic) {
  std::string name;
  for (const char c : topic) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '.' && name.empty()) {
      name += "%2E";
    } else {
      name += c;
    }
  }
  return name;
}

std::string unescape(std::string_view name) {
  std::string topic;
  while (!name.empty()) {
    if (name.starts_with("%2F") || name.starts_with("%2E")) {
      topic += name[2] == 'F' ? '/' : '.';
      name.remove_prefix(3);
    } else {
      topic += name.front();
      name.remove_prefix(1);
    }
  }
  return topic;
}

std::string file_key(std::string_view topic) {
  constexpr std::size_t kLongest = 180;
  constexpr std::size_t kKept = 150;
  std::string key;
  for (const char c : topic) {
    if (c == '/') {
      key += "%2F";
    } else if (c == '.') {
      key += "%2E";
    } else {
      key += c;
    }
  }
  if (key.size() <= kLongest) return key;
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "~%016llx",
                static_cast<unsigned long long>(hash_of(topic)));
  return key.substr(0, kKept) + digits.data();
}

std::string_view key_of(std::string_view file) noexcept {
  return file.substr(0, file.find('.'));
}

std::string_view identity_of(std::string_view file) noexcept {
  const std::size_t dot = file.find('.');
  file.remove_prefix(dot == std::string_view::npos ? file.size() : dot + 1);
  return key_of(file);
}

std::string make_identity() {
  std::uint32_t nonce = 0;
  if (::getrandom(&nonce, sizeof nonce, 0) != sizeof nonce) {
    nonce = static_cast<std::uint32_t>(cycle_count());
  }
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", nonce);
  return std::to_string(::getpid()) + "-" + start_time() + "-" + hex;
}

std::int32_t pid_of(std::string_view identity) noexcept {
  std::int32_t pid = 0;
  std::from_chars(identity.data(), identity.data() + identity.size(), pid);
  return pid;
}

std::string in_namespace(std::string base) {
  // Not thread-safe only against changes of the environment, and we make none.
  const char* name = std::getenv("HORUS_NAMESPACE");  // NOLINT(concurrency-mt-unsafe)
  if (name != nullptr && *name != '\0') base += '/' + escape(name);
  return base;
}

std::string default_base() {
  const char* base = std::getenv("HORUS_BASE");  // NOLINT(concurrency-mt-unsafe)
  const bool is_chosen = base != nullptr && *base != '\0';
  return in_namespace(is_chosen ? base : "/dev/shm/horus-" + std::to_string(::getuid()));
}

}  // namespace horus::shm
