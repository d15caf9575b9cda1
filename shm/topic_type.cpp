// SPDX-License-Identifier: Apache-2.0
#include "shm/topic_type.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "shm/names.hpp"
#include "shm/schema.hpp"

namespace horus::shm {
namespace {

/// The hash of the type that a participant's file is made for; 0 if it cannot be read.
std::uint64_t hash_in(const Folder& folder, const std::string& name) noexcept {
  const UniqueFd file = folder.open(name, O_RDONLY);
  FileHeader header;
  const bool read = ::pread(file.get(), &header, sizeof header, 0) == sizeof header;
  return read ? header.hash : 0;
}

bool lives_in(const TopicPlace& place, const std::string& name) noexcept {
  return is_participant(name) && key_of(name) == place.key && owner_alive(*place.folder, name);
}

/// Those of the `keys` whose topic has a participant, or a subscription without a type (which
/// learns from the type what it was sent). nullopt if that cannot be known.
using Keys = std::unordered_set<std::string_view>;
std::optional<Keys> taken_keys(const Folder& folder, const std::vector<std::string>& keys) {
  const auto names = folder.entries("");
  // Unreadable for lack of a descriptor, or not listed to the end: there may be participants.
  if (!names || names->size() >= Folder::kMostEntries) return std::nullopt;
  const Keys asked{keys.begin(), keys.end()};
  Keys taken;
  for (const std::string& name : *names) {
    if (!is_participant(name) && !name.ends_with(kWantSuffix)) continue;
    // Insert the caller's key: the listed name does not live long enough.
    const auto found = asked.find(key_of(name));
    if (found != asked.end()) taken.insert(*found);
  }
  return taken;
}

}  // namespace

bool is_participant(std::string_view name) noexcept {
  return name.ends_with(kRingSuffix) || name.ends_with(kCursorSuffix);
}

Result<TopicPlace> place_of(const Base& base, std::string_view topic) {
  std::string key = file_key(topic);
  auto folder = base.topic_folder(key);
  if (!folder) return folder.error();
  return TopicPlace{std::move(folder).value(), base.declared(), std::move(key)};
}

std::vector<std::string> participants(const TopicPlace& place, std::string_view suffix) {
  return place.folder->of_key(place.key, suffix);
}

bool is_foreigner(const TopicPlace& place, const std::string& name, std::uint64_t hash) {
  return lives_in(place, name) && hash_in(*place.folder, name) != hash;
}

bool has_foreigners(const TopicPlace& place, std::uint64_t hash) {
  auto names = participants(place, "");
  // At most so many are checked: nobody can delay others by leaving thousands of dead files there.
  constexpr std::size_t kMostTries = 1024;
  names.resize(std::min(names.size(), kMostTries));
  return std::ranges::any_of(
      names, [&](const std::string& name) { return is_foreigner(place, name, hash); });
}

bool has_living(const TopicPlace& place) {
  return std::ranges::any_of(participants(place, ""),
                             [&place](const std::string& name) { return lives_in(place, name); });
}

Result<Region> find_type(const TopicPlace& place) {
  if (place.declared) {
    auto declared = Region::open(place.declared, place.type_name(), sizeof(TypeFile));
    if (declared || declared.error().code != Errc::kNotFound) return declared;
  }
  return Region::open(place.folder, place.type_name(), sizeof(TypeFile));
}

std::string schema_in(const Region& region) {
  const auto& file = *region.as<const TypeFile>();
  const std::size_t size = read_once(file.schema_size);
  const auto rest = region.bytes().subspan(sizeof(TypeFile));
  if (size > rest.size() || size > kMaxSchema) return {};
  std::string schema{reinterpret_cast<const char*>(rest.data()), size};
  return hash_of(schema) == file.file.hash ? schema : std::string{};
}

void drop_unused_type(const Folder& types, const TopicPlace& place) noexcept {
  drop_unused_types(types, *place.folder, {place.key});
}

std::uint32_t drop_unused_types(const Folder& types, const Folder& participants,
                                const std::vector<std::string>& keys) noexcept {
  if (keys.empty()) return 0;
  const auto before = taken_keys(participants, keys);
  if (!before) return 0;
  const std::string identity = make_identity();
  std::vector<std::pair<std::string, std::string>> aside;  // Key, and the file's name meanwhile.
  for (const std::string& key : keys) {
    if (before->contains(key)) continue;
    std::string gone = "." + identity + "." + std::to_string(aside.size()) + ".gone";
    if (types.rename(key + std::string{kTypeSuffix}, gone)) aside.emplace_back(key, gone);
  }
  if (aside.empty()) return 0;
  const auto after = taken_keys(participants, keys);
  std::uint32_t dropped = 0;
  for (const auto& [key, gone] : aside) {
    // A participant that came before the name was gone may have seen the type, and rely on it.
    const bool needed = !after || after->contains(key);
    if (needed && types.rename(gone, key + std::string{kTypeSuffix})) continue;
    if (types.discard(gone)) ++dropped;
  }
  return dropped;
}

}  // namespace horus::shm
