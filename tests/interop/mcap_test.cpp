// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "shm/interop/mcap_reader.hpp"
#include "shm/interop/mcap_writer.hpp"

namespace horus::interop::mcap {
namespace {

class Bytes : public Sink {
 public:
  Status write(std::string_view bytes) override {
    all += bytes;
    return {};
  }
  std::string all;
};

/// A file of this test, removed at its end.
class McapTest : public ::testing::TestWithParam<bool> {
 protected:
  ~McapTest() override { std::filesystem::remove(path_); }

  std::string path(std::string_view bytes) const {
    std::ofstream{path_, std::ios::binary} << bytes;
    return path_;
  }

  static Chunk chunk(int first, bool with_channel) {
    Chunk chunk;
    if (with_channel) {
      chunk.add(Schema{.id = 1, .name = "horus.Imu", .encoding = "protobuf", .data = "described"});
      chunk.add(Channel{
          .id = 1, .schema = 1, .topic = "/imu", .encoding = "protobuf", .notes = {{"a", "b"}}});
    }
    for (int i = first; i < first + 10; ++i) {
      const std::string data(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
      chunk.add(Message{.channel = 1,
                        .sequence = static_cast<std::uint32_t>(i),
                        .log_ns = static_cast<std::uint64_t>(1000 + i),
                        .publish_ns = static_cast<std::uint64_t>(900 + i),
                        .data = data});
    }
    return chunk;
  }

  static std::string file(bool compressed, int chunks = 3) {
    Bytes bytes;
    Writer writer{bytes, compressed};
    EXPECT_TRUE(writer.begin("horus test"));
    EXPECT_TRUE(writer.add_note("horus.system", {{"kernel", "6.1"}}));
    for (int i = 0; i < chunks; ++i) EXPECT_TRUE(writer.add(chunk(10 * i, i == 0)));
    EXPECT_TRUE(writer.attach("robot.toml", "application/toml", 7, "[robot]"));
    EXPECT_TRUE(writer.finish());
    EXPECT_EQ(writer.size(), bytes.all.size());
    return bytes.all;
  }

  /// Messages until the end, and how many times there was an error.
  static std::pair<int, int> count(Reader& reader) {
    std::pair<int, int> found;
    for (;;) {
      const auto message = reader.next();
      if (!message) {
        ++found.second;
        continue;
      }
      if (!message.value()) return found;
      ++found.first;
    }
  }

 private:
  // In memory: a disk writes what is replaced at once.
  std::string path_ = "/dev/shm/horus-mcap-test-" + std::to_string(::getpid()) + ".mcap";
};

TEST_P(McapTest, every_message_comes_back) {
  auto reader = Reader::open(path(file(GetParam()))).value();
  for (int i = 0; i < 30; ++i) {
    const auto message = reader.next().value();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->sequence, static_cast<std::uint32_t>(i));
    EXPECT_EQ(message->log_ns, static_cast<std::uint64_t>(1000 + i));
    EXPECT_EQ(message->publish_ns, static_cast<std::uint64_t>(900 + i));
    EXPECT_EQ(message->data,
              std::string(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26)));
  }
  EXPECT_FALSE(reader.next().value());
  EXPECT_TRUE(reader.whole());
  EXPECT_EQ(reader.library(), "horus test");
  EXPECT_EQ(reader.channels().at(1).topic, "/imu");
  EXPECT_EQ(reader.channels().at(1).notes.at("a"), "b");
  EXPECT_EQ(reader.schemas().at(1).data, "described");
  EXPECT_EQ(reader.notes().at("horus.system").at("kernel"), "6.1");
  EXPECT_EQ(reader.chunks(), 3U);
}

TEST_P(McapTest, a_whole_file_is_found_whole) {
  const auto found = check(path(file(GetParam()))).value();
  EXPECT_TRUE(found.whole);
  EXPECT_EQ(found.messages, 30U);
  EXPECT_EQ(found.chunks, 3U);
  EXPECT_EQ(found.damaged_chunks, 0U);
  EXPECT_EQ(found.lost_bytes, 0U);
}

TEST_P(McapTest, each_chunk_that_is_whole_is_read_wherever_the_file_was_cut_off) {
  const std::string whole = file(GetParam());
  // Where each chunk ends.
  std::vector<std::size_t> ends;
  {
    auto records = Records::open(path(whole)).value();
    while (const auto record = records.next()) {
      if (record->opcode == Opcode::kChunk) ends.push_back(records.position());
    }
  }
  for (std::size_t size = kMagic.size(); size < whole.size(); ++size) {
    auto reader = Reader::open(path(whole.substr(0, size))).value();
    const auto chunks = std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; });
    EXPECT_EQ(count(reader), std::pair(static_cast<int>(10 * chunks), 0)) << size;
    EXPECT_FALSE(reader.whole()) << size;
    EXPECT_FALSE(check(path(whole.substr(0, size))).value().whole) << size;
  }
}

/// The records that a checksum, an index or a count stands for.
bool is_guarded(Opcode opcode) {
  switch (opcode) {
    case Opcode::kChunk:
    case Opcode::kMessageIndex:
    case Opcode::kStatistics:
    case Opcode::kChunkIndex:
    case Opcode::kAttachmentIndex:
    case Opcode::kMetadataIndex:
    case Opcode::kSummaryOffset: return true;
    default: return false;
  }
}

TEST_P(McapTest, a_changed_byte_is_noticed_and_the_other_chunks_are_read) {
  constexpr std::size_t kTimes = 8 + 8;  // Of a chunk, which its index says once more.
  const std::string whole = file(GetParam());
  std::vector<std::size_t> guarded;
  {
    auto records = Records::open(path(whole)).value();
    while (const auto record = records.next()) {
      if (!is_guarded(record->opcode)) continue;
      const std::size_t skipped = record->opcode == Opcode::kChunk ? kTimes : 0;
      for (std::size_t i = skipped; i < record->content.size(); ++i) {
        guarded.push_back(record->at + kRecordHead + i);
      }
    }
  }
  for (const std::size_t at : guarded) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    const std::string damaged = path(changed);
    const auto found = check(damaged);
    EXPECT_FALSE(found && found.value().whole && found.value().damaged_chunks == 0) << at;
    if (auto reader = Reader::open(damaged)) count(reader.value());
  }
}

TEST_P(McapTest, messages_whose_channel_nothing_describes_are_no_whole_file) {
  Bytes bytes;
  Writer writer{bytes, GetParam()};
  ASSERT_TRUE(writer.begin("horus test"));
  ASSERT_TRUE(writer.add(chunk(0, false)));
  ASSERT_TRUE(writer.finish());
  const auto found = check(path(bytes.all)).value();
  EXPECT_EQ(found.undescribed, 10U);
  EXPECT_FALSE(found.whole);
}

TEST_P(McapTest, what_is_declared_again_stands_for_a_chunk_that_is_lost) {
  Bytes bytes;
  Writer writer{bytes, GetParam()};
  ASSERT_TRUE(writer.begin("horus test"));
  const std::size_t begin = bytes.all.size();
  ASSERT_TRUE(writer.add(chunk(0, true)));
  bytes.all[begin + kRecordHead + 60] ^= 0x55;
  ASSERT_TRUE(writer.declare_again());
  ASSERT_TRUE(writer.add(chunk(10, false)));
  auto reader = Reader::open(path(bytes.all)).value();
  EXPECT_EQ(count(reader), std::pair(10, 1));
  EXPECT_EQ(reader.channels().at(1).topic, "/imu");
}

INSTANTIATE_TEST_SUITE_P(, McapTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "zstd" : "plain"; });

TEST(McapFiles, a_few_bytes_that_ask_for_a_gigabyte_are_damage) {
  std::string chunk;
  Writing{chunk}
      .number(std::uint64_t{0})
      .number(std::uint64_t{0})
      .number(kMaxChunk)
      .number(std::uint32_t{0})
      .text("zstd")
      .number(std::uint64_t{4});
  chunk += "\x28\xB5\x2F\xFD";
  EXPECT_FALSE(unpack(chunk));
}

TEST(McapFiles, what_is_no_recording_says_so) {
  const auto none = Records::open("/nonexistent/file.mcap");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::kNotFound);
  const auto folder = Records::open("/tmp");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Errc::kInvalidArgument);
  const auto other = Records::open("/proc/self/exe");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace horus::interop::mcap
