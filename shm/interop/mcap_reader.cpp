// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/mcap_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace horus::interop::mcap {

namespace {

/// The largest compression ratio that is believed if a chunk's frame does not state its size.
constexpr std::uint64_t kMostPacked = 1000;

Error corrupt(const char* what, std::uint64_t at) {
  return Error{Errc::kCorrupt, what, 0, Name<200>::clipped("at byte " + std::to_string(at))};
}

/// The record of `bytes` at position `at`, which moves behind it.
std::optional<std::pair<Opcode, std::string_view>> next_of(std::string_view bytes,
                                                           std::size_t& at) {
  Reading in{bytes.substr(at)};
  const auto opcode = static_cast<Opcode>(in.number<std::uint8_t>());
  const auto size = in.number<std::uint64_t>();
  const std::string_view content = in.take(size);
  if (!in.ok()) return std::nullopt;
  at += kRecordHead + content.size();
  return std::pair{opcode, content};
}

}  // namespace

Result<Records> Records::open(const std::string& path) {
  UniqueFd fd{
      ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};  // by path: the user's own words.
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return Error::from_errno("open recording", path);
  if (!S_ISREG(info.st_mode)) {
    return Error{Errc::kInvalidArgument, "open recording: no file", 0, Name<200>::clipped(path)};
  }
  Records records{std::move(fd), static_cast<std::uint64_t>(info.st_size)};
  std::string magic;
  if (!records.read(0, magic, kMagic.size()) || magic != kMagic) {
    return Error{Errc::kCorrupt, "open recording: no MCAP file", 0, Name<200>::clipped(path)};
  }
  return records;
}

bool Records::read(std::uint64_t at, std::string& bytes, std::uint64_t size) const {
  if (at > size_ || size > size_ - at) return false;
  bytes.resize(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got =
        ::pread(fd_.get(), bytes.data() + done, size - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

std::optional<Record> Records::next() {
  std::string head;
  if (!read(at_, head, kRecordHead)) return std::nullopt;
  Reading in{head};
  Record record{.opcode = static_cast<Opcode>(in.number<std::uint8_t>()), .at = at_};
  const auto size = in.number<std::uint64_t>();
  if (size > 2 * kMaxChunk || !read(at_ + kRecordHead, record.content, size)) return std::nullopt;
  at_ += kRecordHead + size;
  return record;
}

bool Records::at_end() const {
  std::string magic;
  return at_ + kMagic.size() == size_ && read(at_, magic, kMagic.size()) && magic == kMagic;
}

Result<std::string> unpack(std::string_view chunk) {
  Reading in{chunk};
  in.take(8 + 8);  // First and last time of its messages.
  const auto size = in.number<std::uint64_t>();
  const auto crc = in.number<std::uint32_t>();
  const std::string_view kind = in.text();
  const std::string_view body = in.take(in.number<std::uint64_t>());
  const Error damaged{Errc::kCorrupt, "read chunk", 0, {}};
  if (!in.ok() || size > kMaxChunk) return damaged;
  std::string records;
  if (kind.empty()) {
    records = body;
  } else if (kind == "zstd") {
    // Believe the size only if the frame states it, too, or the ratio is plausible: so a few bytes
    // cannot ask for a gigabyte of memory.
    const auto said = ZSTD_getFrameContentSize(body.data(), body.size());
    const bool unsaid = said == ZSTD_CONTENTSIZE_UNKNOWN && size / kMostPacked <= body.size();
    if (said != size && !unsaid) return damaged;
    records.resize(size);
    const std::size_t got =
        ZSTD_decompress(records.data(), records.size(), body.data(), body.size());
    if (ZSTD_isError(got) != 0 || got != size) return damaged;
  } else {
    return Error{Errc::kInvalidArgument, "read chunk: compressed in an unknown way", 0,
                 Name<200>::clipped(kind)};
  }
  // A CRC of 0: its writer made none.
  if (records.size() != size || (crc != 0 && crc_of(records) != crc)) return damaged;
  return records;
}

Result<Reader> Reader::open(const std::string& path) {
  auto records = Records::open(path);
  if (!records) return records.error();
  return Reader{std::move(records).value()};
}

/// Takes a record outside of chunks, or a schema or channel inside of one.
Status Reader::take(const Record& record) {
  switch (record.opcode) {
    case Opcode::kHeader: {
      Reading in{record.content};
      in.text();
      library_ = in.text();
      break;
    }
    case Opcode::kSchema: {
      auto schema = schema_of(record.content);
      if (!schema) return corrupt("read schema", record.at);
      schemas_[schema->id] = std::move(*schema);
      break;
    }
    case Opcode::kChannel: {
      auto channel = channel_of(record.content);
      if (!channel) return corrupt("read channel", record.at);
      channels_[channel->id] = std::move(*channel);
      break;
    }
    case Opcode::kMetadata: {
      Reading in{record.content};
      std::string name{in.text()};
      notes_[std::move(name)] = in.notes();
      break;
    }
    case Opcode::kFooter: footer_ = true; break;
    default: break;
  }
  return {};
}

Result<std::optional<Message>> Reader::next_in_chunk() {
  while (in_chunk_ < chunk_.size()) {
    const auto record = next_of(chunk_, in_chunk_);
    if (!record) {
      in_chunk_ = chunk_.size();
      return corrupt("read chunk's records", records_.position());
    }
    if (record->first == Opcode::kMessage) {
      if (const auto message = message_of(record->second)) return message;
      return corrupt("read message", records_.position());
    }
    const Record loose{
        .opcode = record->first, .at = records_.position(), .content = std::string{record->second}};
    if (const Status taken = take(loose); !taken) return taken.error();
  }
  return std::optional<Message>{};
}

Result<std::optional<Message>> Reader::next() {
  for (;;) {
    auto message = next_in_chunk();
    if (!message || message.value()) return message;
    auto record = records_.next();
    if (!record) return std::optional<Message>{};
    if (record->opcode == Opcode::kChunk) {
      ++chunks_;
      auto unpacked = unpack(record->content);
      if (!unpacked) {
        return Error{unpacked.error().code, unpacked.error().what, 0,
                     Name<200>::clipped("at byte " + std::to_string(record->at))};
      }
      chunk_ = std::move(unpacked).value();
      in_chunk_ = 0;
    } else if (record->opcode == Opcode::kMessage) {
      loose_ = std::move(record->content);
      if (const auto loose = message_of(loose_)) return loose;
      return corrupt("read message", record->at);
    } else if (const Status taken = take(*record); !taken) {
      return taken.error();
    }
  }
}

namespace {

/// What the end of a file states about the rest.
struct Ending {
  std::optional<std::uint64_t> messages{};
  std::uint64_t chunks = 0;
  bool footer = false;
  bool sound = true;  ///< Its checksum is right, and so is each position in it.
};

/// The content of a chunk, to be compared with its indexes.
struct Survey {
  std::string records;
  std::map<std::uint16_t, std::uint64_t> messages{};  ///< By channel.
};

Survey survey_of(std::string records, std::set<std::uint16_t>& described, Findings& found) {
  Survey survey{.records = std::move(records)};
  each_record(survey.records, [&](Opcode opcode, std::string_view content) {
    if (opcode == Opcode::kChannel) described.insert(Reading{content}.number<std::uint16_t>());
    if (opcode != Opcode::kMessage) return;
    const auto channel = Reading{content}.number<std::uint16_t>();
    ++survey.messages[channel];
    ++found.messages;
    found.undescribed += described.contains(channel) ? 0 : 1;
  });
  return survey;
}

/// Whether an index lists exactly the positions of the channel's messages in the chunk before it.
bool fits(std::string_view content, const Survey& survey) {
  Reading in{content};
  const auto channel = in.number<std::uint16_t>();
  Reading places{in.text()};
  std::uint64_t indexed = 0;
  while (places.ok() && !places.rest().empty()) {
    const auto time = places.number<std::uint64_t>();
    std::size_t at = places.number<std::uint64_t>();
    if (at >= survey.records.size()) return false;
    const auto record = next_of(survey.records, at);
    if (!record || record->first != Opcode::kMessage) return false;
    const auto message = message_of(record->second);
    if (!message || message->channel != channel || message->log_ns != time) return false;
    ++indexed;
  }
  const auto there = survey.messages.find(channel);
  return in.ok() && places.ok() && indexed == (there == survey.messages.end() ? 0 : there->second);
}

/// Whether the footer's checksum is right. It covers the summary and the footer's own beginning.
bool closes(std::string_view footer, std::string summary, std::uint64_t summary_at) {
  constexpr std::size_t kCovered = 16;
  Reading in{footer};
  const auto start = in.number<std::uint64_t>();
  in.number<std::uint64_t>();
  const auto crc = in.number<std::uint32_t>();
  Writing{summary}
      .number(static_cast<std::uint8_t>(Opcode::kFooter))
      .number(std::uint64_t{footer.size()});
  summary += footer.substr(0, kCovered);
  return in.ok() && (start == 0 || start == summary_at) && (crc == 0 || crc == crc_of(summary));
}

}  // namespace

Result<Findings> check(const std::string& path) {
  auto opened = Records::open(path);
  if (!opened) return opened.error();
  Records& file = opened.value();
  Findings found;
  Ending ending;
  Survey chunk;  // The last chunk that was read.
  std::set<std::uint16_t> described;
  std::string summary;  // The bytes that the footer's checksum covers.
  std::uint64_t summary_at = 0;
  while (const auto record = file.next()) {
    Reading in{record->content};
    switch (record->opcode) {
      case Opcode::kChunk: {
        ++found.chunks;
        auto records = unpack(record->content);
        found.damaged_chunks += records ? 0 : 1;
        chunk = records ? survey_of(std::move(records).value(), described, found) : Survey{};
        break;
      }
      case Opcode::kChannel: described.insert(in.number<std::uint16_t>()); break;
      case Opcode::kMessage:
        ++found.messages;
        found.undescribed += described.contains(in.number<std::uint16_t>()) ? 0 : 1;
        break;
      case Opcode::kMessageIndex:
        ending.sound = ending.sound && (chunk.records.empty() || fits(record->content, chunk));
        break;
      case Opcode::kStatistics: ending.messages = in.number<std::uint64_t>(); break;
      case Opcode::kChunkIndex: ++ending.chunks; break;
      case Opcode::kDataEnd: summary_at = file.position(); continue;
      case Opcode::kFooter:
        ending.footer = true;
        ending.sound = ending.sound && closes(record->content, summary, summary_at);
        continue;
      default: break;
    }
    if (summary_at != 0) summary += mcap::record(record->opcode, record->content);
  }
  found.lost_bytes = file.at_end() ? 0 : file.size() - file.position();
  found.whole = ending.footer && ending.sound && file.at_end() && found.undescribed == 0 &&
                ending.chunks == found.chunks && ending.messages == found.messages;
  return found;
}

}  // namespace horus::interop::mcap
