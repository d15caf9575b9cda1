// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "shm/directory.hpp"
#include "shm/names.hpp"
#include "shm/schema.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr std::string_view kRingSuffix = ".ring";
constexpr std::string_view kCursorSuffix = ".sub";
constexpr std::uint32_t kTypedCapacity = 1024;
constexpr std::size_t kMaxTypedRing = std::size_t{4} << 20;
constexpr std::size_t kVaryingRing = std::size_t{256} << 10;
constexpr std::uint32_t kVaryingCapacity = 4096;  // With 32 bytes of an index each: half a ring.
constexpr std::uint32_t kVaryingMax = 4096;       // Of values.
constexpr std::uint32_t kTailedMax = 1U << 20;    // Of messages with tails.
constexpr std::size_t kLeastMessages = 4;         // Of the largest size.
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

/// With one more than `messages`: a message lies in one piece, and less than one is left unused
/// before the area's end.
std::uint64_t area_for(std::uint64_t messages, std::uint32_t max_size) noexcept {
  return (messages + 1) * padded(max_size);
}

Result<TypeFile> wanted(std::string_view topic, const TypeInfo& type,
                        const TopicOptions& options) noexcept {
  TypeFile file;
  file.file = {.magic = Magic::kType, .size = sizeof(TypeFile), .hash = type.hash};
  file.name = Name<64>::clipped(type.name);
  file.refuses = options.policy == Policy::kRefuse ? 1 : 0;
  file.max_size = !type.varies()          ? type.size
                  : options.max_size != 0 ? options.max_size
                  : type.tails.empty()    ? kVaryingMax
                                          : kTailedMax;
  const Error limits{Errc::kInvalidArgument,
                     "topic limits: 4 MiB a message, 1,048,576 messages and 1 GiB a ring", 0,
                     Name<200>::clipped(topic)};
  if (!type.varies() && options.max_size != 0) {
    return Error{Errc::kInvalidArgument, "max_size is for topics whose messages vary in size", 0,
                 Name<200>::clipped(topic)};
  }
  if (file.max_size > kMaxMessage || options.capacity > kMaxCapacity) return limits;
  file.capacity = std::bit_ceil(options.capacity);
  std::uint64_t area_size = 0;
  if (!type.varies()) {
    const std::size_t fitting = std::bit_floor(kMaxTypedRing / stride_of(type.size, 0));
    const auto by_kind = std::clamp<std::size_t>(fitting, 1, kTypedCapacity);
    if (options.capacity == 0) file.capacity = static_cast<std::uint32_t>(by_kind);
  } else if (options.capacity != 0) {
    area_size = area_for(file.capacity, file.max_size);
  } else {
    file.capacity = kVaryingCapacity;
    area_size = kVaryingRing - sizeof(RingHeader) - kVaryingCapacity * sizeof(IndexEntry);
    area_size = std::max(area_size, area_for(kLeastMessages, file.max_size));
  }
  if (area_size > Region::kMaxSize) return limits;
  file.area_size = static_cast<std::uint32_t>(area_size);
  if (ring_size(file) > Region::kMaxSize) return limits;
  return file;
}

bool sound(const TypeFile& file, const TypeInfo& type) noexcept {
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

constexpr std::size_t kShown = 80;  // Of a topic's name: what differs is to be seen.

Error mismatch(std::string_view topic, std::string_view there, std::string_view asked) noexcept {
  std::string text = "topic '" + std::string{topic.substr(0, kShown)} + "' carries " +
                     std::string{there} + ", asked for " + std::string{asked};
  if (there == asked) text += " of another layout";
  return {Errc::kTypeMismatch, "open topic", 0, Name<200>::clipped(text)};
}

/// Whether a topic that is there does what its opener counts on.
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
    const std::string text = "topic '" + name + "' carries at most " +
                             std::to_string(found.max_size) + " bytes a message, asked for " +
                             std::to_string(options.max_size);
    return Error{Errc::kInvalidArgument, "open topic", 0, Name<200>::clipped(text)};
  }
  return {};
}

static_assert(kMaxPublishers == 64 && kMaxSubscribers == 64, "as the errors below say");

/// Gives `region` its name among the files of a topic. At most `most` living ones end with
/// `suffix`: a table of others has no place for another.
Status join(Region& region, const std::string& directory, const std::string& name,
            std::string_view suffix, std::size_t most) {
  // Nobody counts the files and joins them between our count and our name.
  const DirectoryLock alone{directory, DirectoryLock::Kind::kExclusive};
  const auto names = list_directory(directory, suffix);
  if (names.size() >= most) {
    const auto living = std::ranges::count_if(
        names, [&](const std::string& other) { return owner_alive(path_in(directory, other)); });
    if (static_cast<std::size_t>(living) >= most) {
      return Error{Errc::kExhausted,
                   suffix == kRingSuffix ? "the topic has 64 publishers already"
                                         : "the topic has 64 subscribers already",
                   0, Name<200>::clipped(directory)};
    }
  }
  return region.publish(path_in(directory, name));
}

}  // namespace

/// What the topic's type file says, which is made where there is none.
Result<TypeFile> Session::Impl::open_topic(std::string_view topic, const TypeInfo& type,
                                           const TopicOptions& options) {
  if (auto good = check_topic_name(topic); !good) return good.error();
  const std::string directory = topic_directory(base, topic);
  if (auto made = make_directories(directory, kSharedDirectory); !made) return made.error();
  const std::string path = directory + "/type";
  const auto file = wanted(topic, type, options);
  if (!file) return file.error();
  auto there = Region::open(path, sizeof(TypeFile));
  if (!there && there.error().code == Errc::kNotFound) {
    const std::string schema = schema_of(type);
    const std::size_t size = sizeof(TypeFile) + schema.size();
    auto fresh = Region::create(directory, size, kFileMode);
    if (!fresh) return fresh.error();
    auto& made = *fresh.value().as<TypeFile>();
    made = file.value();
    made.file.size = size;
    made.schema_size = static_cast<std::uint32_t>(schema.size());
    std::ranges::copy(std::as_bytes(std::span{schema}),
                      fresh.value().bytes().subspan(sizeof(TypeFile)).begin());
    // Losing the race to another first opener is fine: what counts is what stands there.
    if (auto named = fresh.value().publish(path); !named && named.error().code != Errc::kBusy) {
      return named.error();
    }
    there = Region::open(path, sizeof(TypeFile));
  }
  if (!there) return there.error();
  TypeFile found;
  // A copy: what is checked is what is used.
  std::memcpy(&found, there.value().bytes().data(), sizeof found);
  if (!sound(found, type)) {
    return Error{Errc::kCorrupt, "topic type file is damaged or of another version", 0,
                 Name<200>::clipped(path)};
  }
  if (found.file.hash != type.hash) return mismatch(topic, found.name.view(), type.name);
  if (auto agreed = check_options(topic, found, options); !agreed) return agreed.error();
  return found;
}

Result<RawPublisher> Session::publish(std::string_view topic, const TypeInfo& type,
                                      TopicOptions options) {
  const DirectoryLock no_sweep{impl_->base + "/topics", DirectoryLock::Kind::kShared};
  auto opened = impl_->open_topic(topic, type, options);
  if (!opened) return opened.error();
  const TypeFile& file = opened.value();
  auto state = std::make_unique<PublisherState>();
  state->directory = topic_directory(impl_->base, topic);
  const std::size_t size = ring_size(file);
  auto region = Region::create(state->directory, size, kFileMode);
  if (!region) return region.error();
  auto& ring = *region.value().as<RingHeader>();
  ring.file = {.magic = Magic::kRing, .pid = ::getpid(), .size = size, .hash = type.hash};
  ring.capacity = file.capacity;
  ring.slot_size = static_cast<std::uint32_t>(stride_of(file.max_size, file.area_size));
  ring.max_size = file.max_size;
  ring.area_size = file.area_size;
  const auto serial = impl_->serial.fetch_add(1, std::memory_order_relaxed);
  std::string name = impl_->identity + "." + std::to_string(serial);
  name += kRingSuffix;
  if (auto named = join(region.value(), state->directory, name, kRingSuffix, kMaxPublishers);
      !named) {
    return named.error();
  }
  state->region = std::move(region).value();
  state->type = &type;
  const auto view = view_of(state->region, type.hash, type.varies());
  if (!view) {
    return Error{Errc::kCorrupt, "ring was changed while it was made", 0,
                 Name<200>::clipped(state->region.path())};
  }
  state->view = *view;
  state->inode = state->region.inode();
  state->refuses = file.refuses != 0;
  state->session = impl_.get();
  state->counters = options.counters;
  impl_->add(*state);
  impl_->introduce(*state);
  return RawPublisher{std::move(state)};
}

Result<RawSubscriber> Session::subscribe(std::string_view topic, const TypeInfo& type,
                                         TopicOptions options) {
  const DirectoryLock no_sweep{impl_->base + "/topics", DirectoryLock::Kind::kShared};
  auto opened = impl_->open_topic(topic, type, options);
  if (!opened) return opened.error();
  auto state = std::make_unique<SubscriberState>();
  state->directory = topic_directory(impl_->base, topic);
  auto region = Region::create(state->directory, sizeof(CursorFile), kFileMode);
  if (!region) return region.error();
  auto& cursor = *region.value().as<CursorFile>();
  cursor.file = {
      .magic = Magic::kCursor, .pid = ::getpid(), .size = sizeof(CursorFile), .hash = type.hash};
  cursor.bell = Name<72>::clipped(impl_->bell_name);
  state->region = std::move(region).value();
  state->type = &type;
  state->history = options.history;
  state->max_size = opened.value().max_size;
  state->refuses = opened.value().refuses != 0;
  state->session = impl_.get();
  state->counters = options.counters;
  // First the rings that are there, then the name: a publisher that sees the subscriber early
  // does no harm, a ring taken for a late one would be read from its beginning.
  impl_->add(*state);
  const auto serial = impl_->serial.fetch_add(1, std::memory_order_relaxed);
  std::string name = impl_->identity + "." + std::to_string(serial);
  name += kCursorSuffix;
  if (auto named = join(state->region, state->directory, name, kCursorSuffix, kMaxSubscribers);
      !named) {
    return named.error();
  }
  impl_->introduce(*state);
  return RawSubscriber{std::move(state)};
}

}  // namespace horus::shm
