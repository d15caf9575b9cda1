// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/payloads.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>
#include <horus/topic.hpp>

#include "tests/support/shm_fixture.hpp"

namespace horus::interop {
namespace {

class RecordedPayloadTest : public test::ShmTest {
 protected:
  static void fill(shm::Payload& payload) {
    std::uint8_t next = 1;
    for (std::byte& byte : payload.writable()) byte = std::byte{next++};
  }
  static RecordedPayload back(const shm::Payload& payload) {
    std::string bytes;
    encode_payload(payload, bytes);
    RecordedPayload recorded = decode_payload(bytes).value();
    EXPECT_TRUE(std::ranges::equal(recorded.data, payload.bytes()));
    EXPECT_TRUE(std::ranges::equal(recorded.shape, payload.shape()));
    EXPECT_EQ(recorded.dtype, payload.dtype());
    return recorded;
  }

  std::unique_ptr<shm::Session> session_ = open();
};

TEST_F(RecordedPayloadTest, an_image_of_any_encoding) {
  for (int i = 0; i <= static_cast<int>(shm::Encoding::kDepth16); ++i) {
    const auto encoding = static_cast<shm::Encoding>(i);
    auto image = shm::Image::make(*session_, 4, 6, encoding).value();
    fill(image);
    image.set_timestamp_ns(3'000'000'005);
    ASSERT_TRUE(image.set_frame_id("camera_link"));
    const RecordedPayload recorded = back(image);
    EXPECT_EQ(recorded.encoding, shm::info(encoding).name);
    EXPECT_EQ(recorded.timestamp_ns, 3'000'000'005U);
    EXPECT_EQ(recorded.frame_id, "camera_link");
  }
  EXPECT_EQ(payload_schema(shm::Image::kind()), "foxglove.RawImage");
}

TEST_F(RecordedPayloadTest, a_cloud_with_its_fields) {
  auto cloud = shm::PointCloud::make(*session_, 5, 4).value();
  fill(cloud);
  cloud.set_dense(true);
  ASSERT_TRUE(cloud.set_frame_id("lidar"));
  const RecordedPayload recorded = back(cloud);
  EXPECT_EQ(recorded.field_names, (std::vector<std::string>{"x", "y", "z", "i"}));
  EXPECT_TRUE(recorded.is_dense);
  EXPECT_EQ(recorded.frame_id, "lidar");
}

TEST_F(RecordedPayloadTest, a_depth_image_of_both_kinds) {
  for (const shm::Dtype dtype : {shm::Dtype::kF32, shm::Dtype::kU16}) {
    auto depth = shm::DepthImage::make(*session_, 3, 7, dtype).value();
    fill(depth);
    depth.set_scale(0.5F);
    depth.set_range(100, 9000);
    const RecordedPayload recorded = back(depth);
    EXPECT_EQ(recorded.scale, 0.5F);
    EXPECT_EQ(recorded.min_depth, 100U);
    EXPECT_EQ(recorded.max_depth, 9000U);
  }
}

TEST_F(RecordedPayloadTest, a_tensor_of_any_shape) {
  const std::array<std::uint64_t, 3> shape{2, 3, 4};
  auto tensor = shm::Tensor::make(*session_, shape, shm::Dtype::kBf16).value();
  fill(tensor);
  back(tensor);
}

TEST_F(RecordedPayloadTest, bytes_from_anywhere_are_refused_or_agree_with_themselves) {
  auto cloud = shm::PointCloud::make(*session_, 5, 4).value();
  fill(cloud);
  std::string whole;
  encode_payload(cloud, whole);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned change : {1U, 0x80U, 0xFFU}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ change);
      const auto decoded = decode_payload(bytes);
      if (!decoded) continue;
      std::uint64_t size = shm::size_of(decoded.value().dtype);
      for (const std::uint64_t extent : decoded.value().shape) size *= extent;
      EXPECT_EQ(size, decoded.value().data.size());
    }
    if (const auto cut = decode_payload(std::string_view{whole}.substr(0, at))) {
      EXPECT_EQ(cut.value().data.size(), cloud.bytes().size()) << "cut off behind the data";
    }
  }
}

}  // namespace
}  // namespace horus::interop
