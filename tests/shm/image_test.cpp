// SPDX-License-Identifier: Apache-2.0
#include "shm/image.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "shm/payload_state.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::ChildProcess;
using test::files;

bool all_are(const Image& image, int colour) {
  return std::ranges::all_of(
      image.bytes(), [colour](std::byte pixel) { return pixel == static_cast<std::byte>(colour); });
}

class ImageTest : public test::ShmTest {
 protected:
  static Image frame(Session& session, int colour) {
    Image image = session.image(48, 64, Encoding::kMono8).value();
    std::ranges::fill(image.writable(), static_cast<std::byte>(colour));
    return image;
  }
  /// A frame that is received in place: until the owner of the pool knows the holder, frames
  /// arrive as copies.
  static Image receive_held(Session& session, ImagePublisher& publisher, ImageSubscriber& from,
                            int colour) {
    Image image;
    EXPECT_TRUE(test::eventually([&] {
      publisher.send(frame(session, colour));
      image = from.take();
      return image && image.state()->peer != nullptr;
    }));
    return image;
  }
};

TEST_F(ImageTest, a_frame_arrives_with_its_pixels_and_what_is_said_of_them) {
  const auto session = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = session->image_subscriber("camera").value();
  Image image = session->image(2, 3, Encoding::kRgb8).value();
  EXPECT_FALSE(image.read_only());
  ASSERT_EQ(image.writable().size(), 18U);
  std::ranges::fill(image.writable(), std::byte{9});
  image.set_timestamp_ns(77);
  EXPECT_TRUE(image.set_frame_id("camera_link"));
  EXPECT_FALSE(image.set_frame_id(std::string(32, 'x')));
  EXPECT_FALSE(subscriber.has_message());
  EXPECT_TRUE(publisher.send(image));
  EXPECT_TRUE(subscriber.has_message());

  const Image received = subscriber.take();
  ASSERT_TRUE(received);
  EXPECT_EQ(received.height(), 2U);
  EXPECT_EQ(received.width(), 3U);
  EXPECT_EQ(received.step(), 9U);
  EXPECT_EQ(received.encoding(), Encoding::kRgb8);
  EXPECT_EQ(received.timestamp_ns(), 77U);
  EXPECT_EQ(received.frame_id(), "camera_link");
  EXPECT_TRUE(all_are(received, 9));
  EXPECT_TRUE(received.read_only());
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.received(), 1U);
  EXPECT_EQ(publisher.sent(), 1U);
}

TEST_F(ImageTest, a_frame_stays_as_it_is_while_it_is_held) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = other->image_subscriber("camera").value();
  const Image held = receive_held(*session, publisher, subscriber, 1);
  const Image copy_of_the_handle = held;
  for (int n = 0; n < 100; ++n) publisher.send(frame(*session, 2));
  EXPECT_TRUE(all_are(held, 1));
  EXPECT_EQ(subscriber.take_latest().bytes()[0], std::byte{2});
  EXPECT_EQ(subscriber.missed() + subscriber.received(), publisher.sent());
}

TEST_F(ImageTest, a_frame_outlives_its_publisher_and_its_session) {
  auto session = open();
  const auto other = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = other->image_subscriber("camera").value();
  const Image held = receive_held(*session, publisher, subscriber, 3);
  publisher = {};
  session = nullptr;
  EXPECT_TRUE(all_are(held, 3));
}

TEST_F(ImageTest, the_latest_frame_is_taken_and_the_others_let_go) {
  const auto session = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = session->image_subscriber("camera").value();
  for (int n = 0; n < 5; ++n) publisher.send(frame(*session, n));
  EXPECT_TRUE(all_are(subscriber.take_latest(), 4));
  EXPECT_FALSE(subscriber.take_latest());
  EXPECT_EQ(subscriber.received(), 5U);
}

TEST_F(ImageTest, a_received_frame_cannot_be_written_to) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  const auto session = open();
  const auto other = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = other->image_subscriber("camera").value();
  Image held = receive_held(*session, publisher, subscriber, 1);
  EXPECT_TRUE(held.writable().empty());
  // The kernel, asked without a fault: it would have to write there.
  const UniqueFd zeros{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(::read(zeros.get(), const_cast<std::byte*>(held.bytes().data()), 1), -1);
  EXPECT_EQ(errno, EFAULT);
  EXPECT_DEATH(*const_cast<std::byte*>(held.bytes().data()) = std::byte{}, "");
}

TEST_F(ImageTest, sending_a_received_frame_on_copies_it_into_ones_own_pool) {
  const auto camera = open();
  const auto relay = open();
  auto publisher = camera->image_publisher("in").value();
  auto subscriber = relay->image_subscriber("in").value();
  auto onward = relay->image_publisher("out").value();
  auto viewer = camera->image_subscriber("out").value();
  Image received = receive_held(*camera, publisher, subscriber, 5);
  received.set_timestamp_ns(8);
  EXPECT_TRUE(onward.send(received));
  const Image sent_on = viewer.take();
  EXPECT_TRUE(all_are(sent_on, 5));
  EXPECT_EQ(sent_on.timestamp_ns(), 8U);
  EXPECT_NE(sent_on.state()->tensor().pool_id, received.state()->tensor().pool_id);
}

TEST_F(ImageTest, ones_own_frame_is_sent_on_without_a_copy) {
  const auto session = open();
  auto publisher = session->image_publisher("a").value();
  auto again = session->image_publisher("b").value();
  auto subscriber = session->image_subscriber("b").value();
  const Image image = frame(*session, 1);
  publisher.send(image);
  again.send(image);
  EXPECT_EQ(subscriber.take().state()->tensor().slot_id, image.state()->tensor().slot_id);
}

TEST_F(ImageTest, there_is_an_error_when_every_block_is_in_use_and_none_after_one_is_free) {
  const auto session = open();
  std::vector<Image> images;
  auto next = session->image(1, 1, Encoding::kMono8);
  for (; next; next = session->image(1, 1, Encoding::kMono8)) images.push_back(next.value());
  EXPECT_EQ(next.error().code, Errc::kExhausted);
  EXPECT_EQ(images.size(), 256U);
  images.pop_back();
  EXPECT_TRUE(session->image(1, 1, Encoding::kMono8));
}

TEST_F(ImageTest, impossible_sides_are_refused) {
  const auto session = open();
  EXPECT_EQ(session->image(0, 1, Encoding::kMono8).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(session->image(1, 65'536, Encoding::kMono8).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(session->image(65'535, 65'535, Encoding::kRgb32f).error().code, Errc::kExhausted);
}

TEST_F(ImageTest, frames_go_from_process_to_process_and_survive_their_sender) {
  const auto session = open();
  auto subscriber = session->image_subscriber("camera").value();
  ChildProcess camera{{"camera", base.path(), "camera"}};
  ASSERT_EQ(camera.line(), "ready");
  Image held;
  EXPECT_TRUE(test::eventually([&] {
    camera.tell("7");
    EXPECT_EQ(camera.line(), "sent");
    held = subscriber.take();
    return held && held.state()->peer != nullptr;
  }));
  camera.kill();
  EXPECT_TRUE(all_are(held, 7));
  EXPECT_TRUE(held.read_only());
}

TEST_F(ImageTest, the_holds_of_a_dead_process_are_forgotten) {
  const auto session = open();
  auto publisher = session->image_publisher("camera").value();
  ChildProcess viewer{{"viewer", base.path(), "camera"}};
  ASSERT_EQ(viewer.line(), "ready");
  publisher.send(frame(*session, 6));
  viewer.tell("take");
  EXPECT_EQ(viewer.line(), "6");
  ASSERT_EQ(files(base.path() + "/pools", ".hold").size(), 1U);
  viewer.kill();
  EXPECT_TRUE(test::eventually([&] { return files(base.path() + "/pools", ".hold").empty(); }));
}

TEST_F(ImageTest, publishers_that_come_and_go_leave_no_mapping_behind) {
  const auto session = open();
  auto subscriber = session->image_subscriber("camera").value();
  for (int round = 0; round < 5; ++round) {
    const auto other = open();
    auto publisher = other->image_publisher("camera").value();
    publisher.send(frame(*other, round));
    Image image;
    EXPECT_TRUE(test::eventually([&] { return image = subscriber.take(), bool{image}; }));
    EXPECT_TRUE(all_are(image, round));
  }
  // A hold file lives as long as the mapping of the pool that it is about.
  EXPECT_LE(files(base.path() + "/pools", ".hold").size(), 2U);
}

TEST_F(ImageTest, a_descriptor_that_lies_is_missed_and_no_more) {
  const auto session = open();
  auto publisher = session->image_publisher("camera").value();
  auto subscriber = session->image_subscriber("camera").value();
  const Image image = frame(*session, 1);
  publisher.send(image);
  const auto good = image.state()->as<msg::ImageDescriptor>();
  auto forger = session->publisher<msg::ImageDescriptor>("camera").value();
  std::vector<msg::ImageDescriptor> lies(14, good);
  lies[0].tensor.pool_id ^= 1;
  lies[1].tensor.slot_id = 0xffffffffU;
  lies[2].tensor.generation += 1;
  lies[3].tensor.size = ~std::uint64_t{0};
  lies[4].tensor.size += 1;
  lies[5].tensor.offset = 1;
  lies[6].tensor.ndim = 8;
  lies[7].tensor.shape[0] = 0;
  lies[8].tensor.shape[0] = std::uint64_t{1} << 63;
  lies[9].tensor.shape[1] = 65'536;
  lies[10].step = 0;
  lies[11].encoding = 255;
  lies[12].tensor.generation_hi = 1;
  lies[13].encoding = static_cast<std::uint8_t>(Encoding::kRgb8);
  ASSERT_TRUE(test::eventually([&] { return bool{subscriber.take()}; }));
  for (const auto& lie : lies) {
    forger.send(lie);
    ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
    EXPECT_FALSE(subscriber.take());
  }
  EXPECT_EQ(subscriber.missed(), lies.size());
  forger.send(good);
  EXPECT_TRUE(all_are(subscriber.take(), 1));
}

TEST(Encodings, have_names_that_are_read_back) {
  for (int i = 0; i <= static_cast<int>(Encoding::kDepth16); ++i) {
    const auto encoding = static_cast<Encoding>(i);
    EXPECT_EQ(parse_encoding(info(encoding).name), encoding);
    EXPECT_GT(info(encoding).channels * size_of(info(encoding).dtype), 0U);
  }
  EXPECT_FALSE(parse_encoding("rgb9"));
  EXPECT_FALSE(parse_encoding(""));
}

}  // namespace
}  // namespace horus::shm
