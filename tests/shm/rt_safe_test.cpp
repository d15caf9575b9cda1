// SPDX-License-Identifier: Apache-2.0
// What headers call RT-safe allocates nothing and calls no kernel: the trap aborts where it does.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <horus/image.hpp>
#include <horus/message.hpp>
#include <horus/msg/control.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/deferred_bells.hpp"
#include "shm/layout.hpp"
#include "shm/payload_state.hpp"
#include "shm/pool.hpp"
#include "shm/region.hpp"
#include "tests/support/no_syscalls.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using msg::OccupancyGrid;
using test::Checked;
using test::files;
using test::RtTrap;

// Several laps of every ring.
constexpr std::uint64_t kMessages = 100;

class RtSafeTest : public test::ShmTest {
 protected:
  const std::unique_ptr<Session> session = open();
  const std::unique_ptr<Session> other = open();
};

TEST_F(RtSafeTest, messages_of_one_size_overwritten_or_refused) {
  for (const Policy policy : {Policy::kOverwrite, Policy::kRefuse}) {
    const std::string topic = policy == Policy::kRefuse ? "refuses" : "overwrites";
    const TopicOptions options{.capacity = 8, .policy = policy};
    auto publisher = session->publisher<Checked>(topic, options).value();
    auto subscriber = other->subscriber<Checked>(topic, options).value();
    ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
    std::uint64_t received = 0;
    {
      const RtTrap trap;
      for (std::uint64_t n = 0; n < kMessages; ++n) publisher.send(Checked::of(n));
      while (subscriber.has_message() && subscriber.take()) ++received;
      publisher.send(Checked::of(kMessages));
      received += subscriber.take_latest() ? 1U : 0U;
    }
    EXPECT_GE(received, 8U) << topic;
  }
}

TEST_F(RtSafeTest, a_subscription_that_becomes_stale_and_fresh_again) {
  auto publisher = session->publisher<msg::CmdVel>("cmd").value();
  const auto node = std::make_unique<NodeStats>();
  auto subscriber = other
                        ->subscriber<msg::CmdVel>(
                            "cmd", test::with({.timeout = 250ms, .fallback = Fallback::kZero},
                                              {.counters = message_counters(*node)}))
                        .value();
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
  node->first_release_ns.set(1);
  ASSERT_TRUE(test::eventually([&] { return subscriber.stale(); }));
  bool given = false;
  bool fresh = false;
  {
    const RtTrap trap;
    node->ticks.add();
    given = subscriber.has_message() && subscriber.take() && subscriber.stale();
    publisher.send({.linear = 1.0F});
    node->ticks.add();
    fresh = subscriber.take_latest() && !subscriber.gave_fallback();
  }
  EXPECT_TRUE(given);
  EXPECT_TRUE(fresh);
}

TEST_F(RtSafeTest, a_publisher_that_wakes_a_sleeper) {
  auto publisher = session->publisher<Checked>("wakes").value();
  auto subscriber = other->subscriber<Checked>("wakes").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 1; }));
  const auto cursor = test::open_region(files(topic_path("wakes"), ".sub").at(0), 0).value();
  std::thread sleeper{[&subscriber] {
    EXPECT_TRUE(subscriber.take_until(MonotonicClock::now() + 10s)) << "not woken";
  }};
  EXPECT_TRUE(test::eventually([&] { return cursor.as<CursorFile>()->sleeping != 0; }));
  {
    const RtTrap trap;
    publisher.send(Checked::of(1));
  }
  sleeper.join();
}

TEST_F(RtSafeTest, messages_whose_size_varies) {
  const TypeInfo& type = type_info(Tag<OccupancyGrid>{});
  auto publisher = session->publish("map", type, {.max_size = 4096}).value();
  auto subscriber = other->subscribe("map", type, {.max_size = 4096}).value();
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
  alignas(8) std::array<std::byte, 4096> buffer{};
  std::uint64_t cells = 0;
  {
    const RtTrap trap;
    for (std::uint32_t n = 1; n <= kMessages; ++n) {
      OccupancyGrid head;
      head.width = n % 32;
      head.height = 8;
      const auto built = MessageBuilder<OccupancyGrid>::in(buffer, head);
      if (!built || !publisher.send(built->bytes())) continue;
      const std::ptrdiff_t size = subscriber.take(buffer);
      if (size < 0) continue;
      const auto map =
          MessageView<OccupancyGrid>::of(std::span{buffer}.first(static_cast<std::size_t>(size)));
      if (map) cells += map->tail<std::int8_t>("data").size();
    }
  }
  std::uint64_t sent = 0;
  for (std::uint32_t n = 1; n <= kMessages; ++n) sent += n % 32 * 8;
  EXPECT_EQ(cells, sent);
}

TEST_F(RtSafeTest, values_of_any_size) {
  auto publisher = session->publish("values", generic_type(), {.max_size = 4096}).value();
  auto subscriber = other->subscribe("values", generic_type(), {.depth = 4}).value();
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
  std::array<std::byte, 4096> buffer{};
  std::uint64_t received = 0;
  {
    const RtTrap trap;
    for (std::size_t n = 1; n <= kMessages; ++n) {
      publisher.send(std::span{buffer}.first(n * 40));
      if (publisher.refuses_now(4096)) continue;
      received += subscriber.take_latest(buffer) >= 0 ? 1U : 0U;
    }
  }
  EXPECT_GT(received, 0U);
}

/// The first frame is a cold one: nothing is mapped, acknowledged or cached yet.
template <typename P, typename Make>
void send_and_take_all(Session& session, Session& other, Make make) {
  const TopicOptions options{.capacity = 4, .size = 48 * 64 * 12};
  auto publisher = session.publisher<P>("frames", options).value();
  auto viewer = other.subscriber<P>("frames").value();
  P taken;
  ASSERT_TRUE(test::eventually([&] {
    const RtTrap trap;
    publisher.send(make(session));
    taken = viewer.take();
    return bool{taken};
  }));
  std::uint64_t received = 0;
  {
    const RtTrap trap;
    P kept = make(session);
    for (std::uint64_t n = 0; n < kMessages; ++n) {
      // Handed over, or filled and sent again.
      if (n % 2 == 0) {
        publisher.send(make(session));
      } else {
        EXPECT_FALSE(kept.writable().empty());
        publisher.send(kept);
      }
      taken = n % 3 == 0 ? viewer.take_latest() : viewer.take();
      received += taken ? 1U : 0U;
      taken = {};
    }
  }
  EXPECT_GT(received, kMessages / 2);
}

TEST_F(RtSafeTest, images_of_a_declared_size_from_the_first_on) {
  send_and_take_all<Image>(*session, *other, [](Session& of) {
    return Image::make(of, 48, 64, Encoding::kRgb8).value();
  });
}

TEST_F(RtSafeTest, depth_images_of_a_declared_size_from_the_first_on) {
  send_and_take_all<DepthImage>(*session, *other,
                                [](Session& of) { return DepthImage::make(of, 48, 64).value(); });
}

TEST_F(RtSafeTest, point_clouds_of_a_declared_size_from_the_first_on) {
  send_and_take_all<PointCloud>(*session, *other,
                                [](Session& of) { return PointCloud::make(of, 48 * 64).value(); });
}

TEST_F(RtSafeTest, tensors_of_a_declared_size_from_the_first_on) {
  send_and_take_all<Tensor>(*session, *other, [](Session& of) {
    constexpr std::array<std::uint64_t, 2> kShape{48, 64};
    return Tensor::make(of, kShape, Dtype::kF32).value();
  });
}

TEST_F(RtSafeTest, frames_that_are_sent_on_or_refused) {
  constexpr TopicOptions kOptions{.capacity = 4, .size = 48 * 64 * 3};
  auto camera = session->publisher<Image>("in", kOptions).value();
  auto relay = other->subscriber<Image>("in").value();
  auto onward = other
                    ->publisher<Image>(
                        "out", {.capacity = 4, .size = kOptions.size, .policy = Policy::kRefuse})
                    .value();
  auto viewer = session->subscriber<Image>("out").value();
  std::uint64_t refused = 0;
  std::uint64_t received = 0;
  const auto pass_on = [&] {
    const RtTrap trap;
    camera.send(Image::make(*session, 48, 64, Encoding::kRgb8).value());
    const Image taken = relay.take();
    if (taken) refused += onward.send(taken) ? 0U : 1U;
    return bool{taken};
  };
  ASSERT_TRUE(test::eventually([&] { return pass_on() && refused > 0; }));
  ASSERT_TRUE(test::eventually([&] {
    const RtTrap trap;
    received += viewer.take() ? 1U : 0U;
    return received == 4;
  }));
}

TEST_F(RtSafeTest, a_frame_for_which_a_tick_has_no_block_yet) {
  const DeferredBells in_a_tick;
  bool made = true;
  {
    const RtTrap trap;
    made = bool{Image::make(*session, 48, 64, Encoding::kRgb8)};
  }
  EXPECT_FALSE(made);
}

TEST_F(RtSafeTest, a_frame_that_a_tick_asked_for_and_has_later) {
  const DeferredBells in_a_tick;
  auto camera = session->publisher<Image>("camera").value();
  auto viewer = other->subscriber<Image>("camera").value();
  Image taken;
  EXPECT_TRUE(test::eventually([&] {
    const RtTrap trap;
    if (auto made = Image::make(*session, 48, 64, Encoding::kRgb8))
      camera.send(std::move(made).value());
    taken = viewer.take();
    return bool{taken};
  }));
  EXPECT_GE(session->blocks_not_yet(), 1U);
}

TEST_F(RtSafeTest, frames_whose_pools_are_gone_are_let_go_of) {
  const std::string pools = base.path() + "/pools";
  auto viewer = session->subscriber<Image>("camera").value();
  Image theirs;
  {
    const auto camera = open();
    auto publisher = camera->publisher<Image>("camera").value();
    ASSERT_TRUE(test::eventually([&] {
      publisher.send(Image::make(*camera, 48, 64, Encoding::kRgb8).value());
      theirs = viewer.take();
      return bool{theirs};
    }));
  }
  const std::uint32_t pool = theirs.state()->tensor().pool_id;
  ASSERT_TRUE(test::eventually([&] {
    viewer.take();
    return session->pools()->peers().look(pool) == PeerPools::Look::kGone;
  }));
  Image own = Image::make(*session, 48, 64, Encoding::kRgb8).value();
  for (const std::string& path : files(pools, ".pool")) std::filesystem::remove(path);
  ASSERT_TRUE(test::eventually([&] { return !files(pools, ".pool").empty(); }));
  {
    const RtTrap trap;
    theirs = {};
    own = {};
  }
  EXPECT_TRUE(test::eventually([&] { return files(pools, ".hold").empty(); }));
}

TEST_F(RtSafeTest, frames_that_come_too_late_or_in_time) {
  auto camera = session->publisher<Image>("camera", {.size = 48 * 64 * 3}).value();
  const auto node = std::make_unique<NodeStats>();
  auto viewer =
      other
          ->subscriber<Image>("camera", test::with({.timeout = 250ms, .fallback = Fallback::kStop},
                                                   {.counters = message_counters(*node)}))
          .value();
  node->first_release_ns.set(1);
  ASSERT_TRUE(test::eventually([&] { return viewer.stale(); }));
  Image taken;
  EXPECT_TRUE(test::eventually([&] {
    const RtTrap trap;
    node->ticks.add();
    camera.send(Image::make(*session, 48, 64, Encoding::kRgb8).value());
    taken = viewer.take();
    return taken && !viewer.stale();
  }));
}

TEST_F(RtSafeTest, frames_of_cameras_that_start_in_turn_while_they_are_taken) {
  constexpr int kCameras = 3;
  auto viewer = session->subscriber<Image>("camera").value();
  std::atomic<int> seen{0};
  std::thread starter{[this, &seen] {
    for (int n = 1; n <= kCameras; ++n) {
      test::ChildProcess camera{{"camera", base.path(), "camera"}};
      EXPECT_EQ(camera.line(), "ready");
      EXPECT_TRUE(test::eventually([&] {
        camera.tell(std::to_string(n) + " 1080 1920");
        return camera.line() == "sent" && seen == n;
      })) << n;
    }
  }};
  const bool all = test::eventually([&] {
    const RtTrap trap;
    if (const Image taken = viewer.take()) seen = static_cast<int>(taken.bytes().back());
    return seen == kCameras;
  });
  EXPECT_TRUE(all);
  starter.join();
}

/// Page faults of this thread.
long faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

TEST_F(RtSafeTest, f22_frames_are_written_and_read_without_a_page_fault) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer touches memory of its own";
#endif
  // The kernel may take a page away at any time, but not in each of several runs.
  long least = -1;
  for (int run = 0; run < 5 && least != 0; ++run) {
    const std::string topic = "camera" + std::to_string(run);
    auto camera = session->publisher<Image>(topic, {.capacity = 4, .size = 480 * 640 * 3}).value();
    auto viewer = other->subscriber<Image>(topic).value();
    Image taken;
    std::uint64_t sum = 0;
    const auto send = [&] {
      Image image = Image::make(*session, 480, 640, Encoding::kRgb8).value();
      // A block that a debug build has protected is mapped anew, page by page.
      if (!OwnPool::seals()) std::ranges::fill(image.writable(), std::byte{1});
      camera.send(std::move(image));
      taken = viewer.take();
      for (std::size_t at = 0; taken && at < taken.bytes().size(); at += 1024) {
        sum += static_cast<std::uint64_t>(taken.bytes()[at]);
      }
      return bool{taken};
    };
    ASSERT_TRUE(test::eventually(send));
    const long before = faults();
    int received = 0;
    for (int n = 0; n < 30; ++n) received += send() ? 1 : 0;
    const long grown = faults() - before;
    EXPECT_GT(received, 0) << sum;
    least = least < 0 ? grown : std::min(least, grown);
  }
  EXPECT_EQ(least, 0);
}

TEST(RtTrap, ends_who_makes_a_system_call) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  if (!test::NoSyscalls::works()) GTEST_SKIP() << "this kernel does not tell of system calls";
  const auto trapped = [] {
    const test::NoSyscalls trap;
    ::getppid();
  };
  EXPECT_DEATH(trapped(), "system call");
}

TEST_F(RtSafeTest, payloads_whose_pools_come_while_they_are_taken) {
  auto camera = session->publisher<Tensor>("t").value();
  auto viewer = other->subscriber<Tensor>("t").value();
  std::uint64_t received = 0;
  for (std::uint64_t n = 1; n <= 40; ++n) {
    const std::array<std::uint64_t, 1> shape{n * 5000};
    Tensor sent = Tensor::make(*session, shape, Dtype::kU8).value();
    Tensor taken;
    EXPECT_TRUE(test::eventually([&] {
      const RtTrap trap;
      camera.send(sent);
      taken = viewer.take();
      return taken && taken.shape()[0] == n * 5000;
    }));
    ++received;
    const RtTrap trap;
    taken = {};
  }
  EXPECT_EQ(received, 40U);
}

}  // namespace
}  // namespace horus::shm
