// SPDX-License-Identifier: Apache-2.0
// What a C++ program sees of a recording, by the library that it links.
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include <horus/msg/control.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/recording.hpp>

#include "shm/interop/codec.hpp"
#include "shm/interop/mcap_writer.hpp"
#include "shm/schema.hpp"

namespace horus {
namespace {

namespace mcap = interop::mcap;

class Bytes : public mcap::Sink {
 public:
  Status write(std::string_view bytes) override {
    all += bytes;
    return {};
  }
  std::string all;
};

class RecordingTest : public ::testing::Test {
 protected:
  ~RecordingTest() override { ::unlink(path_.c_str()); }

  /// One CmdVel, one value, one message of another tool; cut off `less` bytes before the end.
  const std::string& file(std::size_t less = 0) {
    const shm::TypeInfo& type = type_info(shm::Tag<msg::CmdVel>{});
    msg::CmdVel order{};
    order.linear = 1.5F;
    order.timestamp_ns = 77;
    std::string order_bytes;
    EXPECT_TRUE(interop::encode(type, std::as_bytes(std::span{&order, 1}), order_bytes));
    Bytes bytes;
    mcap::Writer writer{bytes, /*compressed=*/true};
    EXPECT_TRUE(writer.begin("test", {{"horus.system", {{"kernel", "6.1"}}}}));
    mcap::Chunk chunk;
    const interop::Format format = interop::format_of(type);
    chunk.add(mcap::Schema{1, format.schema_name, format.encoding, format.schema});
    chunk.add(mcap::Channel{
        .id = 1,
        .schema = 1,
        .topic = "/cmd",
        .encoding = format.encoding,
        .notes = {{"horus.type", std::string{type.name}}, {"horus.schema", shm::schema_of(type)}}});
    chunk.add(mcap::Channel{.id = 2, .topic = "/state", .encoding = "json"});
    chunk.add(mcap::Channel{.id = 3, .topic = "theirs", .encoding = "cdr"});
    chunk.add(mcap::Message{1, 5, 100, 77, order_bytes});
    chunk.add(mcap::Message{2, 6, 101, 101, "{\"a\":1}"});
    chunk.add(mcap::Message{3, 7, 102, 102, "xyz"});
    EXPECT_TRUE(writer.add(chunk));
    EXPECT_TRUE(writer.finish());
    std::ofstream{path_, std::ios::binary} << bytes.all.substr(0, bytes.all.size() - less);
    return path_;
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/dev/shm/horus-recording-test-" + std::to_string(::getpid()) + ".mcap";
};

std::string text_of(const RecordedMessage& message) {
  return {reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()};
}

TEST_F(RecordingTest, messages_come_back_as_they_were_sent) {
  auto recording = Recording::open(file());
  ASSERT_TRUE(recording);
  const auto order = recording.value().next().value();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->topic, "cmd");
  EXPECT_EQ(order->type, "CmdVel");
  EXPECT_EQ(order->time_ns, 100U);
  EXPECT_EQ(order->sent_ns, 77U);
  EXPECT_EQ(order->number, 5U);
  EXPECT_EQ(order->form, RecordedMessage::Form::kMessage);
  ASSERT_TRUE(order->as<msg::CmdVel>());
  EXPECT_EQ(order->as<msg::CmdVel>()->linear, 1.5F);
  EXPECT_EQ(order->as<msg::CmdVel>()->timestamp_ns, 77U);
  EXPECT_FALSE(order->as<msg::Odometry>());
  const auto value = recording.value().next().value();
  ASSERT_TRUE(value);
  EXPECT_EQ(value->topic, "state");
  EXPECT_EQ(value->form, RecordedMessage::Form::kJson);
  EXPECT_EQ(text_of(*value), "{\"a\":1}");
  EXPECT_FALSE(value->as<msg::CmdVel>());
  const auto theirs = recording.value().next().value();
  ASSERT_TRUE(theirs);
  EXPECT_EQ(theirs->topic, "theirs");
  EXPECT_EQ(theirs->form, RecordedMessage::Form::kRaw);
  EXPECT_EQ(text_of(*theirs), "xyz");
  EXPECT_FALSE(recording.value().next().value());
  EXPECT_TRUE(recording.value().whole());
  EXPECT_EQ(recording.value().notes().at("horus.system").at("kernel"), "6.1");
}

TEST_F(RecordingTest, a_file_that_was_cut_off_reads_as_far_as_it_goes) {
  auto recording = Recording::open(file(/*less=*/20));
  ASSERT_TRUE(recording);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(recording.value().next().value());
  EXPECT_FALSE(recording.value().next().value());
  EXPECT_FALSE(recording.value().whole());
}

TEST_F(RecordingTest, what_is_no_recording_says_so) {
  std::ofstream{file()} << "no recording at all";
  EXPECT_EQ(Recording::open(path()).error().code, Errc::kCorrupt);
  EXPECT_EQ(Recording::open("/dev/shm/no/such.mcap").error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace horus
