// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/interop/mcap.hpp"

namespace horus::interop::mcap {

/// The largest chunk, bytes: the largest frame and others before it. A file from anywhere may say
/// anything. A record has twice as many at most.
inline constexpr std::uint64_t kMaxChunk = (std::uint64_t{1} << 30) + (std::uint64_t{64} << 20);

/// One record of a file.
struct Record {
  Opcode opcode{};
  std::uint64_t at = 0;  ///< Bytes from the file's beginning.
  std::string content{};
};

/// The records of a file in their order, whoever wrote it and wherever it was cut off.
class Records {
 public:
  /// kCorrupt for a file that is no recording.
  static Result<Records> open(const std::string& path);

  /// Nothing at the end, and where the rest is no whole record.
  std::optional<Record> next();
  std::uint64_t position() const noexcept { return at_; }  ///< The end of what was whole.
  std::uint64_t size() const noexcept { return size_; }
  bool at_end() const;  ///< Nothing is cut off.

 private:
  Records(UniqueFd fd, std::uint64_t size) noexcept : fd_{std::move(fd)}, size_{size} {}
  bool read(std::uint64_t at, std::string& bytes, std::uint64_t size) const;

  UniqueFd fd_;
  std::uint64_t size_;
  std::uint64_t at_ = kMagic.size();
};

/// The records in a chunk. kCorrupt where its CRC or its sizes are wrong; kInvalidArgument where it
/// is compressed in a way that is not known.
Result<std::string> unpack(std::string_view chunk);

/// Calls `use` with opcode and content of each record in a chunk, as far as they are whole.
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

/// The messages of a file, in the order in which they lie there.
class Reader {
 public:
  static Result<Reader> open(const std::string& path);

  /// Nothing at the end. What `data` of a message shows goes with the next call. kCorrupt for a
  /// chunk that is damaged; the call after that goes on behind it.
  Result<std::optional<Message>> next();

  const std::map<std::uint16_t, Schema>& schemas() const noexcept { return schemas_; }
  const std::map<std::uint16_t, Channel>& channels() const noexcept { return channels_; }
  const std::map<std::string, Notes>& notes() const noexcept { return notes_; }
  const std::string& library() const noexcept { return library_; }
  std::uint64_t chunks() const noexcept { return chunks_; }
  /// Once next() gave nothing: whether the file has its end.
  bool whole() const noexcept { return footer_ && records_.at_end(); }
  /// The bytes that were read, and those that are there.
  std::uint64_t position() const noexcept { return records_.position(); }
  std::uint64_t size() const noexcept { return records_.size(); }

 private:
  explicit Reader(Records records) noexcept : records_{std::move(records)} {}
  Result<std::optional<Message>> next_in_chunk();
  Status take(const Record& record);

  Records records_;
  std::string chunk_{};       ///< Unpacked.
  std::size_t in_chunk_ = 0;  ///< Of it that was read.
  std::string loose_{};       ///< The message that lies in no chunk.
  std::map<std::uint16_t, Schema> schemas_{};
  std::map<std::uint16_t, Channel> channels_{};
  std::map<std::string, Notes> notes_{};
  std::string library_{};
  std::uint64_t chunks_ = 0;
  bool footer_ = false;
};

/// What check() found of a file.
struct Findings {
  std::uint64_t messages = 0;
  std::uint64_t chunks = 0;
  std::uint64_t damaged_chunks = 0;
  std::uint64_t undescribed = 0;  ///< Messages of channels that no record before them describes.
  std::uint64_t lost_bytes = 0;   ///< Behind the last whole record.
  bool whole = false;             ///< It has its end, and that says what is there.
};
/// Reads all of it and holds each chunk's checksum, the messages' indexes, the end's checksum and
/// its counts against what is there.
Result<Findings> check(const std::string& path);

}  // namespace horus::interop::mcap
