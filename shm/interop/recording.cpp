// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <horus/recording.hpp>

#include "shm/interop/codec.hpp"
#include "shm/interop/mcap_reader.hpp"
#include "shm/interop/recorded_kind.hpp"

namespace horus {

namespace mcap = interop::mcap;

namespace {

Error damaged(const char* what, const std::string& subject) {
  return Error{Errc::kCorrupt, what, 0, Name<200>::clipped(subject)};
}

}  // namespace

struct Recording::State {
  explicit State(mcap::Reader opened) : reader{std::move(opened)} {}
  mcap::Reader reader;
  std::map<std::uint16_t, interop::RecordedKind> kinds{};
};

Recording::Recording(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Recording::Recording(Recording&&) noexcept = default;
Recording& Recording::operator=(Recording&&) noexcept = default;
Recording::~Recording() = default;

Result<Recording> Recording::open(const std::string& path) {
  auto reader = mcap::Reader::open(path);
  if (!reader) return reader.error();
  return Recording{std::make_unique<State>(std::move(reader).value())};
}

Result<std::optional<RecordedMessage>> Recording::next() {
  const auto read = state_->reader.next();
  if (!read) return read.error();
  if (!read.value()) return std::optional<RecordedMessage>{};
  const mcap::Message& message = *read.value();
  const auto channel = state_->reader.channels().find(message.channel);
  if (channel == state_->reader.channels().end()) {
    return damaged("read recorded message: nothing describes it", "");
  }
  const auto [kind, fresh] = state_->kinds.try_emplace(message.channel);
  if (fresh) kind->second = interop::kind_of(channel->second);
  const std::string& topic = channel->second.topic;
  RecordedMessage made{.topic = topic.starts_with('/') ? topic.substr(1) : topic,
                       .type = kind->second.name,
                       .time_ns = message.log_ns,
                       .sent_ns = message.publish_ns,
                       .number = message.sequence};
  if (const shm::TypeInfo* const type = kind->second.type) {
    auto decoded = interop::decode(*type, message.data);
    if (!decoded) return decoded.error();
    made.form = RecordedMessage::Form::kMessage;
    made.layout = type->hash;
    made.bytes = std::move(decoded).value();
    return std::optional{std::move(made)};
  }
  if (channel->second.encoding == "json") made.form = RecordedMessage::Form::kJson;
  const auto* const data = reinterpret_cast<const std::byte*>(message.data.data());
  made.bytes.assign(data, data + message.data.size());
  return std::optional{std::move(made)};
}

bool Recording::whole() const noexcept {
  return state_->reader.whole();
}

const std::map<std::string, std::map<std::string, std::string>>& Recording::notes() const noexcept {
  return state_->reader.notes();
}

}  // namespace horus
