// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "shm/directory.hpp"
#include "shm/names.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kTypedCapacity = 1024;
constexpr std::size_t kMaxTypedRing = std::size_t{4} << 20;
constexpr std::size_t kGenericRing = std::size_t{256} << 10;
constexpr std::uint32_t kGenericMax = 4096;
constexpr std::uint32_t kMaxCapacity = 1U << 20;

std::uint32_t stride_of(std::uint32_t max_size) noexcept {
  const std::size_t bytes = sizeof(SlotHeader) + (std::size_t{max_size} + 7) / 8 * 8;
  return static_cast<std::uint32_t>((bytes + kLine - 1) / kLine * kLine);
}

std::size_t ring_size(std::uint32_t capacity, std::uint32_t max_size) noexcept {
  return sizeof(RingHeader) + std::size_t{capacity} * stride_of(max_size);
}

Result<TypeFile> wanted(std::string_view topic, const TypeInfo& type,
                        const TopicOptions& options) noexcept {
  TypeFile file;
  file.file = {.magic = Magic::kType, .size = sizeof(TypeFile), .hash = type.hash};
  file.name = Name<64>::clipped(type.name);
  file.generic = type.size == 0 ? 1 : 0;
  file.max_size = file.generic == 0       ? type.size
                  : options.max_size != 0 ? options.max_size
                                          : kGenericMax;
  const std::size_t room = file.generic == 0 ? kMaxTypedRing : kGenericRing;
  const std::size_t fitting =
      std::bit_floor(std::max<std::size_t>(room / stride_of(file.max_size), 1));
  const auto by_kind = static_cast<std::uint32_t>(std::min<std::size_t>(fitting, kTypedCapacity));
  file.capacity =
      options.capacity != 0 ? std::bit_ceil(std::min(options.capacity, kMaxCapacity)) : by_kind;
  if (file.max_size > kMaxMessage || options.capacity > kMaxCapacity ||
      ring_size(file.capacity, file.max_size) > Region::kMaxSize) {
    return Error{Errc::kInvalidArgument,
                 "topic limits: 4 MiB a message, 1,048,576 messages and 1 GiB a ring", 0,
                 Name<200>::clipped(topic)};
  }
  return file;
}

bool sound(const TypeFile& file) noexcept {
  return is_a(file.file, Magic::kType) && file.max_size != 0 && file.max_size <= kMaxMessage &&
         std::has_single_bit(file.capacity) && file.capacity <= kMaxCapacity &&
         ring_size(file.capacity, file.max_size) <= Region::kMaxSize;
}

Error mismatch(std::string_view topic, std::string_view there, std::string_view asked) noexcept {
  constexpr std::size_t kShown = 80;  // Of a topic's name: both types are to be seen.
  std::string text = "topic '" + std::string{topic.substr(0, kShown)} + "' carries " +
                     std::string{there} + ", asked for " + std::string{asked};
  if (there == asked) text += " of another layout";
  return {Errc::kTypeMismatch, "open topic", 0, Name<200>::clipped(text)};
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
    auto fresh = Region::create(directory, sizeof(TypeFile), kFileMode);
    if (!fresh) return fresh.error();
    *fresh.value().as<TypeFile>() = file.value();
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
  if (!sound(found) ||
      (found.file.hash == type.hash && type.size != 0 && found.max_size != type.size)) {
    return Error{Errc::kCorrupt, "topic type file is damaged or of another version", 0,
                 Name<200>::clipped(path)};
  }
  if (found.file.hash != type.hash) return mismatch(topic, found.name.view(), type.name);
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
  const std::uint32_t stride = stride_of(file.max_size);
  const std::size_t size = ring_size(file.capacity, file.max_size);
  auto region = Region::create(state->directory, size, kFileMode);
  if (!region) return region.error();
  auto& ring = *region.value().as<RingHeader>();
  ring.file = {.magic = Magic::kRing, .pid = ::getpid(), .size = size, .hash = type.hash};
  ring.capacity = file.capacity;
  ring.slot_size = stride;
  ring.max_size = file.max_size;
  const auto serial = impl_->serial.fetch_add(1, std::memory_order_relaxed);
  const std::string name = impl_->identity + "." + std::to_string(serial) + ".ring";
  if (auto named = region.value().publish(state->directory + "/" + name); !named) {
    return named.error();
  }
  state->region = std::move(region).value();
  state->type = &type;
  state->view = {.header = state->region.as<RingHeader>(),
                 .slots = state->region.bytes().data() + sizeof(RingHeader),
                 .mask = file.capacity - 1,
                 .stride = stride,
                 .max_size = file.max_size};
  state->session = impl_.get();
  state->counters = options.counters;
  impl_->add(*state);
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
  state->session = impl_.get();
  state->counters = options.counters;
  // First the rings that are there, then the name: a publisher that sees the subscriber early
  // does no harm, a ring taken for a late one would be read from its beginning.
  impl_->add(*state);
  const auto serial = impl_->serial.fetch_add(1, std::memory_order_relaxed);
  const std::string name = impl_->identity + "." + std::to_string(serial) + ".sub";
  if (auto named = state->region.publish(state->directory + "/" + name); !named) {
    return named.error();
  }
  return RawSubscriber{std::move(state)};
}

}  // namespace horus::shm
