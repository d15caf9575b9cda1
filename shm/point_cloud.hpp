// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "shm/payload.hpp"

namespace horus::shm {

inline constexpr std::uint32_t kMaxPointFields = 8;

/// Points of a laser scanner or a depth camera, each a row of fields of one type. make() gives the
/// fields x, y, z, then i (intensity) for 4 fields, r, g, b for 6, r, g, b, i for 7; others are
/// named f3, f4, ... by their place.
class PointCloud : public StampedPayload {
 public:
  using StampedPayload::StampedPayload;
  using Publisher = PooledPublisher<PointCloud>;
  using Subscriber = PooledSubscriber<PointCloud>;
  static Result<PointCloud> make(Session& session, std::uint32_t points, std::uint32_t fields = 3,
                                 Dtype dtype = Dtype::kF32);
  static const PayloadKind& kind() noexcept;

  std::uint32_t points() const noexcept;
  std::uint32_t fields() const noexcept;  ///< Values of a point, 1 to 8.
  std::string_view field_name(std::uint32_t field) const noexcept;
  /// False when longer than 3 bytes, or there is no such field.
  bool set_field_name(std::uint32_t field, std::string_view name) noexcept;
  bool has_field(std::string_view name) const noexcept;
  bool is_dense() const noexcept;  ///< Every point is valid: none is NaN.
  void set_dense(bool dense) noexcept;
};

}  // namespace horus::shm
