// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/log_lines.hpp"

#include <span>

#include "shm/interop/protobuf.hpp"
#include "shm/interop/well_known.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace horus::interop {

namespace {

constexpr const char* kSchema = "foxglove.Log";
constexpr std::uint64_t kNsInUs = 1000;
// Fields that foxglove.Log does not have.
constexpr std::uint32_t kHost = kFurther;
constexpr std::uint32_t kNode = kFurther + 1;
constexpr std::uint32_t kTick = kFurther + 2;  // Tick number + 1; not written outside of ticks.
constexpr std::uint32_t kNumber = kFurther + 3;

/// Converts to foxglove.Log.Level; our_level() converts back.
std::int32_t their_level(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug: return 1;
    case LogLevel::kInfo: return 2;
    case LogLevel::kWarning: return 3;
    case LogLevel::kError: break;
  }
  return 4;
}
LogLevel our_level(std::int32_t theirs) noexcept {
  switch (theirs) {
    case 1: return LogLevel::kDebug;
    case 2: return LogLevel::kInfo;
    case 3: return LogLevel::kWarning;
    default: return LogLevel::kError;
  }
}

std::string text_of(protozero::pbf_reader& in) {
  return read_as(in, protozero::pbf_wire_type::length_delimited,
                 &protozero::pbf_reader::get_string);
}

}  // namespace

Format log_format() {
  return {.encoding = "protobuf",
          .schema_name = kSchema,
          .schema = descriptor_set(well_known_files(
              kSchema,
              {{.name = "host", .number = kHost, .type = ProtoType::kString},
               {.name = "node", .number = kNode, .type = ProtoType::kString},
               {.name = "tick_plus_one", .number = kTick, .type = ProtoType::kFixed64},
               {.name = "number", .number = kNumber, .type = ProtoType::kFixed64}},
              {}))};
}

void encode_line(const RecordedLine& recorded, std::string& bytes) {
  const shm::LogLine& line = recorded.line;
  const auto utf8 = [](std::string_view text) { return utf8_of(std::as_bytes(std::span{text})); };
  const std::string node = utf8(line.node.view());
  const std::string host = utf8(recorded.host);
  protozero::pbf_writer out{bytes};
  add_time(out, 1, static_cast<std::uint64_t>(line.at_us) * kNsInUs);
  out.add_enum(2, their_level(line.level));
  out.add_string(3, utf8(line.text.view()));
  out.add_string(4, node.empty() ? host : node);
  out.add_string(kHost, host);
  if (!node.empty()) out.add_string(kNode, node);
  if (line.in_tick == 1) out.add_fixed64(kTick, line.tick + 1);
  out.add_fixed64(kNumber, line.number);
}

std::optional<RecordedLine> decode_line(std::string_view bytes) {
  using protozero::pbf_reader;
  using protozero::pbf_wire_type;
  RecordedLine made;
  try {
    for (pbf_reader in{bytes.data(), bytes.size()}; in.next();) {
      switch (in.tag()) {
        case 1: made.line.at_us = static_cast<std::int64_t>(read_time(in) / kNsInUs); break;
        case 2:
          made.line.level = our_level(read_as(in, pbf_wire_type::varint, &pbf_reader::get_enum));
          break;
        case 3: made.line.text = Name<384>::clipped(text_of(in)); break;
        case kHost: made.host = text_of(in); break;
        case kNode: made.line.node = NodeName::clipped(text_of(in)); break;
        case kTick:
          made.line.tick = read_as(in, pbf_wire_type::fixed64, &pbf_reader::get_fixed64) - 1;
          made.line.in_tick = 1;
          break;
        case kNumber:
          made.line.number = read_as(in, pbf_wire_type::fixed64, &pbf_reader::get_fixed64);
          break;
        default: in.skip();
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return made;
}

}  // namespace horus::interop
