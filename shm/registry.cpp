// SPDX-License-Identifier: Apache-2.0
#include "shm/registry.hpp"

#include <unistd.h>

#include <algorithm>

#include "shm/directory.hpp"
#include "shm/layout.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "shm/schema.hpp"

namespace horus::shm {
namespace {

/// Removes the files of `directory` whose owner is dead. Returns how many.
std::uint32_t sweep_directory(const std::string& directory, std::string_view suffix) {
  std::uint32_t removed = 0;
  for (const std::string& name : list_directory(directory, suffix)) {
    const std::string path = path_in(directory, name);
    if (!owner_alive(path) && ::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

std::uint32_t sweep_topic(const std::string& directory) {
  std::uint32_t removed = sweep_directory(directory, ".ring") + sweep_directory(directory, ".sub");
  if (list_directory(directory, ".ring").empty() && list_directory(directory, ".sub").empty()) {
    removed += ::unlink((directory + "/type").c_str()) == 0 ? 1U : 0U;
    ::rmdir(directory.c_str());
  }
  return removed;
}

/// The schema behind a type file; empty where it is not that of the type.
std::string schema_in(const Region& region) {
  const auto& file = *region.as<const TypeFile>();
  const std::size_t size = read_once(file.schema_size);
  const auto rest = region.bytes().subspan(sizeof(TypeFile));
  if (size > rest.size() || size > kMaxSchema) return {};
  std::string schema{reinterpret_cast<const char*>(rest.data()), size};
  return hash_of(schema) == file.file.hash ? schema : std::string{};
}

}  // namespace

Result<TopicInfo> find_topic(const std::string& base, const std::string& name) {
  const std::string directory = topic_directory(base, name);
  auto type = Region::open(directory + "/type", sizeof(TypeFile));
  if (!type) return type.error();
  const auto& file = *type.value().as<const TypeFile>();
  if (!is_a(file.file, Magic::kType)) {
    return Error{Errc::kCorrupt, "topic type file is damaged or of another version", 0,
                 Name<200>::clipped(name)};
  }
  TopicInfo info{.name = name,
                 .type = std::string{file.name.view()},
                 .message_size = file.max_size,
                 .capacity = file.capacity,
                 .refuses = file.refuses != 0,
                 .schema = schema_in(type.value()),
                 .publishers = {},
                 .subscribers = {}};
  for (const std::string& entry : list_directory(directory, ".ring")) {
    auto region = Region::open(path_in(directory, entry), sizeof(RingHeader));
    if (!region) continue;
    const auto ring = view_of(region.value(), file.file.hash, file.area_size != 0);
    if (!ring) continue;
    info.publishers.push_back({.ring = entry,
                               .pid = pid_of(entry),
                               .alive = region.value().alive(),
                               .sent = complete(*ring),
                               .refused = ring->header->refused.value(),
                               .bytes = ring->header->bytes.value()});
  }
  for (const std::string& entry : list_directory(directory, ".sub")) {
    auto region = Region::open(path_in(directory, entry), sizeof(CursorFile));
    if (!region || !is_a(region.value().as<const CursorFile>()->file, Magic::kCursor)) continue;
    const auto& cursor = *region.value().as<const CursorFile>();
    info.subscribers.push_back({.pid = pid_of(entry),
                                .alive = region.value().alive(),
                                .received = cursor.received.value(),
                                .missed = cursor.missed.value(),
                                .torn = cursor.torn.value()});
  }
  return info;
}

std::vector<TopicInfo> list_topics(const std::string& base) {
  std::vector<TopicInfo> topics;
  auto names = list_directory(base + "/topics", "");
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (auto info = find_topic(base, unescape(name))) topics.push_back(std::move(info).value());
  }
  return topics;
}

std::uint32_t sweep(const std::string& base, bool hosts_too) {
  std::uint32_t removed = sweep_directory(base + "/bells", ".bell");
  removed += sweep_directory(base + "/pools", ".pool");
  removed += sweep_directory(base + "/pools", ".hold");
  removed += sweep_directory(base + "/hosts", ".new");
  if (hosts_too) removed += sweep_directory(base + "/hosts", ".stats");
  // Nobody joins a topic while it is decided whether it has anybody left.
  const std::string topics = base + "/topics";
  const DirectoryLock no_joining{topics, DirectoryLock::Kind::kExclusive};
  if (!no_joining.held()) return removed;
  for (const std::string& topic : list_directory(topics, "")) {
    removed += sweep_topic(path_in(topics, topic));
  }
  return removed;
}

}  // namespace horus::shm
