// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/mcap_writer.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace horus::interop::mcap {

namespace {

constexpr int kLevel = 1;  // A fast one: a robot records while it works.

std::string compress(std::string_view bytes) {
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(compressed.data(), compressed.size(), bytes.data(), bytes.size(), kLevel);
  // Fails only for lack of memory or of room in the output, and there is enough room.
  HORUS_CHECK(ZSTD_isError(size) == 0);
  compressed.resize(size);
  return compressed;
}

std::string index_of(std::uint16_t channel, const Places& all) {
  constexpr std::size_t kPlace = 16;
  std::string content;
  Writing writing{content};
  writing.number(channel).number(static_cast<std::uint32_t>(all.places.size() * kPlace));
  for (const Places::Place& place : all.places) writing.number(place.log_ns).number(place.offset);
  return record(Opcode::kMessageIndex, content);
}

/// Appends a note to `bytes`, which will be written at position `start`. Returns its index record.
std::string append_note(std::string& bytes, std::uint64_t start, std::string_view name,
                        const Notes& notes) {
  std::string content;
  Writing{content}.text(name).notes(notes);
  const std::string note = record(Opcode::kMetadata, content);
  std::string index;
  Writing{index}.number(start + bytes.size()).number(std::uint64_t{note.size()}).text(name);
  bytes += note;
  return record(Opcode::kMetadataIndex, index);
}

std::string joined(const std::vector<std::string>& records) {
  std::string all;
  for (const std::string& one : records) all += one;
  return all;
}

std::string joined(const std::map<std::uint16_t, std::string>& records) {
  std::string all;
  for (const auto& [id, one] : records) all += one;
  return all;
}

}  // namespace

Status Writer::put(std::string_view bytes) {
  if (const Status written = sink_.write(bytes); !written) return written;
  size_ += bytes.size();
  return {};
}

Status Writer::begin(std::string_view library, const std::map<std::string, Notes>& notes) {
  std::string header;
  Writing{header}.text("").text(library);
  std::string bytes = std::string{kMagic} + record(Opcode::kHeader, header);
  std::vector<std::string> index;
  for (const auto& [name, one] : notes) index.push_back(append_note(bytes, size_, name, one));
  if (const Status written = put(bytes); !written) return written;
  note_index_ = std::move(index);
  return {};
}

Status Writer::add(const Chunk& chunk) {
  for (const Schema& schema : chunk.schemas) schemas_[schema.id] = to_record(schema);
  for (const Channel& channel : chunk.channels) channels_[channel.id] = to_record(channel);

  const std::string_view kind = compressed_ ? "zstd" : "";
  const std::string packed = compressed_ ? compress(chunk.records) : std::string{};
  const std::string_view body = compressed_ ? std::string_view{packed} : chunk.records;
  std::string content;
  Writing{content}
      .number(chunk.first_ns)
      .number(chunk.last_ns)
      .number(std::uint64_t{chunk.records.size()})
      .number(crc_of(chunk.records))
      .text(kind)
      .number(std::uint64_t{body.size()});
  content += body;
  std::string bytes = record(Opcode::kChunk, content);
  const std::uint64_t start = size_;
  const std::uint64_t length = bytes.size();

  std::string offsets;
  Writing writing{offsets};
  for (const auto& [channel, places] : chunk.index) {
    writing.number(channel).number(start + bytes.size());
    bytes += index_of(channel, places);
  }
  // In one write, so that each chunk that is in the file is whole, with its index.
  if (const Status written = put(bytes); !written) return written;

  std::string index;
  Writing{index}
      .number(chunk.first_ns)
      .number(chunk.last_ns)
      .number(start)
      .number(length)
      .text(offsets)
      .number(std::uint64_t{bytes.size() - length})
      .text(kind)
      .number(std::uint64_t{body.size()})
      .number(std::uint64_t{chunk.records.size()});
  chunk_index_.push_back(record(Opcode::kChunkIndex, index));
  if (chunk.messages > 0) {
    first_ns_ = messages_ == 0 ? chunk.first_ns : std::min(first_ns_, chunk.first_ns);
    last_ns_ = std::max(last_ns_, chunk.last_ns);
  }
  messages_ += chunk.messages;
  for (const auto& [channel, places] : chunk.index) counts_[channel] += places.places.size();
  return {};
}

Status Writer::add_note(std::string_view name, const Notes& notes) {
  std::string bytes;
  std::string index = append_note(bytes, size_, name, notes);
  if (const Status written = put(bytes); !written) return written;
  note_index_.push_back(std::move(index));
  return {};
}

Status Writer::attach(std::string_view name, std::string_view media_type, std::uint64_t now_ns,
                      std::string_view data) {
  std::string content;
  Writing{content}
      .number(now_ns)
      .number(now_ns)
      .text(name)
      .text(media_type)
      .number(std::uint64_t{data.size()});
  content += data;
  Writing{content}.number(crc_of(content));
  const std::string bytes = record(Opcode::kAttachment, content);
  const std::uint64_t at = size_;
  if (const Status written = put(bytes); !written) return written;
  std::string index;
  Writing{index}
      .number(at)
      .number(std::uint64_t{bytes.size()})
      .number(now_ns)
      .number(now_ns)
      .number(std::uint64_t{data.size()})
      .text(name)
      .text(media_type);
  attachment_index_.push_back(record(Opcode::kAttachmentIndex, index));
  return {};
}

std::string Writer::statistics(std::size_t notes) const {
  std::string counts;
  Writing writing{counts};
  for (const auto& [channel, count] : counts_) writing.number(channel).number(count);
  std::string content;
  Writing{content}
      .number(messages_)
      .number(static_cast<std::uint16_t>(schemas_.size()))
      .number(static_cast<std::uint32_t>(channels_.size()))
      .number(static_cast<std::uint32_t>(attachment_index_.size()))
      .number(static_cast<std::uint32_t>(notes))
      .number(static_cast<std::uint32_t>(chunk_index_.size()))
      .number(first_ns_)
      .number(last_ns_)
      .text(counts);
  return record(Opcode::kStatistics, content);
}

Status Writer::declare_again() {
  const std::string all = joined(schemas_) + joined(channels_);
  return all.empty() ? Status{} : put(all);
}

Status Writer::finish(const std::map<std::string, Notes>& notes) {
  std::string bytes;
  std::vector<std::string> note_index = note_index_;
  for (const auto& [name, one] : notes) {
    note_index.push_back(append_note(bytes, size_, name, one));
  }
  std::string end;
  Writing{end}.number(std::uint32_t{0});  // No CRC of the data section: each chunk has its own.
  bytes += record(Opcode::kDataEnd, end);
  const std::size_t summary_at = bytes.size();
  const std::array<std::pair<Opcode, std::string>, 6> groups{{
      {Opcode::kSchema, joined(schemas_)},
      {Opcode::kChannel, joined(channels_)},
      {Opcode::kStatistics, statistics(note_index.size())},
      {Opcode::kChunkIndex, joined(chunk_index_)},
      {Opcode::kAttachmentIndex, joined(attachment_index_)},
      {Opcode::kMetadataIndex, joined(note_index)},
  }};
  std::string offsets;
  for (const auto& [opcode, records] : groups) {
    if (records.empty()) continue;
    std::string content;
    Writing{content}
        .number(static_cast<std::uint8_t>(opcode))
        .number(size_ + bytes.size())
        .number(std::uint64_t{records.size()});
    offsets += record(Opcode::kSummaryOffset, content);
    bytes += records;
  }
  const std::uint64_t offsets_at = size_ + bytes.size();
  bytes += offsets;

  // The CRC covers the summary and the footer up to the CRC itself.
  constexpr std::uint64_t kFooter = 8 + 8 + 4;
  Writing{bytes}
      .number(static_cast<std::uint8_t>(Opcode::kFooter))
      .number(kFooter)
      .number(size_ + summary_at)
      .number(offsets_at);
  Writing{bytes}.number(crc_of(std::string_view{bytes}.substr(summary_at)));
  bytes += kMagic;
  return put(bytes);
}

}  // namespace horus::interop::mcap
