// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/dtype.hpp"
#include "shm/msg/depth_image_descriptor.hpp"
#include "shm/msg/image_descriptor.hpp"
#include "shm/msg/point_cloud_descriptor.hpp"
#include "shm/pool_set.hpp"
#include "shm/recycle.hpp"

namespace horus::shm {

struct PayloadState;

/// What sets one kind of payload apart. Every descriptor begins with a tensor's; those that have
/// a stamp have it right behind that.
struct PayloadKind {
  const TypeInfo& type;           ///< The descriptor, as topics of this kind carry it.
  std::uint32_t frame_id_at = 0;  ///< Offset in the descriptor; 0: neither stamp nor frame id.
  /// Whether what a received descriptor says beside its tensor fits the tensor.
  bool (*sound)(const PayloadState& state) noexcept = nullptr;
};
inline constexpr std::size_t kMaxDescriptor = sizeof(msg::PointCloudDescriptor);
inline constexpr std::uint32_t kMaxSide = 65535;  ///< Pixels of a picture.
inline constexpr std::size_t kStampAt = sizeof(msg::TensorDescriptor);
inline constexpr std::size_t kFrameIdSize = 32;

/// One block and what keeps it alive: it is one's own, a hold on a peer's, or a copy.
struct PayloadState {
  explicit PayloadState(const PayloadKind& of_kind) noexcept : kind{of_kind} {}
  PayloadState(const PayloadState&) = delete;
  PayloadState& operator=(const PayloadState&) = delete;
  ~PayloadState() {
    if (use != nullptr) use->give_back();
    if (peer) peer->release(tensor().slot_id);
  }

  /// The descriptor, of the kind's type or as the tensor that it begins with.
  template <typename Descriptor>
  Descriptor& as() noexcept {
    return *std::launder(reinterpret_cast<Descriptor*>(descriptor.data()));
  }
  template <typename Descriptor>
  const Descriptor& as() const noexcept {
    return *std::launder(reinterpret_cast<const Descriptor*>(descriptor.data()));
  }
  msg::TensorDescriptor& tensor() noexcept { return as<msg::TensorDescriptor>(); }
  const msg::TensorDescriptor& tensor() const noexcept { return as<msg::TensorDescriptor>(); }

  const PayloadKind& kind;
  std::shared_ptr<OwnPool> own;
  BlockUse* use = nullptr;  ///< Of the block of one's own.
  /// How often it was sent: others read the block, which is not written to any more.
  std::atomic<std::uint32_t> sent{0};
  std::weak_ptr<PoolSet> pools;  ///< That the block is of.
  std::shared_ptr<PeerPool> peer;
  std::vector<std::byte> copied;
  std::span<std::byte> writable;
  std::span<const std::byte> bytes;  ///< The block up to the end of the data.
  alignas(8) std::array<std::byte, kMaxDescriptor> descriptor{};
};

/// Whether messages of this type describe payloads.
bool describes_payload(const TypeInfo& type) noexcept;
/// Makes what all payloads share: the first one of a tick then allocates nothing.
void prepare_payloads();

inline std::shared_ptr<PayloadState> make_state(const PayloadKind& kind) {
  return std::allocate_shared<PayloadState>(RecyclingAllocator<PayloadState, 256>{}, kind);
}

/// Fills in shape, strides (C order, no gaps), dtype and size. False when that is no tensor: more
/// than 8 dimensions, or more bytes than a pool can have.
bool lay_out(msg::TensorDescriptor& tensor, Dtype dtype,
             std::span<const std::uint64_t> shape) noexcept;
/// Whether a received tensor is laid out so, from the start of its block.
bool is_packed(const msg::TensorDescriptor& tensor) noexcept;
/// Whether every element of a tensor, whatever its strides, lies within its offset and size.
bool is_bounded(const msg::TensorDescriptor& tensor) noexcept;
/// Whether a received descriptor may be believed.
inline bool sound(const PayloadState& state) noexcept {
  return is_packed(state.tensor()) && state.kind.sound(state);
}

/// Copies what a descriptor says beside its tensor, between payloads of one kind.
inline void copy_notes(const PayloadState& from, PayloadState& to) noexcept {
  std::copy(from.descriptor.begin() + kStampAt, from.descriptor.end(),
            to.descriptor.begin() + kStampAt);
}

/// A block of one's own in this layout. kInvalidArgument, kExhausted.
Result<std::shared_ptr<PayloadState>> make_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadKind& kind, Dtype dtype,
                                                   std::span<const std::uint64_t> shape);
/// The same content in a block of one's own. `state` is packed.
Result<std::shared_ptr<PayloadState>> copy_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadState& state);
/// The same content in another block of one's own; null when none is free, or, outside of ticks, no
/// memory for another one.
std::shared_ptr<PayloadState> renewed(const PayloadState& state) noexcept;
/// Holds the block that the state's descriptor names. False when the block is gone, or was never
/// there.
bool hold(PayloadState& state, const std::shared_ptr<PeerPool>& pool) noexcept;
/// Copies it where a hold would not count yet. Allocates: not in a tick.
bool copy_out(PayloadState& state, const PeerPool& pool);

}  // namespace horus::shm
