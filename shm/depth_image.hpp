// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "shm/payload.hpp"

namespace horus::shm {

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
