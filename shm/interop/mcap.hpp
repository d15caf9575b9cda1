// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The records that a recording (an MCAP file) consists of.
/// Source: mcap.dev, "MCAP Format Specification".
namespace horus::interop::mcap {

inline constexpr std::string_view kMagic{"\x89MCAP0\r\n", 8};

enum class Opcode : std::uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kAttachment = 0x09,
  kAttachmentIndex = 0x0A,
  kStatistics = 0x0B,
  kMetadata = 0x0C,
  kMetadataIndex = 0x0D,
  kSummaryOffset = 0x0E,
  kDataEnd = 0x0F,
};
inline constexpr std::size_t kRecordHead = 9;  ///< Bytes of a record's opcode and length.

using Notes = std::map<std::string, std::string>;

struct Schema {
  std::uint16_t id = 0;  ///< From 1 on; 0: none.
  std::string name{};
  std::string encoding{};
  std::string data{};
};

struct Channel {
  std::uint16_t id = 0;
  std::uint16_t schema = 0;
  std::string topic{};
  std::string encoding{};
  Notes notes{};
};

struct Message {
  std::uint16_t channel = 0;
  std::uint32_t sequence = 0;
  std::uint64_t log_ns = 0;      ///< When the recorder took it, ns since 1970.
  std::uint64_t publish_ns = 0;  ///< When it was sent, ns since 1970.
  std::string_view data{};
};

/// Appends numbers (little-endian) and texts to a string.
class Writing {
 public:
  explicit Writing(std::string& out) noexcept : out_{out} {}

  template <typename T>
  Writing& number(T value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
    return *this;
  }
  Writing& text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    out_ += text;
    return *this;
  }
  Writing& notes(const Notes& notes);

 private:
  std::string& out_;
};

/// Reads numbers and texts. What is missing reads as 0 or as an empty text, and ok() is false from
/// then on.
class Reading {
 public:
  explicit Reading(std::string_view bytes) noexcept : rest_{bytes} {}

  template <typename T>
  T number() noexcept {
    const std::string_view bytes = take(sizeof(T));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
    }
    return static_cast<T>(value);
  }
  std::string_view take(std::uint64_t size) noexcept;
  std::string_view text() noexcept { return take(number<std::uint32_t>()); }
  Notes notes();
  std::string_view rest() const noexcept { return rest_; }
  bool ok() const noexcept { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// A whole record: head and content.
std::string record(Opcode opcode, std::string_view content);
std::string to_record(const Schema& schema);
std::string to_record(const Channel& channel);
/// nullopt if the content is cut off.
std::optional<Schema> schema_of(std::string_view content);
std::optional<Channel> channel_of(std::string_view content);
std::optional<Message> message_of(std::string_view content) noexcept;

/// CRC-32 of `bytes`; `before`: the CRC of the bytes before them.
std::uint32_t crc_of(std::string_view bytes, std::uint32_t before = 0) noexcept;

/// Where the messages of one channel lie within a chunk's records: for its message index.
struct Places {
  struct Place {
    std::uint64_t log_ns;
    std::uint64_t offset;
  };
  std::vector<Place> places;
};

/// Records that are compressed together, and what the file's indexes need to know of them.
struct Chunk {
  std::string records{};
  std::uint64_t first_ns = 0;  ///< Earliest log_ns of its messages.
  std::uint64_t last_ns = 0;
  std::uint64_t messages = 0;
  std::map<std::uint16_t, Places> index{};
  std::vector<Schema> schemas{};    ///< Schemas that this chunk is the first to contain.
  std::vector<Channel> channels{};  ///< Channels that this chunk is the first to contain.

  void add(Schema schema);
  void add(Channel channel);
  void add(const Message& message);
  bool empty() const noexcept { return records.empty(); }
};

}  // namespace horus::interop::mcap
