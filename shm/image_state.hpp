// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "shm/image.hpp"
#include "shm/msg/image_descriptor.hpp"
#include "shm/pool.hpp"
#include "shm/recycle.hpp"

namespace horus::shm {

/// One frame and what keeps it alive: a block of one's own, a hold on a peer's, or a copy.
struct ImageState {
  ImageState() = default;
  ImageState(const ImageState&) = delete;
  ImageState& operator=(const ImageState&) = delete;
  ~ImageState() {
    if (own) own->give_back(descriptor.tensor.slot_id);
    if (peer) peer->release(descriptor.tensor.slot_id);
  }

  std::shared_ptr<OwnPool> own;
  std::shared_ptr<PeerPool> peer;
  std::vector<std::byte> copied;
  std::span<std::byte> writable;
  std::span<const std::byte> bytes;
  msg::ImageDescriptor descriptor;
};

inline std::shared_ptr<ImageState> make_image_state() {
  return std::allocate_shared<ImageState>(RecyclingAllocator<ImageState, 256>{});
}

/// Whether the numbers of a descriptor agree with each other.
bool sound(const msg::ImageDescriptor& descriptor) noexcept;

}  // namespace horus::shm
