// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <horus/payload.hpp>
#include <horus/result.hpp>
#include <horus/topic.hpp>

/// Point clouds of laser scanners and depth cameras, without a copy between processes.
///
///   auto cloud = horus::or_throw(horus::shm::PointCloud::make(topics, 2048));  // x, y, z
///   std::memcpy(cloud.writable().data(), points.data(), cloud.writable().size());
///   clouds.send(std::move(cloud));

namespace horus::shm {

inline constexpr std::uint32_t kMaxPointFields = 8;

/// Points of a laser scanner or a depth camera. Each is a row of fields of one type. make() names
/// the fields x, y, z, then i (intensity) if there are 4, r, g, b if there are 6, and r, g, b, i if
/// there are 7; further ones f3, f4, ... by their place.
class PointCloud : public StampedPayload {
 public:
  using StampedPayload::StampedPayload;
  using Publisher = PooledPublisher<PointCloud>;
  using Subscriber = PooledSubscriber<PointCloud>;
  /// A new cloud of `points` rows from this process's pools; the errors are those of Payload's
  /// make(). The names are as above; the content is not initialised.
  static Result<PointCloud> make(Session& session, std::uint32_t points, std::uint32_t fields = 3,
                                 Dtype dtype = Dtype::kF32);
  static const PayloadKind& kind() noexcept;

  std::uint32_t points() const noexcept;
  std::uint32_t fields() const noexcept;  ///< Values in each point, 1 to 8.
  std::string_view field_name(std::uint32_t field) const noexcept;
  /// False when `name` is longer than 3 bytes, or there is no such field.
  bool set_field_name(std::uint32_t field, std::string_view name) noexcept;
  bool has_field(std::string_view name) const noexcept;
  bool is_dense() const noexcept;  ///< Whether every point is valid: none is NaN.
  void set_dense(bool dense) noexcept;
};

}  // namespace horus::shm
