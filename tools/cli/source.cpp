// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/source.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "shm/near.hpp"
#include "shm/payload_kinds.hpp"
#include "tools/cli/output.hpp"
#include "tools/cli/service_client.hpp"

namespace horus::cli {

namespace {

Source payload_source(std::unique_ptr<shm::Session> session, shm::PayloadSubscriber payloads) {
  const auto shared = std::make_shared<shm::PayloadSubscriber>(std::move(payloads));
  return {.session = std::move(session),
          .wait = [shared](TimePoint until) { return shared->wait_until(until); },
          .take = [shared](bool wanted) -> std::optional<Result<MessageJson>> {
            const shm::Payload payload = shared->take();
            if (!payload) return std::nullopt;
            return wanted ? payload_message(payload) : MessageJson{};
          },
          .missed = [shared] { return shared->counts().missed; },
          .sent_at = [shared] { return MonotonicClock::now() - shared->age(); }};
}

Source message_source(std::unique_ptr<shm::Session> session, shm::RawSubscriber messages,
                      const TopicType& type) {
  const auto shared = std::make_shared<shm::RawSubscriber>(std::move(messages));
  const auto buffer = std::make_shared<std::vector<std::byte>>(shared->max_size());
  return {.session = std::move(session),
          .wait = [shared](TimePoint until) { return shared->wait_until(until); },
          .take = [=](bool wanted) -> std::optional<Result<MessageJson>> {
            buffer->resize(std::max(buffer->size(), shared->max_size()));
            const std::ptrdiff_t size = shared->take(*buffer);
            if (size < 0) return std::nullopt;
            if (!wanted) return MessageJson{};
            const std::span bytes = std::span{*buffer}.first(static_cast<std::size_t>(size));
            if (type.is_generic()) return generic_message(bytes);
            return whole_message(type.info(), bytes);
          },
          .missed = [shared] { return shared->counts().missed; },
          .sent_at = [shared] { return MonotonicClock::now() - shared->age(); }};
}

}  // namespace

Result<Found> find(const std::string& name) {
  std::optional<Error> worst;
  for (const std::string& base : base_directories()) {
    auto topic = shm::find_topic(base, name);
    if (topic) return Found{base, std::move(topic).value()};
    if (!worst || worst->code == Errc::kNotFound) worst = topic.error();
  }
  return *worst;
}

Result<TopicType> TopicType::of(const shm::TopicInfo& topic) {
  if (topic.type == shm::generic_type().name) return TopicType{shm::generic_type()};
  const shm::TypeInfo* type = shm::find_type(topic.type);
  if (type != nullptr && shm::schema_of(*type) == topic.schema) return TopicType{*type};
  auto parsed = shm::parse_schema(topic.schema);
  if (parsed) return TopicType{std::move(parsed).value()};
  return Error{Errc::kTypeMismatch, "read topic: its type is unknown, and its schema damaged", 0,
               Name<200>::clipped(topic.type)};
}

Result<Source> open_source(const Found& found) {
  auto session = join(found.base);
  if (!session) return session.error();
  shm::Session& topics = *session.value();
  if (const shm::PayloadKind* const kind = shm::find_payload_kind(found.topic.type)) {
    auto payloads = shm::PayloadSubscriber::open(topics, found.topic.name, *kind);
    if (!payloads) return payloads.error();
    return payload_source(std::move(session).value(), std::move(payloads).value());
  }
  const auto type = TopicType::of(found.topic);
  if (!type) return type.error();
  auto messages = topics.subscribe(found.topic.name, type.value().info());
  if (!messages) return messages.error();
  return message_source(std::move(session).value(), std::move(messages).value(), type.value());
}

Result<Source> open_source(const std::string& name) {
  const auto found = find(name);
  if (!found) return found.error();
  return open_source(found.value());
}

std::string ask_if_meant(const std::string& name, bool sends) {
  for (const std::string& base : base_directories()) {
    const std::string meant = shm::meant_by(shm::list_topics(base), name, sends);
    if (!meant.empty()) return "; is '" + meant + "' meant?";
  }
  return {};
}

int fail_to_open(const std::string& name, const Error& error) {
  if (error.code != Errc::kNotFound) return fail(error);
  return fail(kError,
              "no topic '" + name + "' (see 'horusctl topic list')" + ask_if_meant(name, false));
}

std::string positive_count(const std::string& text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && count != 0 ? "" : "'" + text + "' is no count (1, 2, ...)";
}

}  // namespace horus::cli
