// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/mcap.hpp"

#include <zlib.h>

#include <algorithm>

namespace horus::interop::mcap {

Writing& Writing::notes(const Notes& notes) {
  std::string pairs;
  Writing writing{pairs};
  for (const auto& [key, value] : notes) writing.text(key).text(value);
  return text(pairs);
}

std::string_view Reading::take(std::uint64_t size) noexcept {
  ok_ = ok_ && size <= rest_.size();
  if (!ok_) return {};
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

Notes Reading::notes() {
  Notes notes;
  Reading pairs{text()};
  while (pairs.ok() && !pairs.rest().empty()) {
    std::string key{pairs.text()};
    notes[std::move(key)] = pairs.text();
  }
  ok_ = ok_ && pairs.ok();
  return notes;
}

std::string record(Opcode opcode, std::string_view content) {
  std::string bytes;
  bytes.reserve(kRecordHead + content.size());
  Writing{bytes}.number(static_cast<std::uint8_t>(opcode)).number(std::uint64_t{content.size()});
  bytes += content;
  return bytes;
}

std::string to_record(const Schema& schema) {
  std::string content;
  Writing{content}.number(schema.id).text(schema.name).text(schema.encoding).text(schema.data);
  return record(Opcode::kSchema, content);
}

std::string to_record(const Channel& channel) {
  std::string content;
  Writing{content}
      .number(channel.id)
      .number(channel.schema)
      .text(channel.topic)
      .text(channel.encoding)
      .notes(channel.notes);
  return record(Opcode::kChannel, content);
}

std::optional<Schema> schema_of(std::string_view content) {
  Reading in{content};
  Schema schema{.id = in.number<std::uint16_t>()};
  schema.name = in.text();
  schema.encoding = in.text();
  schema.data = in.text();
  return in.ok() ? std::optional{std::move(schema)} : std::nullopt;
}

std::optional<Channel> channel_of(std::string_view content) {
  Reading in{content};
  Channel channel{.id = in.number<std::uint16_t>(), .schema = in.number<std::uint16_t>()};
  channel.topic = in.text();
  channel.encoding = in.text();
  channel.notes = in.notes();
  return in.ok() ? std::optional{std::move(channel)} : std::nullopt;
}

std::optional<Message> message_of(std::string_view content) noexcept {
  Reading in{content};
  Message message{.channel = in.number<std::uint16_t>(),
                  .sequence = in.number<std::uint32_t>(),
                  .log_ns = in.number<std::uint64_t>(),
                  .publish_ns = in.number<std::uint64_t>()};
  message.data = in.rest();
  return in.ok() ? std::optional{message} : std::nullopt;
}

std::uint32_t crc_of(std::string_view bytes, std::uint32_t before) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void Chunk::add(Schema schema) {
  records += to_record(schema);
  schemas.push_back(std::move(schema));
}

void Chunk::add(Channel channel) {
  records += to_record(channel);
  channels.push_back(std::move(channel));
}

void Chunk::add(const Message& message) {
  constexpr std::size_t kFixed = 2 + 4 + 8 + 8;
  first_ns = messages == 0 ? message.log_ns : std::min(first_ns, message.log_ns);
  last_ns = std::max(last_ns, message.log_ns);
  ++messages;
  index[message.channel].places.push_back({message.log_ns, records.size()});
  Writing{records}
      .number(static_cast<std::uint8_t>(Opcode::kMessage))
      .number(std::uint64_t{kFixed + message.data.size()})
      .number(message.channel)
      .number(message.sequence)
      .number(message.log_ns)
      .number(message.publish_ns);
  records += message.data;
}

}  // namespace horus::interop::mcap
