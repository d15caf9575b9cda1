// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/recorded_kind.hpp"

#include <utility>

#include <horus/payload.hpp>

#include "shm/interop/log_lines.hpp"
#include "shm/payload_kinds.hpp"

namespace horus::interop {

namespace {

std::string note_of(const mcap::Channel& channel, const char* name) {
  const auto found = channel.notes.find(name);
  return found == channel.notes.end() ? std::string{} : found->second;
}

}  // namespace

RecordedKind kind_of(const mcap::Channel& channel) {
  RecordedKind kind{.name = note_of(channel, "horus.type")};
  kind.payload = shm::find_payload_kind(kind.name) != nullptr;
  kind.line = kind.name == kLogType && channel.topic == "/" + std::string{kLogTopic};
  const std::string schema = note_of(channel, "horus.schema");
  if (kind.payload || schema.empty()) return kind;
  const shm::TypeInfo* const known = shm::find_type(kind.name);
  if (known != nullptr && shm::schema_of(*known) == schema) {
    kind.type = known;
    kind.built_in = true;
    return kind;
  }
  auto parsed = shm::parse_schema(schema);
  if (!parsed) return kind;
  kind.parsed = std::move(parsed).value();
  kind.type = &kind.parsed->info();
  return kind;
}

}  // namespace horus::interop
