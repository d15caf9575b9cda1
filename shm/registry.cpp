// SPDX-License-Identifier: Apache-2.0
#include "shm/registry.hpp"

#include <algorithm>
#include <map>

#include "shm/layout.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "shm/schema.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

/// How many messages of the rings that the subscriber reads it has not taken yet.
std::uint64_t lag_of(const CursorFile& cursor, const std::map<std::uint64_t, std::uint64_t>& sent) {
  std::uint64_t lag = 0;
  for (const TakenRow& row : cursor.rows) {
    // relaxed: numbers on their own.
    const auto ring = sent.find(row.ring.load(std::memory_order_relaxed));
    if (ring == sent.end()) continue;
    lag += ring->second - std::min(ring->second, row.taken.load(std::memory_order_relaxed));
  }
  return lag;
}

Result<TopicInfo> look_at(const TopicPlace& place) {
  auto type = find_type(place);
  if (!type) return type.error();
  const auto& file = *type.value().as<const TypeFile>();
  TopicInfo info;
  info.name = std::string{file.topic.view()};
  if (!is_a(file.file, Magic::kType) || !check_topic_name(info.name) ||
      file_key(info.name) != place.key) {
    return Error{Errc::kCorrupt, "topic type file is damaged or of another version", 0,
                 Name<200>::clipped(type.value().path())};
  }
  const std::uint64_t hash = read_once(file.file.hash);
  info.type = std::string{file.name.view()};
  info.message_size = file.max_size;
  info.capacity = file.capacity;
  info.refuses = file.refuses != 0;
  info.declared = type.value().folder() == place.declared;
  info.schema = schema_in(type.value());
  std::map<std::uint64_t, std::uint64_t> sent;  // By the rings' inodes.
  for (const std::string& entry : participants(place, kRingSuffix)) {
    auto region = Region::open(place.folder, entry, sizeof(RingHeader));
    if (!region) continue;
    const auto ring = view_of(region.value(), hash, read_once(file.area_size) != 0);
    if (!ring) {
      info.foreign += region.value().alive() ? 1 : 0;
      continue;
    }
    info.publishers.push_back({.ring = entry,
                               .pid = pid_of(identity_of(entry)),
                               .node = std::string{ring->header->node.view()},
                               .alive = region.value().alive(),
                               .capacity = static_cast<std::uint32_t>(ring->capacity()),
                               .sent = complete(*ring),
                               .refused = ring->header->refused.value(),
                               .bytes = ring->header->bytes.value(),
                               .unrung = ring->header->unrung.value()});
    sent.emplace(region.value().inode(), info.publishers.back().sent);
  }
  if (!info.publishers.empty()) {
    info.capacity = std::ranges::max(info.publishers, {}, &PublisherInfo::capacity).capacity;
  }
  for (const std::string& entry : participants(place, kCursorSuffix)) {
    auto region = Region::open(place.folder, entry, sizeof(CursorFile));
    if (!region || !is_a(region.value().as<const CursorFile>()->file, Magic::kCursor)) continue;
    const auto& cursor = *region.value().as<const CursorFile>();
    if (read_once(cursor.file.hash) != hash) {
      info.foreign += region.value().alive() ? 1 : 0;
      continue;
    }
    info.subscribers.push_back({.cursor = entry,
                                .pid = pid_of(identity_of(entry)),
                                .node = std::string{cursor.node.view()},
                                .alive = region.value().alive(),
                                .received = cursor.received.value(),
                                .passed_over = cursor.passed_over.value(),
                                .missed = cursor.missed.value(),
                                .torn = cursor.torn.value(),
                                .depth = read_once(cursor.depth),
                                .lag = lag_of(cursor, sent),
                                .age = cursor.age.snapshot(),
                                .timeout_ns = cursor.timeout_ns.value(),
                                .stale_since_ns = cursor.stale_since_ns.value(),
                                .stale = cursor.stale.value(),
                                .fallbacks = cursor.fallbacks.value()});
  }
  return info;
}

}  // namespace

Result<TopicInfo> find_topic(const std::string& base, const std::string& name) {
  const auto looked = Base::look(base);
  if (!looked) return looked.error();
  const auto place = place_of(*looked.value(), name);
  if (!place) return place.error();
  return look_at(place.value());
}

std::vector<TopicInfo> list_topics(const std::string& base) {
  std::vector<TopicInfo> topics;
  const auto looked = Base::look(base);
  if (!looked) return topics;
  const Base& there = *looked.value();
  const auto add = [&](const std::string& name, const FolderPtr& folder) {
    if (!name.ends_with(kTypeSuffix)) return;
    const TopicPlace place{folder, there.declared(), std::string{key_of(name)}};
    if (auto info = look_at(place)) topics.push_back(std::move(info).value());
  };
  for (const FolderPtr& folder : there.topic_folders()) {
    for (const std::string& name : folder->list(kTypeSuffix)) {
      const bool twice = there.declared() && there.declared()->has(name);
      if (!twice) add(name, folder);
    }
  }
  if (there.declared()) {
    for (const std::string& name : there.declared()->list(kTypeSuffix)) {
      if (auto folder = there.topic_folder(std::string{key_of(name)})) add(name, folder.value());
    }
  }
  std::ranges::sort(topics, {}, &TopicInfo::name);
  return topics;
}

Status may_look(const std::string& base) {
  const auto looked = Base::look(base);
  const bool none = looked || looked.error().code == Errc::kNotFound;
  return none ? Status{} : looked.error();
}

}  // namespace horus::shm
