// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "shm/payload.hpp"

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

}  // namespace horus::shm
