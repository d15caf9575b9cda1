// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/intake.hpp"

#include <fnmatch.h>
#include <time.h>

#include <algorithm>
#include <cinttypes>
#include <limits>
#include <span>
#include <utility>

#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"
#include "shm/interop/event_json.hpp"
#include "shm/interop/log_lines.hpp"
#include "shm/interop/message_json.hpp"
#include "shm/interop/payloads.hpp"
#include "shm/interop/protobuf.hpp"
#include "shm/open_details.hpp"
#include "shm/payload_kinds.hpp"
#include "shm/payload_state.hpp"
#include "shm/schema.hpp"

namespace horus::service {

namespace mcap = interop::mcap;

namespace {

// Channels of a file; a schema belongs to a channel, so there are at most as many.
constexpr std::uint16_t kMaxChannels = 65535;
/// A topic without publishers is unsubscribed from after this time: its next publisher may send
/// another type.
constexpr Nanos kSilence = 1s;
/// Time between two looks at black boxes. Each look reads them whole, so it is not done more often.
constexpr Nanos kEventsEvery = 1s;

bool matches(const std::vector<std::string>& patterns, const std::string& topic) {
  return std::ranges::any_of(patterns, [&topic](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), topic.c_str(), 0) == 0;
  });
}

constexpr std::uint64_t kNsInUs = 1000;

std::uint64_t wall_ns() noexcept {
  return static_cast<std::uint64_t>(wall_clock_us()) * kNsInUs;
}

std::string hex(std::uint64_t number) {
  std::string text(16, '\0');
  std::snprintf(text.data(), text.size() + 1, "%016" PRIx64, number);
  return text;
}

}  // namespace

bool Selection::has(const std::string& topic) const {
  return matches(topics, topic) && !matches(exclude, topic);
}

/// One topic that is recorded.
struct Intake::Topic {
  std::string name;
  interop::Format format;
  interop::mcap::Notes notes;
  std::optional<shm::ParsedType> parsed;
  const shm::TypeInfo* type = nullptr;  ///< Null: the topic carries payloads (images and the like).
  bool values = false;                  ///< The topic carries MessagePack, which has no schema.
  shm::RawSubscriber messages;
  shm::PayloadSubscriber payloads;
  std::vector<std::byte> buffer;
  /// Channel by publisher and the messages' own type, which is null for the topic's type.
  std::map<std::pair<std::string, const shm::TypeInfo*>, std::uint16_t> channels;
  std::uint64_t refused = 0;         ///< Messages that do not fit their type.
  std::optional<TimePoint> alone{};  ///< Since when the topic has no publisher; nothing: it has.
  std::uint64_t alone_cycles = 0;    ///< The same as cycle_count().

  shm::RawSubscriber& raw() noexcept { return type != nullptr ? messages : payloads.messages(); }
  /// One message, encoded for the file.
  struct Taken {
    std::string bytes{};
    std::uint64_t stamp_ns = 0;         ///< 0: the message does not say.
    const shm::TypeInfo* of = nullptr;  ///< On a topic of values: the message's own type.
  };
  /// Takes the next message that can be encoded; others are counted in `refused`.
  std::optional<Taken> take();
  static bool encode_into(Taken& taken, const shm::TypeInfo& of,
                          std::span<const std::byte> message);
  /// How a file describes messages of a type.
  struct Written {
    interop::Format format;
    mcap::Notes notes;
  };
  /// For messages of type `of`; null: of the topic's type.
  Written written(const shm::TypeInfo* of) const;
};

bool Intake::Topic::encode_into(Taken& taken, const shm::TypeInfo& of,
                                std::span<const std::byte> message) {
  if (!interop::encode(of, message, taken.bytes)) return false;
  taken.stamp_ns = interop::stamp_ns_of(of, message);
  return true;
}

std::optional<Intake::Topic::Taken> Intake::Topic::take() {
  for (;;) {
    Taken taken;
    if (type == nullptr) {
      const shm::Payload payload = payloads.take();
      if (!payload) return std::nullopt;
      interop::encode_payload(payload, taken.bytes);
      if (payload.state()->kind.frame_id_at != 0) {
        taken.stamp_ns = shm::StampedPayload{payload.state()}.timestamp_ns();
      }
      return taken;
    }
    buffer.resize(std::max(buffer.size(), messages.max_size()));
    const std::ptrdiff_t size = messages.take(buffer);
    if (size < 0) return std::nullopt;
    const auto message = std::span<const std::byte>{buffer}.first(static_cast<std::size_t>(size));
    if (const auto own = values ? interop::message_in(message) : std::nullopt) {
      taken.of = &own->type;
      if (encode_into(taken, own->type, own->bytes)) return taken;
    } else if (values) {
      const auto json = interop::generic_message(message);
      if (json) taken.bytes = interop::message_line(json.value());
      if (json) return taken;
    } else if (encode_into(taken, *type, message)) {
      return taken;
    }
    ++refused;
  }
}

Intake::Intake(std::unique_ptr<shm::Session> session, Selection selection, Say say)
    : session_{std::move(session)}, selection_{std::move(selection)}, say_{std::move(say)} {
  lines_ = shm::LogPage::open_all(session_->base());
  for (const shm::LogPage& page : lines_) lines_seen_[page.host()] = page.end();
  boxes_ = shm::OtherBox::open_all(session_->base());
  for (const shm::OtherBox& other : boxes_) {
    const auto box = other.read();
    if (!box) continue;
    static_cast<void>(box->after(events_seen_[box->host], TimePoint::max()));
    events_not_kept_[box->host].lost = box->lost;
  }
}

Intake::~Intake() = default;

Intake::Topic::Written Intake::Topic::written(const shm::TypeInfo* of) const {
  if (of == nullptr) return {format, notes};
  return {interop::format_of(*of),
          {{"horus.type", std::string{of->name}},
           {"horus.layout", hex(of->hash)},
           {"horus.schema", shm::schema_of(*of)}}};
}

void Intake::drop_silent_topics() {
  const TimePoint now = MonotonicClock::now();
  for (auto one = topics_.begin(); one != topics_.end();) {
    Topic& topic = *one->second;
    if (topic.raw().publishers() > 0 || topic.raw().pending() > 0) {
      topic.alone.reset();
    } else if (!topic.alone) {
      topic.alone = now;
      topic.alone_cycles = cycle_count();
    } else if (now - *topic.alone > kSilence) {
      add_losses(topic);
      since_[topic.name] = topic.alone_cycles;
      one = topics_.erase(one);
      continue;
    }
    ++one;
  }
}

void Intake::look() {
  drop_silent_topics();
  for (const shm::TopicInfo& topic : shm::list_topics(session_->base())) {
    if (topics_.contains(topic.name) || !selection_.has(topic.name)) continue;
    // Only dead publishers are left, and their messages were taken before the topic was
    // unsubscribed.
    const bool alive = std::ranges::any_of(topic.publishers, &shm::PublisherInfo::alive);
    if (!alive && since_.contains(topic.name)) continue;
    const Status opened = open(topic);
    const std::string why = opened ? std::string{} : describe(opened.error());
    if (!why.empty() && refused_[topic.name] != why) {
      say_("topic '" + printable(topic.name) + "' is not recorded: " + why);
      refused_[topic.name] = why;
    }
  }
}

void Intake::look_closely() {
  look();
  session_->find_publishers();
}

Status Intake::open(const shm::TopicInfo& info) {
  const std::string& name = info.name;
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->notes["horus.type"] = info.type;
  // Messages count from the start of the recording, however late the topic is found; on a topic
  // that was unsubscribed from, from that moment on.
  const auto dropped = since_.find(name);
  const std::uint64_t since = dropped == since_.end() ? session_->opened() : dropped->second;
  const shm::OpenDetails details{.since = since, .wanted = since};
  const shm::TopicOptions options{.history = std::numeric_limits<std::uint32_t>::max(),
                                  .details = &details};
  if (const shm::PayloadKind* const kind = shm::find_payload_kind(info.type)) {
    auto payloads = shm::PayloadSubscriber::open(*session_, name, *kind, options);
    if (!payloads) return payloads.error();
    topic->payloads = std::move(payloads).value();
    topic->format = interop::format_of(*kind);
  } else {
    topic->values = info.type == shm::generic_type().name;
    topic->type = topic->values ? &shm::generic_type() : shm::find_type(info.type);
    if (!topic->values && (topic->type == nullptr || shm::schema_of(*topic->type) != info.schema)) {
      auto parsed = shm::parse_schema(info.schema);
      if (!parsed) return parsed.error();
      topic->parsed = std::move(parsed).value();
      topic->type = &topic->parsed->info();
    }
    auto messages = session_->subscribe(name, *topic->type, options);
    if (!messages) return messages.error();
    topic->messages = std::move(messages).value();
    topic->buffer.resize(topic->messages.max_size());
    topic->format = topic->values ? interop::json_format() : interop::format_of(*topic->type);
    topic->notes["horus.layout"] = hex(topic->type->hash);
    if (!topic->values) topic->notes["horus.schema"] = info.schema;
  }
  refused_.erase(name);
  topics_[name] = std::move(topic);
  return {};
}

std::uint16_t Intake::schema_of(const interop::Format& format, mcap::Chunk& chunk) {
  if (format.schema_name.empty()) return 0;
  const auto next = static_cast<std::uint16_t>(schemas_.size() + 1);
  const auto [known, fresh] = schemas_.try_emplace({format.schema_name, format.schema}, next);
  if (fresh) {
    chunk.add(mcap::Schema{.id = next,
                           .name = format.schema_name,
                           .encoding = format.encoding,
                           .data = format.schema});
  }
  return known->second;
}

std::uint16_t Intake::add_channel(mcap::Chunk& chunk, const std::string& topic,
                                  const interop::Format& format, mcap::Notes notes) {
  if (next_channel_ == kMaxChannels) {
    if (!std::exchange(told_full_, true)) {
      say_(
          "a recording has 65535 channels at most: publishers that come now are not recorded; "
          "begin another one");
    }
    return 0;
  }
  const std::uint16_t schema = schema_of(format, chunk);
  chunk.add(mcap::Channel{.id = ++next_channel_,
                          .schema = schema,
                          .topic = "/" + topic,
                          .encoding = format.encoding,
                          .notes = std::move(notes)});
  return next_channel_;
}

std::uint16_t Intake::channel_of(Topic& topic, mcap::Chunk& chunk, const std::string& publisher,
                                 const shm::TypeInfo* of) {
  const auto known = topic.channels.find({publisher, of});
  if (known != topic.channels.end()) return known->second;
  Topic::Written written = topic.written(of);
  written.notes["horus.publisher"] = publisher;
  const std::uint16_t channel = add_channel(chunk, topic.name, written.format, written.notes);
  if (channel != 0) topic.channels[{publisher, of}] = channel;
  return channel;
}

bool Intake::take_lines_of(const shm::LogPage& page, mcap::Chunk& chunk) {
  Losses& counts = gone_[interop::kLogTopic];
  shm::LogMark& seen = lines_seen_[page.host()];
  for (const shm::LogLine& line : page.after(seen)) {
    counts.missed += line.number - seen.number - 1;
    seen.number = line.number;
    if (line_channel_ == 0) {
      line_channel_ = add_channel(chunk, interop::kLogTopic, interop::log_format(),
                                  {{"horus.type", interop::kLogType}});
    }
    if (line_channel_ == 0) return false;
    std::string bytes;
    interop::encode_line({.line = line, .host = page.host()}, bytes);
    chunk.add({.channel = line_channel_,
               .sequence = static_cast<std::uint32_t>(counts.received++),
               .log_ns = wall_ns(),
               .publish_ns = static_cast<std::uint64_t>(line.at_us) * kNsInUs,
               .data = bytes});
  }
  return true;
}

bool Intake::take_events_of(const shm::OtherBox& other, mcap::Chunk& chunk, TimePoint now) {
  const auto box = other.read();
  if (!box) return true;
  Losses& counts = gone_[interop::kEventTopic];
  shm::BoxMark& mark = events_seen_[box->host];
  std::uint64_t before = mark.sequence;
  // Events that the box itself could not keep are no loss of the recording. Their numbers may be
  // behind what this look reads.
  NotKept& kept = events_not_kept_[box->host];
  kept.excused += box->lost - std::min(std::exchange(kept.lost, box->lost), box->lost);
  for (const Event& event : box->after(mark, now)) {
    if (event.sequence <= before) before = 0;  // A new box, which counts from the start.
    const std::uint64_t gap = event.sequence - std::exchange(before, event.sequence) - 1;
    const std::uint64_t excused = std::min(gap, kept.excused);
    kept.excused -= excused;
    counts.missed += gap - excused;
    if (event_channel_ == 0) {
      event_channel_ = add_channel(chunk, interop::kEventTopic, interop::json_format(),
                                   {{"horus.type", interop::kEventType}});
    }
    if (event_channel_ == 0) return false;
    const std::int64_t at_us = box->clocks.wall_us(event.at_ns);
    const std::string line = interop::message_line(interop::event_json(box->host, at_us, event));
    chunk.add({.channel = event_channel_,
               .sequence = static_cast<std::uint32_t>(counts.received++),
               .log_ns = wall_ns(),
               .publish_ns = static_cast<std::uint64_t>(at_us) * kNsInUs,
               .data = line});
  }
  return true;
}

void Intake::take_events(mcap::Chunk& chunk, bool all) {
  if (!selection_.has(interop::kEventTopic)) return;
  bool room = true;
  const TimePoint now = MonotonicClock::now();
  // Opened first: a box that its host removes meanwhile is among these, or those of the last look.
  auto boxes = shm::OtherBox::open_all(session_->base());
  // The last events of hosts that have removed their boxes: those stay mapped here.
  for (const shm::OtherBox& box : boxes_) {
    if (!box.is_named()) room = room && take_events_of(box, chunk, TimePoint::max());
  }
  boxes_ = std::move(boxes);
  if (!all && now - events_at_ < kEventsEvery) return;
  events_at_ = now;
  for (const shm::OtherBox& box : boxes_) {
    room = room && take_events_of(box, chunk, all ? TimePoint::max() : now);
  }
  const auto counts = gone_.find(interop::kEventTopic);
  if (counts != gone_.end() && counts->second.received == 0) gone_.erase(counts);
}

void Intake::take_told(mcap::Chunk& chunk, bool all) {
  take_lines(chunk);
  take_events(chunk, all);
}

void Intake::take_lines(mcap::Chunk& chunk) {
  if (!selection_.has(interop::kLogTopic)) return;
  // First from the pages of the last look: a host that has ended since has removed its page, but it
  // stays mapped here and holds the host's last lines.
  bool room = true;
  for (const shm::LogPage& page : lines_) room = room && take_lines_of(page, chunk);
  lines_ = shm::LogPage::open_all(session_->base());
  for (const shm::LogPage& page : lines_) room = room && take_lines_of(page, chunk);
  const auto counts = gone_.find(interop::kLogTopic);
  if (counts != gone_.end() && counts->second.received == 0) gone_.erase(counts);
}

void Intake::take_from(Topic& topic, mcap::Chunk& chunk, std::size_t most) {
  while (chunk.records.size() < most) {
    const auto taken = topic.take();
    if (!taken) return;
    const shm::Origin origin = topic.raw().origin();
    const std::uint16_t channel = channel_of(topic, chunk, origin.publisher, taken->of);
    if (channel == 0) {
      ++topic.refused;
      continue;
    }
    const std::uint64_t now = wall_ns();
    const auto age = static_cast<std::uint64_t>(std::max(topic.raw().age(), Nanos{}).count());
    chunk.add({.channel = channel,
               .sequence = static_cast<std::uint32_t>(origin.number),
               .log_ns = now,
               .publish_ns = taken->stamp_ns != 0 ? taken->stamp_ns : now - age,
               .data = taken->bytes});
  }
}

void Intake::take(mcap::Chunk& chunk, std::size_t most) {
  // One topic may fill a quarter of the chunk, and the next call begins with the topic after the
  // last one: a fast topic must not keep the others from being recorded.
  const std::size_t share = most / 4;
  auto next = topics_.upper_bound(last_);
  for (std::size_t i = 0; i < topics_.size() && chunk.records.size() < most; ++i, ++next) {
    if (next == topics_.end()) next = topics_.begin();
    take_from(*next->second, chunk, std::min(most, chunk.records.size() + share));
    last_ = next->first;
  }
}

void Intake::wait(TimePoint until) {
  std::vector<shm::RawSubscriber*> all;
  for (const auto& [name, topic] : topics_) all.push_back(&topic->raw());
  if (!all.empty()) {
    static_cast<void>(shm::RawSubscriber::wait_any(all, until));
    return;
  }
  const timespec at{.tv_sec = to_ns(until) / 1'000'000'000,
                    .tv_nsec = to_ns(until) % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

bool Intake::has_pending() const {
  return std::ranges::any_of(topics_,
                             [](const auto& one) { return one.second->raw().pending() > 0; });
}

Intake::Losses Intake::losses_of(Topic& topic) {
  const bool typed = topic.type != nullptr;
  const shm::SubscriberCounts counts = typed ? topic.messages.counts() : topic.payloads.counts();
  const std::uint64_t waiting = topic.raw().pending();
  return {.received = counts.received,
          // Includes messages that wait: if the recording ends now, nobody takes them.
          .missed = counts.missed + waiting,
          .refused = topic.refused,
          .waiting = waiting};
}

void Intake::add_losses(Topic& topic) {
  const Losses more = losses_of(topic);
  Losses& sum = gone_[topic.name];
  sum.received += more.received;
  sum.missed += more.missed;
  sum.refused += more.refused;
}

std::map<std::string, Intake::Losses> Intake::losses() const {
  std::map<std::string, Losses> all = gone_;
  for (const auto& [name, topic] : topics_) {
    const Losses more = losses_of(*topic);
    all[name].received += more.received;
    all[name].missed += more.missed;
    all[name].refused += more.refused;
    all[name].waiting = more.waiting;
  }
  return all;
}

}  // namespace horus::service
