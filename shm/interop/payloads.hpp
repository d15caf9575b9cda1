// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <horus/payload.hpp>
#include <horus/result.hpp>

#include "shm/interop/descriptors.hpp"

/// Images, depth images and point clouds in the formats that viewers draw (foxglove.RawImage,
/// PointCloud), and tensors as horus.Tensor. Fields that those formats do not have get numbers from
/// 1001 on.
namespace horus::interop {

/// The schema's name of a kind: "foxglove.RawImage".
std::string_view payload_schema(const shm::PayloadKind& kind) noexcept;
std::vector<ProtoFile> payload_files(const shm::PayloadKind& kind);
void encode_payload(const shm::Payload& payload, std::string& out);

/// A payload that was read from a recording.
struct RecordedPayload {
  shm::Dtype dtype = shm::Dtype::kU8;
  std::vector<std::uint64_t> shape{};
  std::uint64_t timestamp_ns = 0;
  std::string frame_id{};
  std::string encoding{};                  ///< Images only: "rgb8".
  std::vector<std::string> field_names{};  ///< Point clouds only.
  bool is_dense = false;                   ///< Point clouds only.
  float scale = 1;                         ///< Depth images only.
  std::uint32_t min_depth = 0;             ///< Depth images only; mm.
  std::uint32_t max_depth = 0;             ///< Depth images only; mm.
  std::vector<std::byte> data{};           ///< Elements in C order, without gaps.
};
/// kCorrupt if the data are not as long as the shape says.
Result<RecordedPayload> decode_payload(std::string_view bytes);

}  // namespace horus::interop
