// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/dtype.hpp"
#include "shm/interop/descriptors.hpp"
#include "shm/payload.hpp"

/// Images, depth images and point clouds as viewers draw them (foxglove.RawImage, PointCloud), and
/// tensors as horus.Tensor. What is further known of each has numbers from 1001 on.
namespace horus::interop {

/// "foxglove.RawImage"
std::string_view payload_schema(const shm::PayloadKind& kind) noexcept;
std::vector<ProtoFile> payload_files(const shm::PayloadKind& kind);
void encode_payload(const shm::Payload& payload, std::string& out);

/// A payload that was read from a recording.
struct RecordedPayload {
  shm::Dtype dtype = shm::Dtype::kU8;
  std::vector<std::uint64_t> shape{};
  std::uint64_t timestamp_ns = 0;
  std::string frame_id{};
  std::string encoding{};                  ///< Images: "rgb8".
  std::vector<std::string> field_names{};  ///< Point clouds.
  bool is_dense = false;                   ///< Point clouds.
  float scale = 1;                         ///< Depth images, as for the next two.
  std::uint32_t min_depth = 0;             ///< mm
  std::uint32_t max_depth = 0;             ///< mm
  std::vector<std::byte> data{};           ///< C order, without gaps.
};
/// kCorrupt where the data are not as long as the shape says.
Result<RecordedPayload> decode_payload(std::string_view bytes);

}  // namespace horus::interop
