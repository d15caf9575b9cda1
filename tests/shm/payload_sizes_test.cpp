// SPDX-License-Identifier: Apache-2.0
// Payloads whose sizes change for as long as the process lives: none fails, and memory is bounded.
#include <array>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "shm/deferred_bells.hpp"
#include "shm/own_pools.hpp"
#include "shm/payload_state.hpp"
#include "tests/support/shm_fixture.hpp"
#include "tests/support/told.hpp"

namespace horus::shm {
namespace {

using test::files;

constexpr int kSends = 10'000;
constexpr std::size_t kLargest = std::size_t{1} << 19;

std::uint64_t bytes_of_pools(const std::string& base) {
  std::uint64_t bytes = 0;
  for (const std::string& path : files(base + "/pools", ".pool")) {
    std::error_code gone;
    const auto size = std::filesystem::file_size(path, gone);
    bytes += gone ? 0 : size;
  }
  return bytes;
}

class PayloadSizesTest : public test::ShmTest {
 protected:
  /// Sends what `make` makes of the bytes that `size_of` gives; a reader holds the last five.
  template <typename P, typename Make>
  void send_sizes(const std::function<std::size_t(int)>& size_of, Make make) {
    const auto session = open();
    const auto other = open();
    auto publisher = session->publisher<P>("t").value();
    auto reader = other->subscriber<P>("t").value();
    std::deque<std::pair<P, std::byte>> held;
    std::uint64_t most = 0;
    for (int n = 0; n < kSends; ++n) {
      auto made = make(*session, size_of(n));
      ASSERT_TRUE(made) << n << ": " << made.error().what << made.error().subject.view();
      P& payload = made.value();
      if (!payload.writable().empty()) payload.writable()[0] = std::byte(n);
      ASSERT_TRUE(publisher.send(payload)) << n;
      if (P taken = reader.take()) {
        held.emplace_back(taken, taken.bytes().empty() ? std::byte{} : taken.bytes()[0]);
      }
      if (held.size() > 5) held.pop_front();
      for (const auto& [frame, first] : held) {
        ASSERT_TRUE(frame.bytes().empty() || frame.bytes()[0] == first) << n;
      }
      if (n % 500 == 0) most = std::max(most, bytes_of_pools(base.path()));
    }
    EXPECT_EQ(publisher.sent(), static_cast<std::uint64_t>(kSends));
    EXPECT_GT(reader.counts().received, 0U);
    EXPECT_LT(most, 4 * OwnPools::kMostIdle);
  }
};

/// Of one kind, growing, shrinking or of any size.
class AnySizeTest : public PayloadSizesTest,
                    public ::testing::WithParamInterface<std::tuple<std::string, std::string>> {
 protected:
  static std::function<std::size_t(int)> order(const std::string& name) {
    if (name == "growing") {
      return [](int n) { return static_cast<std::size_t>(n) * kLargest / kSends; };
    }
    if (name == "shrinking") {
      return [](int n) { return static_cast<std::size_t>(kSends - n) * kLargest / kSends; };
    }
    return
        [random = std::mt19937{7}](int) mutable { return std::size_t{random()} % (8 * kLargest); };
  }
};

TEST_P(AnySizeTest, none_fails) {
  const auto& [kind, name] = GetParam();
  const auto sizes = order(name);
  const auto rows = [](std::size_t size, std::size_t row) {
    return static_cast<std::uint32_t>(1 + size / row);
  };
  if (kind == "tensors") {
    send_sizes<Tensor>(sizes, [](Session& of, std::size_t size) {
      const std::array<std::uint64_t, 1> shape{size};
      return Tensor::make(of, shape, Dtype::kU8);
    });
  } else if (kind == "images") {
    send_sizes<Image>(sizes, [&rows](Session& of, std::size_t size) {
      return Image::make(of, rows(size, 3000), 1000, Encoding::kRgb8);
    });
  } else if (kind == "depth_images") {
    send_sizes<DepthImage>(sizes, [&rows](Session& of, std::size_t size) {
      return DepthImage::make(of, rows(size, 4000), 1000);
    });
  } else {
    send_sizes<PointCloud>(sizes, [&rows](Session& of, std::size_t size) {
      return PointCloud::make(of, rows(size, 12) - 1);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(
    Payloads, AnySizeTest,
    ::testing::Combine(::testing::Values("tensors", "images", "depth_images", "point_clouds"),
                       ::testing::Values("growing", "shrinking", "of_any_size")),
    [](const auto& parameters) {
      return std::get<0>(parameters.param) + "_" + std::get<1>(parameters.param);
    });

TEST_F(PayloadSizesTest, the_kinds_of_one_process_leave_each_other_room) {
  const auto session = open();
  auto images = session->publisher<Image>("images").value();
  auto clouds = session->publisher<PointCloud>("clouds").value();
  auto depths = session->publisher<DepthImage>("depths").value();
  auto viewer = session->subscriber<Image>("images").value();
  std::mt19937 random{11};
  const auto below = [&random](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
  };
  Image held;
  for (int n = 0; n < kSends / 4; ++n) {
    const std::uint32_t height = 1 + below(480);
    const std::uint32_t width = 1 + below(640);
    ASSERT_TRUE(images.send(Image::make(*session, height, width, Encoding::kRgb8).value())) << n;
    ASSERT_TRUE(clouds.send(PointCloud::make(*session, below(100'000)).value())) << n;
    ASSERT_TRUE(depths.send(DepthImage::make(*session, height, width).value())) << n;
    if (n % 7 == 0) held = viewer.take();
  }
  EXPECT_LT(bytes_of_pools(base.path()), 6 * OwnPools::kMostIdle);
}

TEST_F(PayloadSizesTest, a_declared_size_is_reserved_when_the_topic_is_opened) {
  const auto session = open();
  constexpr std::size_t kSize = 100 * kPage;
  auto publisher = session->publisher<Tensor>("t", {.capacity = 4, .size = kSize}).value();
  const auto reserved = bytes_of_pools(base.path());
  EXPECT_GE(reserved, 5 * kSize);
  const DeferredBells in_a_tick;
  std::deque<Tensor> held;
  auto reader = session->subscriber<Tensor>("t").value();
  for (std::uint64_t n = 0; n < 100; ++n) {
    const std::array<std::uint64_t, 1> shape{n % 2 == 0 ? kSize : 1 + n};
    auto tensor = Tensor::make(*session, shape, Dtype::kU8);
    ASSERT_TRUE(tensor) << n;
    ASSERT_TRUE(publisher.send(tensor.value()));
    held.push_back(reader.take());
    if (held.size() > 2) held.pop_front();
  }
  EXPECT_EQ(bytes_of_pools(base.path()), reserved);
  EXPECT_EQ(session->blocks_not_yet(), 0U);
  publisher = {};
}

TEST_F(PayloadSizesTest, a_tick_without_a_block_is_told_not_yet_and_has_one_later) {
  const auto session = open();
  const DeferredBells in_a_tick;
  const auto first = Image::make(*session, 48, 64, Encoding::kMono8);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Errc::kBusy);
  EXPECT_GE(session->blocks_not_yet(), 1U);
  EXPECT_TRUE(
      test::eventually([&] { return bool{Image::make(*session, 48, 64, Encoding::kMono8)}; }));
}

TEST_F(PayloadSizesTest, a_tick_has_the_block_that_it_asked_for_however_large) {
  const auto session = open();
  const DeferredBells in_a_tick;
  const auto make = [&session](std::uint32_t side) {
    return bool{Image::make(*session, side, side, Encoding::kRgb8)};
  };
  // Each of them is more than is kept of pools that nobody uses.
  EXPECT_FALSE(make(4000));
  EXPECT_FALSE(make(4500));
  EXPECT_TRUE(test::eventually([&] { return make(4000); }));
  EXPECT_TRUE(test::eventually([&] { return make(4500); }));
}

TEST_F(PayloadSizesTest, a_block_that_a_tick_cannot_have_is_told_once_and_is_nobodys_bad_file) {
  test::forget_told();
  const auto session = Session::open(base.path(), false, test::tell).value();
  constexpr std::array<std::uint64_t, 1> kShape{std::uint64_t{1} << 30};
  const DeferredBells in_a_tick;
  const auto told = [] { return test::told(); };
  ASSERT_TRUE(test::eventually([&] {
    EXPECT_EQ(Tensor::make(*session, kShape, Dtype::kU8).error().code, Errc::kBusy);
    return !told().empty();
  }));
  EXPECT_TRUE(told()[0].starts_with("no block of 1073741824 bytes for a tick: ")) << told()[0];
  EXPECT_NE(told()[0].find("1 GiB"), std::string::npos) << told()[0];
  EXPECT_EQ(session->rejected(), 0U);
  // Another size is granted by a later look of the same thread, which says nothing again.
  ASSERT_TRUE(test::eventually([&] {
    EXPECT_FALSE(Tensor::make(*session, kShape, Dtype::kU8));
    return bool{Image::make(*session, 48, 64, Encoding::kMono8)};
  }));
  EXPECT_EQ(told().size(), 1U);
}

TEST_F(PayloadSizesTest, what_is_declared_is_not_for_those_who_declare_nothing) {
  const auto session = open();
  constexpr std::size_t kSize = 100 * kPage;
  constexpr std::array<std::uint64_t, 1> kShape{kSize};
  const auto declared = session->publisher<Tensor>("t", {.capacity = 2, .size = kSize}).value();
  const auto reserved = bytes_of_pools(base.path());
  { const Tensor one = Tensor::make(*session, kShape, Dtype::kU8).value(); }
  EXPECT_EQ(bytes_of_pools(base.path()), reserved) << "nobody else is there";
  {
    const auto other = session->publisher<Tensor>("other").value();
    {
      // A tick has one of them, and those who come later one of their own.
      const DeferredBells in_a_tick;
      EXPECT_TRUE(Tensor::make(*session, kShape, Dtype::kU8));
      EXPECT_TRUE(test::eventually([&] { return bytes_of_pools(base.path()) > reserved; }));
    }
    const auto pools = files(base.path() + "/pools", ".pool");
    EXPECT_EQ(pools.size(), 2U);
    std::vector<Tensor> held;
    for (int n = 0; n < 40; ++n) held.push_back(Tensor::make(*session, kShape, Dtype::kU8).value());
    const DeferredBells in_a_tick;
    for (int n = 0; n < 6; ++n) {
      auto tensor = Tensor::make(*session, kShape, Dtype::kU8);
      ASSERT_TRUE(tensor) << n;
      held.push_back(std::move(tensor).value());
    }
  }
}

TEST_F(PayloadSizesTest, no_room_for_a_declared_size_is_an_error_when_the_topic_is_opened) {
  const auto session = open();
  const auto publisher =
      session->publisher<Tensor>("t", {.capacity = 1024, .size = std::size_t{1} << 30});
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code, Errc::kExhausted);
  EXPECT_EQ(bytes_of_pools(base.path()), 0U);
  EXPECT_TRUE(session->publisher<Tensor>("t", {.size = 100}));
}

TEST(PayloadWindow, keeps_so_many_and_lets_go_of_what_was_not_sent) {
  std::array<BlockUse, 6> blocks{};
  PayloadWindow window{2};
  const auto send = [&](std::size_t which, bool sent, std::size_t wanted = 9) {
    blocks[which].share();
    window.push(blocks[which]);
    window.settle(sent, wanted);
  };
  const auto kept = [&blocks] {
    std::string all;
    for (const BlockUse& block : blocks) all += block.references != 0 ? '1' : '0';
    return all;
  };
  send(0, true);
  send(1, true);
  EXPECT_EQ(kept(), "110000");
  send(2, false);
  EXPECT_EQ(kept(), "110000");
  send(3, true);
  EXPECT_EQ(kept(), "010100");
  window.trim(1);
  EXPECT_EQ(kept(), "000100");
  send(4, true);
  EXPECT_EQ(kept(), "000110");
  send(5, true);
  EXPECT_EQ(kept(), "000011");
  // As many as are wanted, the newest at least.
  send(0, true, 1);
  EXPECT_EQ(kept(), "100000");
  send(1, true, 0);
  EXPECT_EQ(kept(), "010000");
  send(2, true, 2);
  EXPECT_EQ(kept(), "011000");
  send(3, false, 1);
  EXPECT_EQ(kept(), "011000");
  send(3, true, 2);
  EXPECT_EQ(kept(), "001100");
  window.trim(0);
  EXPECT_EQ(kept(), "000000");
}

}  // namespace
}  // namespace horus::shm
