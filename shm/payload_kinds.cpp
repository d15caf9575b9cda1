// SPDX-License-Identifier: Apache-2.0
#include "shm/payload_kinds.hpp"

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "shm/payload_state.hpp"

namespace horus::shm {

const PayloadKind* find_payload_kind(std::string_view type) noexcept {
  for (const PayloadKind* kind :
       {&Image::kind(), &PointCloud::kind(), &DepthImage::kind(), &Tensor::kind()}) {
    if (kind->type.name == type) return kind;
  }
  return nullptr;
}

}  // namespace horus::shm
