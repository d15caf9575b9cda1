// SPDX-License-Identifier: Apache-2.0
#include "shm/names.hpp"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "shm/session.hpp"

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

std::string topic_directory(const std::string& base, std::string_view topic) {
  return base + "/topics/" + escape(topic);
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

Status make_directories(const std::string& path, int mode) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    struct stat status {};
    const std::string above = path.substr(0, slash);
    if (::stat(above.c_str(), &status) != 0) {
      if (auto made = make_directories(above, mode); !made) return made;
    }
  }
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) {
    ::chmod(path.c_str(), static_cast<mode_t>(mode));
  } else if (errno != EEXIST) {
    return Error::from_errno("create directory", path);
  }
  return {};
}

Status make_base(const std::string& base) {
  // One that has to be made is its user's alone.
  if (auto made = make_directories(base, 0700); !made) return made;
  struct stat status {};
  if (::stat(base.c_str(), &status) != 0) return Error::from_errno("look at", base);
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0 || ::geteuid() == 0 ||
                    status.st_gid == ::getegid() || ::group_member(status.st_gid) != 0;
  if (!S_ISDIR(status.st_mode) || !ours || (status.st_mode & S_IWOTH) != 0) {
    return Error{Errc::kPermission, "base directory is not this user's", 0,
                 Name<200>::clipped(base + " (uid " + std::to_string(status.st_uid) + ")")};
  }
  return {};
}

std::string default_base() {
  // Nothing of ours changes the environment.
  const char* base = std::getenv("HORUS_BASE");       // NOLINT(concurrency-mt-unsafe)
  const char* name = std::getenv("HORUS_NAMESPACE");  // NOLINT(concurrency-mt-unsafe)
  std::string path =
      base != nullptr && *base != '\0' ? base : "/dev/shm/horus-" + std::to_string(::getuid());
  if (name != nullptr && *name != '\0') path += '/' + escape(name);
  return path;
}

}  // namespace horus::shm
