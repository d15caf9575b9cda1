// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <horus/image.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/dtype.hpp"
#include "shm/own_pools.hpp"
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
    Image image = Image::make(session, 48, 64, Encoding::kMono8).value();
    std::ranges::fill(image.writable(), static_cast<std::byte>(colour));
    return image;
  }
  /// A frame of another process: until that knows who looks at its frames, none is there.
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
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = session->subscriber<Image>("camera").value();
  Image image = Image::make(*session, 2, 3, Encoding::kRgb8).value();
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
  EXPECT_EQ(subscriber.counts().received, 1U);
  EXPECT_EQ(publisher.sent(), 1U);
}

TEST_F(ImageTest, a_frame_counts_with_all_its_bytes) {
  const auto session = open();
  const auto node = std::make_unique<NodeStats>();
  auto publisher =
      session->publisher<Image>("camera", test::with({}, {.counters = message_counters(*node)}))
          .value();
  EXPECT_TRUE(publisher.send(frame(*session, 1)));
  EXPECT_EQ(node->messages_sent.value(), 1U);
  const std::size_t described = Image::kind().type.size;
  EXPECT_EQ(node->bytes_sent.value(), described + 48 * 64);
}

TEST_F(ImageTest, a_frame_stays_as_it_is_while_it_is_held) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = other->subscriber<Image>("camera").value();
  const Image held = receive_held(*session, publisher, subscriber, 1);
  const Image copy_of_the_handle = held;
  for (int n = 0; n < 100; ++n) publisher.send(frame(*session, 2));
  EXPECT_TRUE(all_are(held, 1));
  EXPECT_EQ(subscriber.take_latest().bytes()[0], std::byte{2});
  EXPECT_EQ(
      subscriber.counts().missed + subscriber.counts().passed_over + subscriber.counts().received,
      publisher.sent());
}

TEST_F(ImageTest, a_frame_outlives_its_publisher_and_its_session) {
  auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = other->subscriber<Image>("camera").value();
  const Image held = receive_held(*session, publisher, subscriber, 3);
  publisher = {};
  session = nullptr;
  EXPECT_TRUE(all_are(held, 3));
}

TEST_F(ImageTest, the_latest_frame_is_taken_and_the_others_let_go) {
  const auto session = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = session->subscriber<Image>("camera").value();
  for (int n = 0; n < 5; ++n) publisher.send(frame(*session, n));
  EXPECT_TRUE(all_are(subscriber.take_latest(), 4));
  EXPECT_FALSE(subscriber.take_latest());
  EXPECT_EQ(subscriber.counts().received, 1U);
  EXPECT_EQ(subscriber.counts().passed_over, 4U);
}

TEST_F(ImageTest, as_many_frames_stay_alive_as_the_deepest_subscription_wants) {
  const auto session = open();
  auto publisher = session->publisher<Image>("t").value();
  // Those that stay alive, and the one that is filled.
  const auto blocks_in_turn = [&] {
    std::set<std::uint32_t> blocks;
    for (int i = 0; i < 40; ++i) {
      const Image frame = Image::make(*session, 4, 4, Encoding::kMono8).value();
      blocks.insert(frame.state()->tensor().slot_id);
      EXPECT_TRUE(publisher.send(frame));
    }
    return blocks.size();
  };
  EXPECT_EQ(blocks_in_turn(), 2U);
  auto shallow = session->subscriber<Image>("t", {.depth = 1}).value();
  EXPECT_EQ(blocks_in_turn(), 2U);
  {
    auto deep = session->subscriber<Image>("t", {.depth = 5}).value();
    EXPECT_EQ(blocks_in_turn(), 6U);
    auto all = session->subscriber<Image>("t").value();
    EXPECT_EQ(blocks_in_turn(), 9U) << "the capacity is an upper bound";
    std::uint64_t taken = 0;
    while (all.take()) ++taken;
    EXPECT_EQ(taken, 8U);
    taken = 0;
    while (deep.take()) ++taken;
    EXPECT_EQ(taken, 5U);
    EXPECT_EQ(deep.counts().missed, 0U);
  }
  EXPECT_TRUE(test::eventually([&] { return blocks_in_turn() == 2; }));
  EXPECT_TRUE(shallow.take());
  EXPECT_EQ(shallow.counts().missed, 0U);
  EXPECT_EQ(shallow.counts().received + shallow.counts().passed_over, publisher.sent() - 40);
}

TEST_F(ImageTest, two_blocks_turn_where_whoever_wants_all_frames_keeps_up) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("t").value();
  auto all = other->subscriber<Image>("t").value();
  const auto blocks_in_turn = [&] {
    std::set<std::uint32_t> blocks;
    for (int n = 0; n < 40; ++n) {
      Image image = frame(*session, n);
      blocks.insert(image.state()->tensor().slot_id);
      EXPECT_TRUE(publisher.send(std::move(image)));
      EXPECT_TRUE(all_are(all.take(), n));
    }
    return blocks.size();
  };
  receive_held(*session, publisher, all, 0);
  while (all.take()) {
  }
  const std::uint64_t lost = all.counts().missed + all.counts().passed_over;
  EXPECT_EQ(blocks_in_turn(), 2U);
  {
    // Its program may never ask it for a frame.
    auto ahead = session->subscriber<Image>("t", test::with({}, {.ahead = true})).value();
    EXPECT_EQ(blocks_in_turn(), 2U);
    ahead.messages().begin();
    while (ahead.take()) {
    }
    EXPECT_EQ(ahead.counts().missed, 32U) << "what the ring has no place for, and no more";
    EXPECT_GT(ahead.counts().passed_over, 0U) << "what it did not ask for in time";
    EXPECT_EQ(blocks_in_turn(), 9U);
    for (int n = 32; n < 40; ++n) EXPECT_TRUE(all_are(ahead.take(), n));
  }
  EXPECT_EQ(all.counts().missed + all.counts().passed_over, lost);
}

TEST_F(ImageTest, frames_are_kept_for_a_program_that_may_ask_for_them_later) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("t").value();
  // Where somebody else receives only for another process.
  for (Session* const from : {session.get(), other.get()}) {
    auto ahead = from->subscriber<Image>("t", test::with({}, {.ahead = true})).value();
    receive_held(*session, publisher, ahead, 0);
    while (ahead.take()) {
    }
    auto receives = from == other.get() ? session->subscriber<Image>("t", {.depth = 1})
                                        : Result<ImageSubscriber>{ImageSubscriber{}};
    for (int n = 0; n < 10; ++n) EXPECT_TRUE(publisher.send(frame(*session, n)));
    ahead.messages().begin();
    for (int n = 2; n < 10; ++n) EXPECT_TRUE(all_are(ahead.take(), n));
  }
}

TEST_F(ImageTest, a_frame_is_kept_until_whoever_takes_it_holds_it) {
  const auto session = open();
  std::array<std::byte, kMaxDescriptor> descriptor{};
  for (const Policy policy : {Policy::kOverwrite, Policy::kRefuse}) {
    const bool refuses = policy == Policy::kRefuse;
    const std::string topic = refuses ? "refuses" : "overwrites";
    auto publisher = session->publisher<Image>(topic, {.capacity = 1, .policy = policy}).value();
    auto viewer = session->subscriber<Image>(topic).value();
    ASSERT_TRUE(publisher.send(frame(*session, 1)));
    // The first half of a take: the descriptor is read, and nothing held yet.
    ASSERT_GE(viewer.messages().take(descriptor), 0);
    EXPECT_NE(publisher.send(frame(*session, 2)), refuses);
    viewer.messages().tell_taken();
    EXPECT_TRUE(publisher.send(frame(*session, 3)));
    EXPECT_TRUE(all_are(viewer.take(), 3));
  }
  auto publisher = session->publisher<Image>("deep").value();
  auto viewer = session->subscriber<Image>("deep").value();
  const auto send = [&](int colour) {
    const Image image = frame(*session, colour);
    EXPECT_TRUE(publisher.send(image));
    return image.state()->tensor().slot_id;
  };
  const std::uint32_t first = send(1);
  ASSERT_GE(viewer.messages().take(descriptor), 0);
  for (int n = 2; n < 8; ++n) EXPECT_NE(send(n), first);
  viewer.messages().tell_taken();
  send(8);
  EXPECT_EQ(send(9), first) << "the block freed last goes out first";
}

TEST_F(ImageTest, who_comes_late_gets_the_newest_frame_and_misses_none) {
  const auto session = open();
  auto publisher = session->publisher<Image>("t").value();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(publisher.send(Image::make(*session, 4, 4, Encoding::kMono8).value()));
  }
  auto late = session->subscriber<Image>("t", {.history = 8}).value();
  while (late.take()) {
  }
  // The one before is still there until its block is used again.
  EXPECT_GE(late.counts().received, 1U);
  EXPECT_LE(late.counts().received, 2U);
  EXPECT_EQ(late.counts().received + late.counts().passed_over, 5U);
  EXPECT_EQ(late.counts().missed, 0U);
}

TEST_F(ImageTest, a_received_frame_cannot_be_written_to) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = other->subscriber<Image>("camera").value();
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
  auto publisher = camera->publisher<Image>("in").value();
  auto subscriber = relay->subscriber<Image>("in").value();
  auto onward = relay->publisher<Image>("out").value();
  auto viewer = camera->subscriber<Image>("out").value();
  Image received = receive_held(*camera, publisher, subscriber, 5);
  received.set_timestamp_ns(8);
  EXPECT_TRUE(onward.send(received));
  Image sent_on;
  ASSERT_TRUE(test::eventually([&] { return sent_on = viewer.take(), bool{sent_on}; }));
  EXPECT_TRUE(all_are(sent_on, 5));
  EXPECT_EQ(sent_on.timestamp_ns(), 8U);
  EXPECT_NE(sent_on.state()->tensor().pool_id, received.state()->tensor().pool_id);
}

TEST_F(ImageTest, ones_own_frame_is_sent_on_without_a_copy) {
  const auto session = open();
  auto publisher = session->publisher<Image>("a").value();
  auto again = session->publisher<Image>("b").value();
  auto subscriber = session->subscriber<Image>("b").value();
  const Image image = frame(*session, 1);
  publisher.send(image);
  again.send(image);
  EXPECT_EQ(subscriber.take().state()->tensor().slot_id, image.state()->tensor().slot_id);
}

TEST_F(ImageTest, what_was_sent_is_not_written_to_any_more) {
  const auto session = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = session->subscriber<Image>("camera").value();
  Image image = frame(*session, 1);
  const Image other_handle = image;
  ASSERT_TRUE(publisher.send(image));
  const Image held = subscriber.take();
  const std::byte* const sent = image.bytes().data();
  ASSERT_FALSE(image.writable().empty());
  EXPECT_NE(image.bytes().data(), sent);
  EXPECT_TRUE(all_are(image, 1)) << "the next frame begins as the last one was";
  std::ranges::fill(image.writable(), std::byte{2});
  EXPECT_TRUE(all_are(held, 1));
  EXPECT_EQ(other_handle.bytes().data(), sent);
  ASSERT_TRUE(publisher.send(image));
  EXPECT_TRUE(all_are(subscriber.take(), 2));
  EXPECT_TRUE(publisher.send(std::move(image)));
  EXPECT_FALSE(image) << "a handle that is moved into the topic is empty";  // NOLINT: is meant
}

TEST_F(ImageTest, a_frame_that_a_topic_refuses_takes_no_place_of_those_that_it_keeps) {
  const auto session = open();
  auto publisher =
      session->publisher<Image>("camera", {.capacity = 1, .policy = Policy::kRefuse}).value();
  auto subscriber = session->subscriber<Image>("camera").value();
  ASSERT_TRUE(publisher.send(frame(*session, 1)));
  for (int n = 2; n < 40; ++n) EXPECT_FALSE(publisher.send(frame(*session, n)));
  EXPECT_TRUE(all_are(subscriber.take(), 1));
  EXPECT_EQ(subscriber.counts().missed, 0U);
  EXPECT_TRUE(publisher.send(frame(*session, 40)));
  EXPECT_TRUE(all_are(subscriber.take(), 40));
}

TEST_F(ImageTest, a_large_frame_is_written_and_sent_again_as_often_as_there_is_memory) {
  const auto session = open();
  auto publisher = session->publisher<Image>("camera", {.capacity = 8}).value();
  auto all = session->subscriber<Image>("camera").value();
  Image image = Image::make(*session, 1080, 1920, Encoding::kRgb8).value();
  for (int n = 0; n < 12; ++n) {
    ASSERT_FALSE(image.writable().empty()) << n;
    image.writable()[0] = std::byte(n);
    ASSERT_TRUE(publisher.send(image));
  }
  for (int n = 4; n < 12; ++n) {
    const Image frame = all.take();
    ASSERT_TRUE(frame) << n;
    EXPECT_EQ(frame.bytes()[0], std::byte(n));
  }
}

TEST_F(ImageTest, who_writes_through_a_span_that_it_kept_is_ended_in_debug_builds) {
  if (!OwnPool::seals()) GTEST_SKIP() << "this build trusts its programs";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  const auto session = open();
  auto publisher = session->publisher<Image>("camera").value();
  Image image = frame(*session, 1);
  const auto kept = image.writable();
  ASSERT_TRUE(publisher.send(image));
  EXPECT_TRUE(all_are(image, 1));
  EXPECT_DEATH(kept[0] = std::byte{2}, "");
  // Once its readers are gone the block is anybody's again.
  image = {};
  for (int n = 0; n < 40; ++n) ASSERT_TRUE(publisher.send(frame(*session, n)));
}

TEST_F(ImageTest, a_frame_that_was_refused_is_still_ones_own) {
  const auto session = open();
  auto publisher =
      session->publisher<Image>("camera", {.capacity = 1, .policy = Policy::kRefuse}).value();
  auto subscriber = session->subscriber<Image>("camera").value();
  ASSERT_TRUE(publisher.send(frame(*session, 1)));
  Image image = frame(*session, 2);
  const std::byte* const place = image.bytes().data();
  EXPECT_FALSE(publisher.send(image));
  EXPECT_EQ(image.writable().data(), place);
  EXPECT_FALSE(publisher.send(std::move(image)));
  EXPECT_TRUE(image);  // NOLINT: it was not moved
  EXPECT_TRUE(all_are(subscriber.take(), 1));
  EXPECT_TRUE(publisher.send(image));
  EXPECT_TRUE(all_are(subscriber.take(), 2));
}

TEST_F(ImageTest, there_is_an_error_when_every_block_is_in_use_and_none_after_one_is_free) {
  const auto session = open();
  std::vector<Image> images;
  auto next = Image::make(*session, 1, 1, Encoding::kMono8);
  for (; next; next = Image::make(*session, 1, 1, Encoding::kMono8)) images.push_back(next.value());
  EXPECT_EQ(next.error().code, Errc::kExhausted);
  EXPECT_EQ(images.size(), OwnPools::kMaxPools * kPoolBlocks);
  images.pop_back();
  EXPECT_TRUE(Image::make(*session, 1, 1, Encoding::kMono8));
}

TEST_F(ImageTest, where_every_block_is_in_use_it_is_told_who_holds_most) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("t").value();
  auto hoarder = other->subscriber<Image>("t").value();
  std::vector<Image> kept{receive_held(*session, publisher, hoarder, 0)};
  auto next = Image::make(*session, 1, 1, Encoding::kMono8);
  for (; next; next = Image::make(*session, 1, 1, Encoding::kMono8)) {
    publisher.send(std::move(next).value());
    ASSERT_TRUE(test::eventually([&] {
      kept.push_back(hoarder.take());
      return bool{kept.back()};
    }));
  }
  EXPECT_EQ(next.error().code, Errc::kExhausted);
  const std::string told{next.error().subject.view()};
  EXPECT_TRUE(told.starts_with("process " + std::to_string(::getpid()) + " holds ")) << told;
}

TEST_F(ImageTest, impossible_sides_are_refused) {
  const auto session = open();
  EXPECT_EQ(Image::make(*session, 0, 1, Encoding::kMono8).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(Image::make(*session, 1, 65'536, Encoding::kMono8).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(Image::make(*session, 65'535, 65'535, Encoding::kRgb32f).error().code,
            Errc::kExhausted);
}

TEST_F(ImageTest, frames_go_from_process_to_process_and_survive_their_sender) {
  const auto session = open();
  auto subscriber = session->subscriber<Image>("camera").value();
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
  auto publisher = session->publisher<Image>("camera").value();
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
  auto subscriber = session->subscriber<Image>("camera").value();
  for (int round = 0; round < 5; ++round) {
    const auto other = open();
    auto publisher = other->publisher<Image>("camera").value();
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
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = session->subscriber<Image>("camera").value();
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
  EXPECT_EQ(subscriber.counts().missed, lies.size());
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
