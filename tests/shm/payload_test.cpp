// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "shm/payload_state.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class PayloadTest : public test::ShmTest {
 protected:
  /// What `publisher` sends of `payload`, received.
  template <PooledPayload P>
  static P through(Session& session, const P& payload) {
    auto publisher = session.publisher<P>("t").value();
    auto subscriber = session.subscriber<P>("t").value();
    EXPECT_TRUE(publisher.send(payload));
    return subscriber.take();
  }
};

TEST_F(PayloadTest, a_cloud_is_filled_in_place_and_arrives_with_what_is_said_of_it) {
  const auto session = open();
  PointCloud cloud = PointCloud::make(*session, 100, 4).value();
  ASSERT_EQ(cloud.writable().size(), 100U * 4 * 4);
  std::ranges::fill(cloud.writable(), std::byte{5});
  cloud.set_timestamp_ns(9);
  cloud.set_dense(true);
  EXPECT_TRUE(cloud.set_frame_id("lidar"));
  const PointCloud received = through(*session, cloud);
  ASSERT_TRUE(received);
  EXPECT_EQ(received.points(), 100U);
  EXPECT_EQ(received.fields(), 4U);
  EXPECT_EQ(received.field_name(0), "x");
  EXPECT_EQ(received.field_name(3), "i");
  EXPECT_TRUE(received.has_field("i"));
  EXPECT_FALSE(received.has_field("r"));
  EXPECT_EQ(received.dtype(), Dtype::kF32);
  EXPECT_EQ(received.timestamp_ns(), 9U);
  EXPECT_EQ(received.frame_id(), "lidar");
  EXPECT_TRUE(received.is_dense());
  EXPECT_TRUE(received.read_only());
  EXPECT_TRUE(std::ranges::equal(received.bytes(), cloud.bytes()));
}

TEST_F(PayloadTest, the_fields_of_a_cloud_are_named_by_their_number) {
  const auto session = open();
  const auto names = [&](std::uint32_t fields) {
    const PointCloud cloud = PointCloud::make(*session, 1, fields).value();
    std::string all;
    for (std::uint32_t i = 0; i < fields; ++i) all.append(cloud.field_name(i)).append(" ");
    return all;
  };
  EXPECT_EQ(names(1), "x ");
  EXPECT_EQ(names(3), "x y z ");
  EXPECT_EQ(names(5), "x y z f3 f4 ");
  EXPECT_EQ(names(6), "x y z r g b ");
  EXPECT_EQ(names(7), "x y z r g b i ");
  EXPECT_EQ(names(8), "x y z f3 f4 f5 f6 f7 ");
  EXPECT_EQ(PointCloud::make(*session, 1, 0).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(PointCloud::make(*session, 1, 9).error().code, Errc::kInvalidArgument);
  PointCloud cloud = PointCloud::make(*session, 1, 1).value();
  EXPECT_FALSE(cloud.set_field_name(1, "y"));
  EXPECT_FALSE(cloud.set_field_name(0, "four"));
  EXPECT_EQ(cloud.field_name(1), "");
}

TEST_F(PayloadTest, a_cloud_may_have_no_points) {
  const auto session = open();
  const PointCloud received = through(*session, PointCloud::make(*session, 0).value());
  ASSERT_TRUE(received);
  EXPECT_EQ(received.points(), 0U);
  EXPECT_TRUE(received.bytes().empty());
  EXPECT_TRUE(received.read_only());
}

TEST_F(PayloadTest, a_depth_image_arrives_with_its_scale_and_range) {
  const auto session = open();
  DepthImage image = DepthImage::make(*session, 3, 4, Dtype::kU16).value();
  EXPECT_EQ(image.scale(), 1.0F);
  EXPECT_EQ(image.min_depth(), 200);
  EXPECT_EQ(image.max_depth(), 10'000);
  image.set_scale(0.5F);
  image.set_range(100, 20'000);
  const DepthImage received = through(*session, image);
  ASSERT_TRUE(received);
  EXPECT_EQ(received.height(), 3U);
  EXPECT_EQ(received.width(), 4U);
  EXPECT_EQ(received.scale(), 0.5F);
  EXPECT_EQ(received.min_depth(), 100);
  EXPECT_EQ(received.max_depth(), 20'000);
  EXPECT_EQ(DepthImage::make(*session, 3, 4, Dtype::kU8).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(DepthImage::make(*session, 0, 4).error().code, Errc::kInvalidArgument);
}

TEST_F(PayloadTest, a_tensor_of_any_dtype_arrives) {
  const auto session = open();
  for (std::size_t i = 0; i < kDtypes; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    EXPECT_EQ(parse_dtype(name_of(dtype)), dtype);
    const std::array<std::uint64_t, 3> shape{2, 3, 4};
    Tensor tensor = Tensor::make(*session, shape, dtype).value();
    std::ranges::fill(tensor.writable(), std::byte{1});
    const Tensor received = through(*session, tensor);
    ASSERT_TRUE(received);
    EXPECT_EQ(received.dtype(), dtype);
    EXPECT_TRUE(std::ranges::equal(received.shape(), shape));
    EXPECT_EQ(received.strides()[0], 12 * size_of(dtype));
    EXPECT_TRUE(std::ranges::equal(received.bytes(), tensor.bytes()));
  }
  EXPECT_FALSE(parse_dtype("float"));
}

TEST_F(PayloadTest, a_tensor_has_eight_dimensions_and_what_memory_there_is) {
  const auto session = open();
  EXPECT_TRUE(Tensor::make(*session, std::span<const std::uint64_t>{}));  // One element.
  EXPECT_TRUE(Tensor::make(*session, std::array<std::uint64_t, 8>{1, 1, 1, 1, 1, 1, 1, 2}));
  EXPECT_FALSE(Tensor::make(*session, std::array<std::uint64_t, 9>{1, 1, 1, 1, 1, 1, 1, 1, 1}));
  for (const auto& shape : {std::array{std::uint64_t{1} << 63, std::uint64_t{2}},
                            std::array{std::uint64_t{1} << 32, std::uint64_t{1} << 32},
                            std::array{std::uint64_t{1} << 29, std::uint64_t{1}}}) {
    EXPECT_EQ(Tensor::make(*session, shape).error().code, Errc::kExhausted);
  }
}

TEST_F(PayloadTest, a_topic_carries_one_kind) {
  const auto session = open();
  auto publisher = session->publisher<PointCloud>("t").value();
  EXPECT_EQ(session->subscriber<Tensor>("t").error().code, Errc::kTypeMismatch);
  EXPECT_FALSE(
      static_cast<PayloadPublisher&>(publisher).send(DepthImage::make(*session, 1, 1).value()));
  EXPECT_EQ(publisher.sent(), 0U);
}

TEST_F(PayloadTest, what_is_sent_on_keeps_everything_that_is_said_of_it) {
  const auto session = open();
  const auto relay = open();
  DepthImage image = DepthImage::make(*session, 2, 2).value();
  std::ranges::fill(image.writable(), std::byte{3});
  image.set_scale(2.0F);
  image.set_frame_id("depth");
  const DepthImage received = through(*session, image);
  const DepthImage again = through(*relay, received);
  EXPECT_EQ(again.scale(), 2.0F);
  EXPECT_EQ(again.frame_id(), "depth");
  EXPECT_TRUE(std::ranges::equal(again.bytes(), image.bytes()));
  EXPECT_NE(again.state()->tensor().pool_id, image.state()->tensor().pool_id);
}

TEST_F(PayloadTest, a_described_tensor_is_found_by_another_session_until_it_is_gone) {
  const auto session = open();
  const auto other = open();
  msg::TensorDescriptor descriptor;
  {
    Tensor tensor = Tensor::make(*session, std::array<std::uint64_t, 2>{4, 4}, Dtype::kU8).value();
    std::ranges::fill(tensor.writable(), std::byte{8});
    descriptor = tensor.state()->tensor();
    const auto found = Tensor::find(*other, descriptor);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found.value().read_only());
    EXPECT_EQ(found.value().bytes()[15], std::byte{8});
  }
  // The block freed last goes out first.
  ASSERT_TRUE(Tensor::make(*session, std::array<std::uint64_t, 2>{4, 4}, Dtype::kU8));
  EXPECT_EQ(Tensor::find(*other, descriptor).error().code, Errc::kNotFound);
  descriptor.pool_id ^= 1;
  EXPECT_EQ(Tensor::find(*other, descriptor).error().code, Errc::kNotFound);
}

TEST_F(PayloadTest, a_descriptor_that_lies_is_refused) {
  const auto session = open();
  const Tensor tensor = Tensor::make(*session, std::array<std::uint64_t, 2>{4, 4}).value();
  const msg::TensorDescriptor good = tensor.state()->tensor();
  ASSERT_TRUE(Tensor::find(*session, good));
  std::vector<msg::TensorDescriptor> lies(13, good);
  lies[0].dtype = kDtypes;
  lies[1].ndim = 9;
  lies[2].device_type = 2;
  lies[3].offset = 2;
  lies[4].size = 63;
  lies[5].shape[0] = 5;
  lies[6].strides[0] = 17;
  lies[7].strides[1] = std::uint64_t{0} - 4;
  lies[8].shape[1] = std::uint64_t{1} << 62;
  lies[9].offset = ~std::uint64_t{0} - 3;
  lies[10].slot_id = kPoolBlocks;
  lies[11].size = kPage + 4;
  lies[12].offset = kPage;
  for (const auto& lie : lies) EXPECT_FALSE(Tensor::find(*session, lie));
  for (std::size_t i = 0; i < 9; ++i) EXPECT_FALSE(is_packed(lies[i]));

  // An empty tensor of a block that is none.
  msg::TensorDescriptor empty = good;
  empty.shape[0] = empty.size = 0;
  EXPECT_TRUE(Tensor::find(*session, empty));
  empty.slot_id = ~0U;
  EXPECT_FALSE(Tensor::find(*session, empty));
}

TEST_F(PayloadTest, a_cloud_whose_fields_lie_is_missed) {
  const auto session = open();
  auto publisher = session->publisher<PointCloud>("t").value();
  auto subscriber = session->subscriber<PointCloud>("t").value();
  const PointCloud cloud = PointCloud::make(*session, 2).value();
  const auto good = cloud.state()->as<msg::PointCloudDescriptor>();
  auto forger = session->publisher<msg::PointCloudDescriptor>("t").value();
  std::vector<msg::PointCloudDescriptor> lies(5, good);
  lies[0].field_count = 4;
  lies[1].field_offsets[1] = 100;
  lies[2].field_dtypes[0] = 255;
  lies[3].tensor.ndim = 1;
  lies[4].tensor.shape[0] = 3;
  publisher.send(cloud);
  ASSERT_TRUE(test::eventually([&] { return bool{subscriber.take()}; }));
  for (const auto& lie : lies) {
    forger.send(lie);
    ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
    EXPECT_FALSE(subscriber.take());
  }
  EXPECT_EQ(subscriber.counts().missed, lies.size());
}

}  // namespace
}  // namespace horus::shm
