// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "shm/interop/mcap.hpp"

namespace horus::interop::mcap {

/// The largest chunk, bytes: room for the largest payload and others before it. A limit, as a file
/// may come from anywhere and say anything. A record may have twice as many bytes.
inline constexpr std::uint64_t kMaxChunk = (std::uint64_t{1} << 30) + (std::uint64_t{64} << 20);

/// One record of a file.
struct Record {
  Opcode opcode{};
  std::uint64_t at = 0;  ///< Bytes from the file's beginning.
  std::string content{};
};

/// Reads the records of a file in their order, whoever wrote it and wherever it was cut off.
class Records {
 public:
  /// kCorrupt for a file that is not a recording.
  static Result<Records> open(const std::string& path);

  /// nullopt at the end, and if the rest is not a whole record.
  std::optional<Record> next();
  std::uint64_t position() const noexcept { return at_; }  ///< End of the last whole record.
  std::uint64_t size() const noexcept { return size_; }
  bool at_end() const;  ///< Whether nothing is cut off.

 private:
  Records(UniqueFd fd, std::uint64_t size) noexcept : fd_{std::move(fd)}, size_{size} {}
  bool read(std::uint64_t at, std::string& bytes, std::uint64_t size) const;

  UniqueFd fd_;
  std::uint64_t size_;
  std::uint64_t at_ = kMagic.size();
};

/// The records in a chunk, uncompressed. kCorrupt if its CRC or its sizes are wrong;
/// kInvalidArgument if its compression is not known.
Result<std::string> unpack(std::string_view chunk);

/// Calls use(opcode, content) for each record in a chunk, up to the first that is not whole.
template <typename Use>
void each_record(std::string_view records, Use use) {
  Reading in{records};
  while (!in.rest().empty()) {
    const auto opcode = static_cast<Opcode>(in.number<std::uint8_t>());
    const std::string_view content = in.take(in.number<std::uint64_t>());
    if (!in.ok()) return;
    use(opcode, content);
  }
}

/// Reads the messages of a file, in the order in which they lie in it.
class Reader {
 public:
  static Result<Reader> open(const std::string& path);

  /// The next message; nullopt at the end. Its `data` is valid until the next call. kCorrupt for a
  /// damaged chunk; the next call goes on after that.
  Result<std::optional<Message>> next();

  const std::map<std::uint16_t, Schema>& schemas() const noexcept { return schemas_; }
  const std::map<std::uint16_t, Channel>& channels() const noexcept { return channels_; }
  const std::map<std::string, Notes>& notes() const noexcept { return notes_; }
  const std::string& library() const noexcept { return library_; }
  std::uint64_t chunks() const noexcept { return chunks_; }
  /// Call it once next() has returned nullopt: whether the file is complete.
  bool whole() const noexcept { return footer_ && records_.at_end(); }
  /// How many bytes were read, and how many there are.
  std::uint64_t position() const noexcept { return records_.position(); }
  std::uint64_t size() const noexcept { return records_.size(); }

 private:
  explicit Reader(Records records) noexcept : records_{std::move(records)} {}
  Result<std::optional<Message>> next_in_chunk();
  Status take(const Record& record);

  Records records_;
  std::string chunk_{};       ///< The current chunk, uncompressed.
  std::size_t in_chunk_ = 0;  ///< How many bytes of it were read.
  std::string loose_{};       ///< The current message, if it lies outside of chunks.
  std::map<std::uint16_t, Schema> schemas_{};
  std::map<std::uint16_t, Channel> channels_{};
  std::map<std::string, Notes> notes_{};
  std::string library_{};
  std::uint64_t chunks_ = 0;
  bool footer_ = false;
};

/// The result of check().
struct Findings {
  std::uint64_t messages = 0;
  std::uint64_t chunks = 0;
  std::uint64_t damaged_chunks = 0;
  std::uint64_t undescribed = 0;  ///< Messages whose channel no earlier record describes.
  std::uint64_t lost_bytes = 0;   ///< Bytes after the last whole record.
  bool whole = false;             ///< The file has an end, which agrees with the content.
};
/// Reads the whole file. Checks the chunks' checksums, the message indexes, and the checksum and
/// the counts at the end against the content.
Result<Findings> check(const std::string& path);

}  // namespace horus::interop::mcap
