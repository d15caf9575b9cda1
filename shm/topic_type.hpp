// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base.hpp"
#include "shm/layout.hpp"
#include "shm/region.hpp"

namespace horus::shm {

inline constexpr std::string_view kRingSuffix = ".ring";
inline constexpr std::string_view kCursorSuffix = ".sub";
inline constexpr std::string_view kWantSuffix = ".want";  ///< Whose topic has no type yet.
inline constexpr std::string_view kTypeSuffix = ".type";

/// Where a topic's files lie.
struct TopicPlace {
  FolderPtr folder;
  FolderPtr declared;  ///< May be none.
  std::string key;

  std::string type_name() const { return key + std::string{kTypeSuffix}; }
};
Result<TopicPlace> place_of(const Base& base, std::string_view topic);

/// Whether it is a participant's file, by its name.
bool is_participant(std::string_view name) noexcept;
/// The publishers' or the subscribers' files of a topic.
std::vector<std::string> participants(const TopicPlace& place, std::string_view suffix);
/// Whether a file is of a living process that takes part with another type than `hash`.
bool is_foreigner(const TopicPlace& place, const std::string& name, std::uint64_t hash);
bool has_foreigners(const TopicPlace& place, std::uint64_t hash);
/// Whether a living process takes part, by its files.
bool has_living(const TopicPlace& place);

/// The type that counts: what the base's owner has declared, else what the first opener has made.
Result<Region> find_type(const TopicPlace& place);
/// The schema behind a type file; empty where it is not that of the type.
std::string schema_in(const Region& region);
/// Takes a type away that no participant needs any more. Whoever joins at the same time finds it
/// still, or makes it anew; no lock is taken, which others could hold (SHM-7).
void drop_unused_type(const Folder& types, const TopicPlace& place) noexcept;
/// The same for many topics of one folder: others may have put thousands there, and it is listed
/// twice for all of them. Returns how many went.
std::uint32_t drop_unused_types(const Folder& types, const Folder& participants,
                                const std::vector<std::string>& keys) noexcept;

}  // namespace horus::shm
