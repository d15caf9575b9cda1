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

#include <horus/payload.hpp>
#include <horus/result.hpp>

#include "shm/msg/depth_image_descriptor.hpp"
#include "shm/msg/image_descriptor.hpp"
#include "shm/msg/point_cloud_descriptor.hpp"
#include "shm/pool_set.hpp"
#include "shm/recycle.hpp"

namespace horus::shm {

struct PayloadState;

/// What distinguishes one kind of payload. Every descriptor begins with a tensor's; if it has a
/// time stamp, that comes next.
struct PayloadKind {
  const TypeInfo& type;           ///< The type of the descriptor, as topics of this kind carry it.
  std::uint32_t frame_id_at = 0;  ///< Offset in the descriptor; 0: neither time stamp nor frame id.
  /// Whether the further fields of a received descriptor fit its tensor.
  bool (*is_valid)(const PayloadState& state) noexcept = nullptr;
};
inline constexpr std::size_t kMaxDescriptor = sizeof(msg::PointCloudDescriptor);
inline constexpr std::uint32_t kMaxSide = 65535;  ///< Most pixels of a picture's side.
inline constexpr std::size_t kStampAt = sizeof(msg::TensorDescriptor);
inline constexpr std::size_t kFrameIdSize = 32;

/// One block and what keeps it alive: `own` and `use`, or `peer` (a hold), or `copied`.
struct PayloadState {
  explicit PayloadState(const PayloadKind& of_kind) noexcept : kind{of_kind} {}
  PayloadState(const PayloadState&) = delete;
  PayloadState& operator=(const PayloadState&) = delete;
  ~PayloadState() {
    if (use != nullptr) use->give_back();
    if (peer) peer->release(tensor().slot_id);
  }

  /// The descriptor, as the kind's type, or as the tensor with which it begins.
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
  BlockUse* use = nullptr;  ///< The use of the own block; given back by the destructor.
  /// How often it was sent. Once above 0, others read the block, and it is not written any more.
  std::atomic<std::uint32_t> sent{0};
  std::weak_ptr<PoolSet> pools;  ///< The pools that the own block is from.
  std::shared_ptr<PeerPool> peer;
  std::vector<std::byte> copied;
  std::span<std::byte> writable;
  std::span<const std::byte> bytes;  ///< The block up to the end of the data.
  alignas(8) std::array<std::byte, kMaxDescriptor> descriptor{};
};

/// Makes what all payloads share, so that the first one in a tick does not allocate it.
void prepare_payloads();

inline std::shared_ptr<PayloadState> make_state(const PayloadKind& kind) {
  return std::allocate_shared<PayloadState>(RecyclingAllocator<PayloadState, 256>{}, kind);
}

/// Fills in shape, strides (C order, no gaps), dtype and size. False if a tensor cannot be so: more
/// than 8 dimensions, or more bytes than a pool can have.
bool lay_out(msg::TensorDescriptor& tensor, Dtype dtype,
             std::span<const std::uint64_t> shape) noexcept;
/// Whether a received tensor is laid out as by lay_out(), from the start of its block.
bool is_packed(const msg::TensorDescriptor& tensor) noexcept;
/// Whether every element of a tensor, whatever its strides, lies within its offset and size.
bool is_bounded(const msg::TensorDescriptor& tensor) noexcept;
/// Whether a received descriptor is consistent.
inline bool is_valid(const PayloadState& state) noexcept {
  return is_packed(state.tensor()) && state.kind.is_valid(state);
}

/// Copies the further fields of a descriptor (time stamp, frame id, ...) between payloads of one
/// kind.
inline void copy_notes(const PayloadState& from, PayloadState& to) noexcept {
  std::copy(from.descriptor.begin() + kStampAt, from.descriptor.end(),
            to.descriptor.begin() + kStampAt);
}

/// A new block of one's own with this layout. kInvalidArgument for more than 8 dimensions,
/// kExhausted above 1 GiB; and the errors of PoolSet::take().
Result<std::shared_ptr<PayloadState>> make_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadKind& kind, Dtype dtype,
                                                   std::span<const std::uint64_t> shape);
/// The same content in a new block of one's own. `state` must be packed (see is_packed()).
Result<std::shared_ptr<PayloadState>> copy_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadState& state);
/// The same content in another block of one's own; null when none is free, when, outside of ticks,
/// there is no memory for another one, or when the session is gone.
std::shared_ptr<PayloadState> renewed(const PayloadState& state) noexcept;
/// Holds the block that the state's descriptor names. False when the block is gone, or never
/// existed.
bool hold(PayloadState& state, const std::shared_ptr<PeerPool>& pool) noexcept;
/// Copies the block; for when a hold would not count yet. False if the block was reused meanwhile.
/// Allocates: not in a tick.
bool copy_out(PayloadState& state, const PeerPool& pool);

}  // namespace horus::shm
