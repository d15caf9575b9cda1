// SPDX-License-Identifier: Apache-2.0
#include "rt/base/stop_latch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "rt/base/plain_name.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus {
namespace {

constexpr std::string_view kHead = "horus stop 1\n";
constexpr std::size_t kMost = 1024;

struct Split {
  std::string folder;
  std::string name;
};

Split split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// Opens the folder. Its files are then reached through this descriptor, so that a hostile user
/// cannot exchange the path by a symbolic link in between.
UniqueFd open_folder(const std::string& folder) {
  return UniqueFd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

void make_folders(const std::string& folder) {
  for (std::size_t at = folder.find('/', 1); at != folder.npos; at = folder.find('/', at + 1)) {
    ::mkdir(folder.substr(0, at).c_str(), 0755);
  }
  ::mkdir(folder.c_str(), 0750);
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// `text` as one line of at most kMost / 2 bytes: control characters become blanks.
std::string flat(std::string_view text) {
  std::string line{text.substr(0, kMost / 2)};
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

std::optional<StopLatch> parse(std::string_view text) {
  if (!text.starts_with(kHead)) return std::nullopt;
  text.remove_prefix(kHead.size());
  const std::size_t end = text.find('\n');
  if (end == text.npos || !text.ends_with('\n')) return std::nullopt;
  const auto cause = parse_word<StopCause>(text.substr(0, end));
  if (!cause) return std::nullopt;
  const std::string_view rest = text.substr(end + 1);
  return StopLatch{.cause = *cause, .text = flat(rest.substr(0, rest.find('\n')))};
}

}  // namespace

Result<std::optional<StopLatch>> StopLatch::read(const std::string& path) {
  const auto [folder, name] = split(path);
  const UniqueFd there = open_folder(folder);
  if (!there && errno == ENOENT) return std::optional<StopLatch>{};
  if (!there) return Error::from_errno("read the latch", path);
  const UniqueFd file{
      ::openat(there.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!file && errno == ENOENT) return std::optional<StopLatch>{};
  if (!file) return Error::from_errno("read the latch", path);
  std::array<char, kMost + 1> bytes{};
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  if (size < 0) return Error::from_errno("read the latch", path);
  auto latch = parse({bytes.data(), static_cast<std::size_t>(size)});
  if (!latch) return Error{Errc::kCorrupt, "read the latch", 0, Name<200>::clipped(path)};
  return latch;
}

Status StopLatch::write(const std::string& path) const {
  const auto [folder, name] = split(path);
  make_folders(folder);
  const UniqueFd there = open_folder(folder);
  if (!there) return Error::from_errno("write the latch", path);
  // Written beside the latch, synced and renamed over it, so that no crash leaves half a latch.
  const std::string made = "." + name + ".new";
  // Left by a writer that died.
  ::unlinkat(there.get(), made.c_str(), 0);
  const UniqueFd file{::openat(there.get(), made.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640)};
  const std::string content = std::string{kHead} + to_text(cause) + "\n" + flat(text) + "\n";
  const bool written = file && write_all(file.get(), content) && ::fsync(file.get()) == 0 &&
                       ::renameat(there.get(), made.c_str(), there.get(), name.c_str()) == 0 &&
                       ::fsync(there.get()) == 0;
  return written ? Status{} : Error::from_errno("write the latch", path);
}

Status StopLatch::check(const std::string& path) {
  // The folder, or else the nearest parent that exists, in which write() would make it.
  std::string folder = split(path).folder;
  UniqueFd there = open_folder(folder);
  while (!there && errno == ENOENT && folder.find('/', 1) != folder.npos) {
    folder.resize(folder.rfind('/'));
    there = open_folder(folder);
  }
  const bool fine = there && ::faccessat(there.get(), ".", W_OK | X_OK, AT_EACCESS) == 0;
  return fine ? Status{} : Error::from_errno("keep a latch", path);
}

Status StopLatch::clear(const std::string& path) {
  const auto [folder, name] = split(path);
  const UniqueFd there = open_folder(folder);
  if (!there && errno == ENOENT) return {};
  if (!there) return Error::from_errno("clear the latch", path);
  if (::unlinkat(there.get(), name.c_str(), 0) != 0) {
    return errno == ENOENT ? Status{} : Error::from_errno("clear the latch", path);
  }
  return ::fsync(there.get()) == 0 ? Status{} : Error::from_errno("clear the latch", path);
}

Result<std::string> latch_path(const std::string& state, const std::string& robot) {
  if (!is_plain_name(robot)) {
    return Error{Errc::kInvalidArgument, "name a latch", 0, Name<200>::clipped(robot)};
  }
  std::string folder = state;
  // NOLINTBEGIN(concurrency-mt-unsafe): read before the run's threads are made.
  if (const char* const given = std::getenv("XDG_STATE_HOME");
      folder.empty() && given != nullptr && *given == '/') {
    folder = std::string{given} + "/horus";
  }
  if (const char* const home = std::getenv("HOME");
      folder.empty() && home != nullptr && *home == '/') {
    folder = std::string{home} + "/.local/state/horus";
  }
  // NOLINTEND(concurrency-mt-unsafe)
  if (folder.empty()) {
    return Error{Errc::kNotFound, "find a folder for the latch (XDG_STATE_HOME, HOME)", 0, {}};
  }
  return folder + "/" + robot + ".stop";
}

namespace {

constexpr std::string_view kBefore = "it was stopped before it started ";

}  // namespace

LatchFinding look_at_latch(const Result<std::string>& path, bool keeps) {
  if (!path) return {.lack = describe(path.error())};
  const auto found = StopLatch::read(path.value());
  if (!found) return {.lack = describe(found.error())};
  if (const auto& latch = found.value()) {
    // A robot that started stopped has latched this text again: do not add the words twice.
    if (latch->text.starts_with(kBefore)) return {.stop = latch->text};
    return {.stop = std::string{kBefore} + "(" + to_text(latch->cause) + "): " + latch->text};
  }
  const Status kept = keeps ? StopLatch::check(path.value()) : Status{};
  return {.lack = kept ? std::string{} : describe(kept.error())};
}

}  // namespace horus
