// SPDX-License-Identifier: Apache-2.0
// Opening a topic: its type file, one's own ring or cursor, and what happens if others do the same
// at the same time.
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "rt/base/printable.hpp"
#include "shm/freshness.hpp"
#include "shm/names.hpp"
#include "shm/open_details.hpp"
#include "shm/schema.hpp"
#include "shm/session_impl.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kTypedCapacity = 1024;
constexpr std::size_t kMaxTypedRing = std::size_t{4} << 20;
constexpr std::size_t kVaryingRing = std::size_t{256} << 10;
constexpr std::uint32_t kVaryingCapacity = 4096;  // Index entries of 32 bytes: half of the ring.
constexpr std::uint32_t kVaryingMax = 1U << 16;   // Largest message of MessagePack values, bytes.
constexpr std::uint32_t kUsualValue = 4096;       // Average size that a ring of values allows for.
constexpr std::uint32_t kTailedMax = 1U << 20;    // Largest message with tails, bytes.
constexpr std::size_t kLeastMessages = 4;         // Messages of the largest size that always fit.
constexpr std::uint32_t kMaxCapacity = 1U << 20;

std::size_t stride_of(std::uint32_t max_size, std::uint64_t area_size) noexcept {
  if (area_size != 0) return sizeof(IndexEntry);
  return (sizeof(SlotHeader) + padded(max_size) + kLine - 1) / kLine * kLine;
}

/// At most 2^42: no product of numbers within the limits overflows.
std::size_t ring_size(const TypeFile& file) noexcept {
  const std::size_t slots = file.capacity * stride_of(file.max_size, file.area_size);
  return sizeof(RingHeader) + slots + file.area_size;
}

/// The area for `messages` of the largest size. One more is allowed for: a message lies in one
/// piece, so less than one is left unused before the area's end.
std::uint64_t area_for(std::uint64_t messages, std::uint32_t max_size) noexcept {
  return (messages + 1) * padded(max_size);
}

/// The default max_size of a type whose size varies.
std::uint32_t usual_max(const TypeInfo& type) noexcept {
  return type.tails.empty() ? kVaryingMax : kTailedMax;
}

/// The type file that the options ask for. kInvalidArgument for impossible limits.
Result<TypeFile> wanted(std::string_view topic, const TypeInfo& type,
                        const TopicOptions& options) noexcept {
  TypeFile file;
  file.file = {.magic = Magic::kType, .size = sizeof(TypeFile), .hash = type.hash};
  file.name = Name<64>::clipped(type.name);
  file.topic = Name<208>::clipped(topic);
  file.refuses = options.policy == Policy::kRefuse ? 1 : 0;
  file.max_size = !type.varies()          ? type.size
                  : options.max_size != 0 ? options.max_size
                                          : usual_max(type);
  const auto refuse = [topic](const char* why) {
    return Error{Errc::kInvalidArgument, why, 0, Name<200>::clipped(topic)};
  };
  constexpr const char* kLargeRing =
      "capacity: so many messages of the largest size are more than 1 GiB";
  if (!type.varies() && options.max_size != 0) {
    return refuse("max_size is for topics whose messages vary in size");
  }
  if (file.max_size > kMaxMessage) {
    return refuse(type.varies() ? "max_size is at most 4 MiB" : "a message has at most 4 MiB");
  }
  if (options.capacity > kMaxCapacity) return refuse("capacity is at most 1,048,576 messages");
  file.capacity = std::bit_ceil(options.capacity);
  std::uint64_t area_size = 0;
  if (!type.varies()) {
    const std::size_t fitting = std::bit_floor(kMaxTypedRing / stride_of(type.size, 0));
    const auto by_kind = std::clamp<std::size_t>(fitting, 1, kTypedCapacity);
    if (options.capacity == 0) file.capacity = static_cast<std::uint32_t>(by_kind);
  } else if (options.capacity != 0) {
    const bool usual = type.tails.empty() && file.max_size == kVaryingMax;
    area_size = area_for(file.capacity, usual ? kUsualValue : file.max_size);
    area_size = std::max(area_size, area_for(1, file.max_size));
  } else {
    file.capacity = kVaryingCapacity;
    area_size = kVaryingRing - sizeof(RingHeader) - kVaryingCapacity * sizeof(IndexEntry);
    const std::size_t least = options.max_size != 0 || !type.tails.empty() ? kLeastMessages : 1;
    area_size = std::max(area_size, area_for(least, file.max_size));
  }
  if (area_size > Region::kMaxSize) return refuse(kLargeRing);
  file.area_size = static_cast<std::uint32_t>(area_size);
  if (ring_size(file) > Region::kMaxSize) return refuse(kLargeRing);
  return file;
}

/// Whether the numbers of a type file, which may come from another user, are possible.
bool is_valid(const TypeFile& file, const TypeInfo& type) noexcept {
  if (!is_a(file.file, Magic::kType) || file.max_size == 0 || file.max_size > kMaxMessage ||
      !std::has_single_bit(file.capacity) || file.capacity > kMaxCapacity || file.refuses > 1) {
    return false;
  }
  const bool same = file.file.hash == type.hash;
  const bool fits = type.varies()
                        ? file.area_size % 8 == 0 && file.area_size >= padded(file.max_size)
                        : file.area_size == 0 && file.max_size == type.size;
  return (!same || fits) && ring_size(file) <= Region::kMaxSize;
}

/// The options, with `max_size` in place of their own.
TopicOptions with_max_size(TopicOptions options, const TypeInfo& type,
                           std::uint32_t max_size) noexcept {
  if (type.varies()) options.max_size = max_size == usual_max(type) ? 0 : max_size;
  return options;
}

/// What an opener asks for; where the options say nothing, what the file says already.
Result<TypeFile> said(const TypeFile& found, const TypeInfo& type,
                      const TopicOptions& options) noexcept {
  const std::uint32_t max_size = options.max_size != 0 ? options.max_size : found.max_size;
  auto file = wanted(found.topic.view(), type, with_max_size(options, type, max_size));
  if (file && options.policy == Policy::kAny) file.value().refuses = found.refuses;
  return file;
}

constexpr std::size_t kShown = 80;  // Bytes shown of a topic's name, so that the rest has room.

Error mismatch(std::string_view topic, std::string_view there, std::string_view asked) noexcept {
  std::string text = "topic '" + std::string{topic.substr(0, kShown)} + "' carries " +
                     std::string{there} + ", asked for " + std::string{asked};
  if (there == asked) text += " of another layout";
  if (there == generic_type().name) {
    text += ": who sends there named no type; in Python: Pub(name, " + std::string{asked} + ")";
  }
  return {Errc::kTypeMismatch, "open topic", 0, Name<200>::clipped(text)};
}

/// The fields of a schema, as it writes them: "speed:f32@0".
std::vector<std::string_view> fields_of(std::string_view schema) {
  std::vector<std::string_view> fields;
  const std::size_t begin = schema.find('{');
  const std::size_t end = schema.rfind('}');
  if (begin == schema.npos || end == schema.npos || end < begin) return fields;
  for (std::string_view rest = schema.substr(begin + 1, end - begin - 1); !rest.empty();) {
    const std::size_t next = std::min(rest.find(';'), rest.size());
    fields.push_back(rest.substr(0, next));
    rest.remove_prefix(std::min(next + 1, rest.size()));
  }
  return fields;
}

/// The first difference of two layouts with one name: "; there speed:f32@0, here speed:f64@0".
std::string first_difference(std::string_view there, std::string_view here) {
  const auto theirs = fields_of(there);
  const auto ours = fields_of(here);
  const auto [one, other] = std::ranges::mismatch(theirs, ours);
  if (one == theirs.end() && other == ours.end()) return {};
  const auto text = [](auto at, auto end) {
    return at == end ? std::string{"no more fields"} : printable(*at);
  };
  return "; there " + text(one, theirs.end()) + ", here " + text(other, ours.end());
}

/// Who takes part in the topic now, for error messages: "; process 12 has it open".
std::string who_has(const TopicPlace& place) {
  for (const std::string_view suffix : {kRingSuffix, kCursorSuffix}) {
    for (const std::string& name : participants(place, suffix)) {
      if (!owner_alive(*place.folder, name)) continue;
      const std::int32_t pid = pid_of(identity_of(name));
      if (pid == ::getpid()) return "; this process has it open";
      return "; process " + std::to_string(pid) + " has it open";
    }
  }
  return {};
}

/// The error for a topic with another type: what differs, and who has it open.
Error mismatch(const TopicPlace& place, const TypeFile& found, const std::string& schema,
               const TypeInfo& asked) {
  const std::string there = printable(found.name.view());
  Error error = mismatch(found.topic.view(), there, asked.name);
  std::string text{error.subject.view()};
  if (there == asked.name) text += first_difference(schema, schema_of(asked));
  error.subject = Name<200>::clipped(text + who_has(place));
  return error;
}

/// Whether an existing topic has the policy and the max_size that its opener relies on.
Status check_options(std::string_view topic, const TypeFile& found,
                     const TopicOptions& options) noexcept {
  const std::string name{topic.substr(0, kShown)};
  const bool refuses = options.policy == Policy::kRefuse;
  if (options.policy != Policy::kAny && refuses != (found.refuses != 0)) {
    const std::string text = "topic '" + name + "' " +
                             (refuses ? "overwrites, asked for one that refuses"
                                      : "refuses, asked for one that overwrites");
    return Error{Errc::kTypeMismatch, "open topic", 0, Name<200>::clipped(text)};
  }
  if (found.area_size != 0 && options.max_size > found.max_size) {
    const std::string text =
        "topic '" + name + "' carries at most " + std::to_string(found.max_size) +
        " bytes a message, asked for max_size " + std::to_string(options.max_size);
    return Error{Errc::kInvalidArgument, "open topic", 0, Name<200>::clipped(text)};
  }
  return {};
}

static_assert(kMaxPublishers == 64 && kMaxSubscribers == 64, "as the errors below say");

/// Whether more than `most` living files of a topic count against its limit. For the base's owner
/// only his own count, so that nobody can keep him out.
bool is_full(const TopicPlace& place, std::string_view suffix, std::size_t most) {
  const bool own_only = place.folder->ours() && place.folder->shared();
  std::size_t taken = 0;
  auto names = participants(place, suffix);
  // At most so many are checked: nobody can delay others by leaving thousands of dead files there.
  names.resize(std::min(names.size(), Attention::kMostTries));
  return std::ranges::any_of(names, [&](const std::string& name) {
    const bool counts = !own_only || place.folder->owns(name);
    taken += counts && owner_alive(*place.folder, name) ? 1U : 0U;
    return taken > most;
  });
}

/// Gives `region` its name among the files of a topic, if at most `most` living ones end with
/// `suffix`: the tables of the others have no more places. If several come at once for the last
/// place, each may find it taken.
Status join(Region& region, const TopicPlace& place, const std::string& identity,
            std::string_view suffix, std::size_t most) {
  const std::string name = place.key + "." + identity + std::string{suffix};
  if (auto named = region.publish(name); !named) return named;
  if (participants(place, suffix).size() <= most || !is_full(place, suffix, most)) return {};
  region.unlink();
  return Error{Errc::kExhausted,
               suffix == kRingSuffix ? "the topic has 64 publishers already"
                                     : "the topic has 64 subscribers already",
               0, Name<200>::clipped(place.folder->path_of(name))};
}

/// A type file without a name, with its size and schema filled in.
Result<Region> make_type(FolderPtr folder, const TypeFile& file, const TypeInfo& type) {
  const std::string schema = schema_of(type);
  const std::size_t size = sizeof(TypeFile) + schema.size();
  auto fresh = Region::create(std::move(folder), size, kFileMode);
  if (!fresh) return fresh;
  auto& made = *fresh.value().as<TypeFile>();
  made = file;
  made.file.size = size;
  made.schema_size = static_cast<std::uint32_t>(schema.size());
  std::ranges::copy(std::as_bytes(std::span{schema}),
                    fresh.value().bytes().subspan(sizeof(TypeFile)).begin());
  return fresh;
}

bool same(const TypeFile& one, const TypeFile& other) noexcept {
  return one.file.hash == other.file.hash && one.max_size == other.max_size &&
         one.refuses == other.refuses;
}

/// Removes a type file that is in the way, if no living process takes part in the topic and this
/// user may remove it. Whether it is gone.
bool make_way(const Folder& types, const TopicPlace& place) {
  return !has_living(place) && types.discard(place.type_name());
}

/// Whether the topic has a publisher, or a ring whose messages may not have been read yet.
bool has_publisher(const TopicPlace& place) {
  return !participants(place, kRingSuffix).empty();
}

constexpr int kPublishTries = 3;  // For the case that others set other limits at the same time.
constexpr int kTypeTries = 100;   // Others may sweep, or open with another type, at the same time.

Error changing(std::string_view topic) noexcept {
  return {Errc::kBusy, "the topic's type changes while it is opened; try again", 0,
          Name<200>::clipped(topic)};
}

}  // namespace

/// Sets the type of a topic for as long as the session lives, whoever opened it before.
Status Session::Impl::declare(const TopicPlace& place, const TypeFile& wanted,
                              const TypeInfo& type) {
  const std::scoped_lock lock{mutex_};
  if (declared_.contains(place.key)) return {};
  const std::string name = place.type_name();
  if (owner_alive(*place.declared, name)) return {};  // Another process has declared it already.
  auto fresh = make_type(place.declared, wanted, type);
  if (!fresh) return fresh.error();
  if (auto named = fresh.value().replace(name); !named) return named;
  auto& declared = declared_[place.key];
  declared.place = place;
  declared.type = std::move(fresh).value();
  declared.hash = type.hash;
  declared.attention = {.watched = watch(*place.folder), .due = true};
  declarations_.push_back(&declared);
  parties_[place.key].declared = &declared;
  return {};
}

/// Sets other limits of a topic on which nobody has published, whoever opened it before. False:
/// they stay as they are.
bool Session::Impl::set_limits(const TopicPlace& place, const TypeFile& before,
                               const TypeFile& wanted, const TypeInfo& type, bool declared) {
  const FolderPtr& folder = declared ? place.declared : place.folder;
  const std::scoped_lock lock{mutex_};
  const auto own = declared_.find(place.key);
  if (declared && own == declared_.end()) return false;  // Another process has declared it.
  const auto put = [&](const TypeFile& one) {
    auto fresh = make_type(folder, one, type);
    if (!fresh || !fresh.value().replace(place.type_name())) return false;
    if (declared) own->second.type = std::move(fresh).value();
    return true;
  };
  if (!put(wanted)) return false;
  if (!has_publisher(place)) return true;
  // A publisher that has joined meanwhile relies on the limits that it found.
  put(before);
  return false;
}

/// The content of the topic's type file, which is made if there is none.
Result<TypeFile> Session::Impl::open_topic(const TopicPlace& place, std::string_view topic,
                                           const TypeInfo& type, const TopicOptions& options) {
  const auto file = wanted(topic, type, options);
  if (!file) return file.error();
  if (declares) {
    if (auto declared = declare(place, file.value(), type); !declared) return declared.error();
  }
  for (int tried = 0; tried < kTypeTries; ++tried) {
    auto there = find_type(place);
    if (!there && there.error().code == Errc::kNotFound) {
      auto made = make_first(place, file.value(), type);
      if (!made && made.error().code != Errc::kBusy) return made.error();
      continue;
    }
    if (!there && there.error().code == Errc::kExhausted) return there.error();
    TypeFile found;
    // A copy, so that what is checked is what is used.
    if (there) std::memcpy(&found, there.value().bytes().data(), sizeof found);
    // Unreadable or impossible: replaced, if its owner or the base's owner is this user.
    if (!there || !is_valid(found, type)) {
      const bool declared = there && there.value().folder() != place.folder;
      if (!declared && place.folder->discard(place.type_name())) continue;
      if (!there) return there.error();
      return Error{Errc::kCorrupt, "topic type file is damaged or of another version", 0,
                   Name<200>::clipped(there.value().path())};
    }
    if (found.topic.view() != topic) {
      return Error{Errc::kInvalidArgument, "another topic's name begins like this long one", 0,
                   Name<200>::clipped(topic)};
    }
    Status agreed{};
    if (found.file.hash != type.hash) {
      agreed = mismatch(place, found, schema_in(there.value()), type);
    }
    const bool declared = there.value().folder() != place.folder;
    if (agreed) {
      const auto limits = said(found, type, options);
      if (!limits) return limits.error();
      const bool other = !same(limits.value(), found) && !has_publisher(place);
      if (other && set_limits(place, found, limits.value(), type, declared)) continue;
      agreed = check_options(topic, found, options);
    }
    if (agreed) return found;
    if (declared || !make_way(*place.folder, place)) return agreed.error();
  }
  return changing(topic);
}

/// Makes the type of a topic that has none. kBusy if another process was first; kTypeMismatch if a
/// living process takes part with another type, although its type file is gone.
Status Session::Impl::make_first(const TopicPlace& place, const TypeFile& file,
                                 const TypeInfo& type) {
  auto fresh = make_type(place.folder, file, type);
  if (!fresh) return fresh.error();
  if (auto named = fresh.value().publish(place.type_name()); !named) return named;
  if (!has_foreigners(place, type.hash)) return {};
  fresh.value().unlink();
  return mismatch(file.topic.view(), "another type of a living process", type.name);
}

/// Gives the participant's file its name. Somebody who sweeps may just before have found the topic
/// without participants, and removed its type: it is then made again.
Status Session::Impl::join_topic(Region& region, const TopicPlace& place, const TypeFile& file,
                                 const TypeInfo& type, Role role) {
  const auto number = serial.fetch_add(1, std::memory_order_relaxed);
  const std::string id = home().identity + "." + std::to_string(number);
  if (auto named = join(region, place, id, role.suffix, role.most); !named) return named;
  const auto kept = keep_type(place, file, type, role.suffix == kRingSuffix);
  if (!kept) region.unlink();
  return kept;
}

/// After a participant has joined: checks that the type that it opened is still there, or makes it
/// again. For subscribers the limits may differ: they learn them from the first publisher.
Status Session::Impl::keep_type(const TopicPlace& place, const TypeFile& file, const TypeInfo& type,
                                bool publishes) {
  for (int tried = 0; tried < kTypeTries; ++tried) {
    const auto there = find_type(place);
    if (there) {
      const auto& found = *there.value().as<const TypeFile>();
      if (publishes ? same(found, file) : found.file.hash == file.file.hash) return {};
    }
    if (there) break;
    const bool gone = there.error().code == Errc::kNotFound;
    const auto made = gone ? make_first(place, file, type) : Status{there.error()};
    if (!made && made.error().code != Errc::kBusy) return made;
  }
  return changing(file.topic.view());
}

/// Reads the limits again before the first ring of a publisher is read, which may have set others.
void Session::Impl::learn_limits(SubscriberState& subscriber) {
  const auto there = find_type(subscriber.place);
  TypeFile found;
  if (there) std::memcpy(&found, there.value().bytes().data(), sizeof found);
  if (!there || !is_valid(found, *subscriber.type) || found.file.hash != subscriber.type->hash)
    return;
  subscriber.file = found;
  subscriber.take_limits();
}

/// A ring in a file without a name.
Result<Region> Session::Impl::make_ring(const TopicPlace& place, const TypeFile& file,
                                        const TypeInfo& type) {
  const std::size_t size = ring_size(file);
  auto region = Region::create(place.folder, size, kFileMode);
  if (!region) return region;
  auto& ring = *region.value().as<RingHeader>();
  ring.file = {.magic = Magic::kRing, .pid = ::getpid(), .size = size, .hash = type.hash};
  ring.capacity = file.capacity;
  ring.slot_size = static_cast<std::uint32_t>(stride_of(file.max_size, file.area_size));
  ring.max_size = file.max_size;
  ring.area_size = file.area_size;
  ring.opened = cycle_count();
  return region;
}

Result<RawPublisher> Session::publish(std::string_view topic, const TypeInfo& type,
                                      TopicOptions options) {
  OpenDetails details;
  add_defaults(options, details);
  for (int tried = 1;; ++tried) {
    auto opened = try_publish(topic, type, options, details);
    const bool again = !opened && opened.error().code == Errc::kBusy && tried < kPublishTries;
    if (!again) return opened;
  }
}

Result<RawPublisher> Session::try_publish(std::string_view topic, const TypeInfo& type,
                                          const TopicOptions& options, const OpenDetails& details) {
  if (auto good = check_topic_name(topic); !good) return good.error();
  if (options.finite && type.size == 0) {
    return Error{Errc::kInvalidArgument, "finite is for topics of messages, whose fields are known",
                 0, Name<200>::clipped(topic)};
  }
  auto place = place_of(*impl_->home().base, topic);
  if (!place) return place.error();
  auto opened = impl_->open_topic(place.value(), topic, type, options);
  if (!opened) return opened.error();
  const TypeFile& file = opened.value();
  auto state = std::make_unique<PublisherState>();
  state->place = std::move(place).value();
  // The ring has the capacity that its own publisher asks for, whoever opened the topic first.
  auto own = wanted(topic, type, with_max_size(options, type, file.max_size));
  if (!own) return own.error();
  own.value().refuses = file.refuses;
  auto region = Impl::make_ring(state->place, own.value(), type);
  if (!region) return region.error();
  if (details.counters.node != nullptr) {
    region.value().as<RingHeader>()->node = *details.counters.node;
  }
  if (auto named = impl_->join_topic(region.value(), state->place, file, type,
                                     {kRingSuffix, kMaxPublishers});
      !named) {
    return named.error();
  }
  state->region = std::move(region).value();
  state->type = &type;
  state->file = own.value();
  state->session = impl_.get();
  const auto view = view_of(state->region, type.hash, type.varies());
  if (!view) {
    return Error{Errc::kCorrupt, "ring was changed while it was made", 0,
                 Name<200>::clipped(state->region.path())};
  }
  state->view = *view;
  state->inode = state->region.inode();
  state->header = state->view.header;
  state->refuses = file.refuses != 0;
  state->finite = options.finite;
  state->actuator = details.actuator;
  state->counters = details.counters;
  impl_->add(*state);
  impl_->discover(*state);
  impl_->tell_twin(std::string{topic}, true);
  return RawPublisher{std::move(state)};
}

void SubscriberState::take_limits() noexcept {
  // A topic that refuses delivers to each subscriber all that it has accepted: no depth there.
  const std::uint32_t most = file.refuses != 0 ? 0 : asked_depth;
  region.as<CursorFile>()->depth = most;
  // relaxed, both: a thread that sees a ring which was attached afterwards sees these, too.
  depth.store(most == 0 ? std::numeric_limits<std::uint64_t>::max() : most,
              std::memory_order_relaxed);
  const std::size_t before = max_size.load(std::memory_order_relaxed);
  max_size.store(std::max<std::size_t>(before, file.max_size), std::memory_order_relaxed);
}

Result<RawSubscriber> Session::subscribe(std::string_view topic, const TypeInfo& type,
                                         TopicOptions options) {
  OpenDetails details;
  add_defaults(options, details);
  if (auto good = check_topic_name(topic); !good) return good.error();
  if (auto fits = check_fallback(type, options.timeout, options.fallback, options.value); !fits) {
    return fits.error();
  }
  auto place = place_of(*impl_->home().base, topic);
  if (!place) return place.error();
  auto opened = impl_->open_topic(place.value(), topic, type, options);
  if (!opened) return opened.error();
  auto state = std::make_unique<SubscriberState>();
  state->place = std::move(place).value();
  auto region = Region::create(state->place.folder, sizeof(CursorFile), kFileMode);
  if (!region) return region.error();
  auto& cursor = *region.value().as<CursorFile>();
  cursor.file = {
      .magic = Magic::kCursor, .pid = ::getpid(), .size = sizeof(CursorFile), .hash = type.hash};
  cursor.bell = Name<72>::clipped(impl_->home().bell);
  const std::uint32_t ahead = options.policy == Policy::kRefuse ? kAheadToSend : 1;
  cursor.ahead.store(details.ahead ? ahead : 0,
                     std::memory_order_relaxed);  // relaxed: as in seek().
  if (details.counters.node != nullptr) cursor.node = *details.counters.node;
  state->region = std::move(region).value();
  state->type = &type;
  state->file = opened.value();
  state->history = options.history.value_or(0);
  state->since = details.since;
  state->wanted = std::max(details.since, details.wanted);
  state->asked_depth = options.depth.value_or(0);
  state->take_limits();
  state->session = impl_.get();
  state->counters = details.counters;
  if (options.timeout != Nanos{}) {
    if (options.value.size() > state->max_size) {
      return Error{Errc::kInvalidArgument, "the fallback is larger than a message of the topic", 0,
                   Name<200>::clipped(topic)};
    }
    const bool zero = options.fallback == Fallback::kZero;
    state->watch =
        std::make_unique<StaleWatch>(StaleWatch::Plan{.topic = topic,
                                                      .timeout = options.timeout,
                                                      .fallback = options.fallback,
                                                      .value = zero ? type.neutral : options.value,
                                                      .max_size = state->max_size});
    state->watch->belongs_to(details.counters.whole);
    cursor.timeout_ns.set(options.timeout.count());
  }
  if (details.sought != nullptr) impl_->adopt(*details.sought, *state);
  // First attach the existing rings, then take the name. A publisher that sees the subscriber early
  // does no harm; but a ring taken for a late one would be read from its beginning.
  impl_->add(*state);
  if (auto named = impl_->join_topic(state->region, state->place, opened.value(), type,
                                     {kCursorSuffix, kMaxSubscribers});
      !named) {
    return named.error();
  }
  impl_->discover(*state);
  impl_->tell_twin(std::string{topic}, false);
  if (options.waits && !defers_bells()) impl_->await_publishers(kPatience);
  return RawSubscriber{std::move(state)};
}

Status Session::declare(std::string_view topic, const TypeInfo& type) {
  if (auto good = check_topic_name(topic); !good) return good;
  const auto place = place_of(*impl_->home().base, topic);
  if (!place) return place.error();
  const auto opened = impl_->open_topic(place.value(), topic, type, {});
  return opened ? Status{} : opened.error();
}

}  // namespace horus::shm
