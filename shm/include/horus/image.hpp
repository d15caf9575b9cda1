// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <horus/payload.hpp>
#include <horus/result.hpp>
#include <horus/topic.hpp>

/// Pictures of cameras, without a copy between processes.
///
///   auto frames = horus::or_throw(topics.publisher<horus::shm::Image>("camera"));
///   auto image = horus::or_throw(
///       horus::shm::Image::make(topics, 480, 640, horus::shm::Encoding::kRgb8));
///   driver.read_into(image.writable());
///   frames.send(std::move(image));

namespace horus::shm {

/// Pixel formats. Their numbers are sent in descriptors, so they never change.
enum class Encoding : std::uint8_t {
  kMono8,
  kMono16,
  kRgb8,
  kBgr8,
  kRgba8,
  kBgra8,
  kYuv422,
  kMono32f,
  kRgb32f,
  kBayerRggb8,
  kDepth16
};
struct EncodingInfo {
  std::string_view name;  ///< "rgb8"
  std::uint8_t channels;
  Dtype dtype;
};
const EncodingInfo& info(Encoding encoding) noexcept;
std::optional<Encoding> parse_encoding(std::string_view name) noexcept;

/// One picture of a camera: height() rows of width() pixels, without gaps.
class Image : public StampedPayload {
 public:
  using StampedPayload::StampedPayload;
  using Publisher = PooledPublisher<Image>;
  using Subscriber = PooledSubscriber<Image>;
  /// A new image from this process's pools; the errors are those of Payload's make(). Each side has
  /// 1 to 65,535 pixels.
  static Result<Image> make(Session& session, std::uint32_t height, std::uint32_t width,
                            Encoding encoding);
  static const PayloadKind& kind() noexcept;

  std::uint32_t height() const noexcept;
  std::uint32_t width() const noexcept;
  Encoding encoding() const noexcept;
  std::uint32_t step() const noexcept;  ///< Bytes from one row to the next.
};

using ImagePublisher = PooledPublisher<Image>;
using ImageSubscriber = PooledSubscriber<Image>;

/// Distances along the optical axis of a depth camera, one value for each pixel: float32 in metres
/// or uint16 in millimetres, each times scale(). 0, NaN and infinity mean that nothing was
/// measured.
class DepthImage : public StampedPayload {
 public:
  using StampedPayload::StampedPayload;
  using Publisher = PooledPublisher<DepthImage>;
  using Subscriber = PooledSubscriber<DepthImage>;
  /// `dtype`: float32 or uint16. Each side has 1 to 65,535 pixels. The errors are those of
  /// Payload's make().
  static Result<DepthImage> make(Session& session, std::uint32_t height, std::uint32_t width,
                                 Dtype dtype = Dtype::kF32);
  static const PayloadKind& kind() noexcept;

  std::uint32_t height() const noexcept;
  std::uint32_t width() const noexcept;
  float scale() const noexcept;  ///< Default 1.
  void set_scale(float scale) noexcept;
  std::uint16_t min_depth() const noexcept;  ///< Nearest distance of the camera; mm, default 200.
  std::uint16_t max_depth() const noexcept;  ///< Farthest distance; mm, default 10,000.
  void set_range(std::uint16_t min_mm, std::uint16_t max_mm) noexcept;
};

}  // namespace horus::shm
