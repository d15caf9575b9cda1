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
inline constexpr std::string_view kWantSuffix = ".want";  ///< Of a subscription without a type.
inline constexpr std::string_view kTypeSuffix = ".type";

/// The folders and the key of a topic's files.
struct TopicPlace {
  FolderPtr folder;
  FolderPtr declared;  ///< The folder of declared types; may be null.
  std::string key;

  std::string type_name() const { return key + std::string{kTypeSuffix}; }
};
Result<TopicPlace> place_of(const Base& base, std::string_view topic);

/// Whether the file of this name is a publisher's or a subscriber's.
bool is_participant(std::string_view name) noexcept;
/// The names of a topic's files that end with `suffix`.
std::vector<std::string> participants(const TopicPlace& place, std::string_view suffix);
/// Whether the file is a living participant's whose type is not the one with `hash`.
bool is_foreigner(const TopicPlace& place, const std::string& name, std::uint64_t hash);
bool has_foreigners(const TopicPlace& place, std::uint64_t hash);
/// Whether a living process takes part in the topic.
bool has_living(const TopicPlace& place);

/// The topic's type: what the base's owner has declared, else what the first opener has made.
Result<Region> find_type(const TopicPlace& place);
/// The schema in a type file; empty if its hash is not the type's.
std::string schema_in(const Region& region);
/// Removes a topic's type if no participant needs it any more. A process that joins at the same
/// time still finds it, or makes it again. It takes no lock, as others could hold it (SHM-7).
void drop_unused_type(const Folder& types, const TopicPlace& place) noexcept;
/// The same for many topics of one folder. The folder, in which others may have put thousands of
/// files, is listed only twice for all of them. Returns how many were removed.
std::uint32_t drop_unused_types(const Folder& types, const Folder& participants,
                                const std::vector<std::string>& keys) noexcept;

}  // namespace horus::shm
