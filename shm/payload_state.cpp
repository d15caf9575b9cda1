// SPDX-License-Identifier: Apache-2.0
#include "shm/payload_state.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace horus::shm {

void prepare_payloads() {
  static const PayloadKind kNone{.type = type_info(Tag<msg::TensorDescriptor>{})};
  make_state(kNone);
}

bool lay_out(msg::TensorDescriptor& tensor, Dtype dtype,
             std::span<const std::uint64_t> shape) noexcept {
  if (shape.size() > kMaxDimensions) return false;
  std::uint64_t size = size_of(dtype);
  for (std::size_t i = shape.size(); i-- > 0;) {
    tensor.strides[i] = size;
    if (shape[i] > Region::kMaxSize) return false;
    size *= shape[i];  // Cannot overflow: both are at most 2^30.
    if (size > Region::kMaxSize) return false;
  }
  std::ranges::copy(shape, tensor.shape);
  tensor.dtype = static_cast<std::uint8_t>(dtype);
  tensor.ndim = static_cast<std::uint8_t>(shape.size());
  tensor.size = size;
  return true;
}

namespace {

bool is_tensor(const msg::TensorDescriptor& tensor) noexcept {
  return tensor.dtype < kDtypes && tensor.ndim <= kMaxDimensions && tensor.device_type == 0;
}

}  // namespace

bool is_packed(const msg::TensorDescriptor& tensor) noexcept {
  if (!is_tensor(tensor) || tensor.offset != 0) return false;
  msg::TensorDescriptor packed;
  if (!lay_out(packed, static_cast<Dtype>(tensor.dtype), {tensor.shape, tensor.ndim})) return false;
  return tensor.size == packed.size &&
         std::equal(tensor.strides, tensor.strides + tensor.ndim, packed.strides);
}

bool is_bounded(const msg::TensorDescriptor& tensor) noexcept {
  constexpr std::uint64_t kMax = Region::kMaxSize;
  if (!is_tensor(tensor) || tensor.offset > kMax || tensor.size > kMax) return false;
  const std::uint64_t element = size_of(static_cast<Dtype>(tensor.dtype));
  if (tensor.offset % element != 0) return false;
  std::uint64_t extent = element;
  bool empty = false;
  for (std::size_t i = 0; i < tensor.ndim; ++i) {
    if (tensor.shape[i] > kMax || tensor.strides[i] > kMax) return false;
    if (tensor.strides[i] % element != 0) return false;
    empty |= tensor.shape[i] == 0;
    if (tensor.shape[i] > 1) extent += (tensor.shape[i] - 1) * tensor.strides[i];
  }
  return empty || extent <= tensor.size;
}

namespace {

void move_into(PayloadState& state, std::shared_ptr<OwnPool> pool, BlockRef block) noexcept {
  auto& tensor = state.tensor();
  tensor.pool_id = pool->id();
  tensor.slot_id = block.index;
  tensor.generation = static_cast<std::uint32_t>(block.generation);
  tensor.generation_hi = static_cast<std::uint32_t>(block.generation >> 32);
  state.writable = pool->block(block.index).first(tensor.size);
  state.bytes = state.writable;
  state.use = &pool->use(block.index);
  state.own = std::move(pool);
}

}  // namespace

Result<std::shared_ptr<PayloadState>> make_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadKind& kind, Dtype dtype,
                                                   std::span<const std::uint64_t> shape) {
  auto state = make_state(kind);
  auto& tensor = state->tensor();
  if (shape.size() > kMaxDimensions) {
    return Error{Errc::kInvalidArgument, "a tensor has at most 8 dimensions", 0, {}};
  }
  if (!lay_out(tensor, dtype, shape)) {
    return Error{Errc::kExhausted, "a block of shared memory holds at most 1 GiB", 0, {}};
  }
  auto taken = pools->take(std::max<std::size_t>(tensor.size, 1));
  if (!taken) return taken.error();
  move_into(*state, std::move(taken.value().pool), taken.value().block);
  state->pools = pools;
  return state;
}

std::shared_ptr<PayloadState> renewed(const PayloadState& state) noexcept {
  const auto pools = state.pools.lock();
  // A payload may outlive its session.
  if (pools == nullptr) return nullptr;
  auto taken = pools->take(std::max<std::size_t>(state.tensor().size, 1));
  if (!taken) return nullptr;
  auto fresh = make_state(state.kind);
  fresh->descriptor = state.descriptor;
  fresh->pools = pools;
  move_into(*fresh, std::move(taken.value().pool), taken.value().block);
  std::ranges::copy(state.bytes, fresh->writable.begin());
  return fresh;
}

Result<std::shared_ptr<PayloadState>> copy_payload(const std::shared_ptr<PoolSet>& pools,
                                                   const PayloadState& state) {
  const auto& tensor = state.tensor();
  auto made = make_payload(pools, state.kind, static_cast<Dtype>(tensor.dtype),
                           {tensor.shape, tensor.ndim});
  if (!made) return made.error();
  std::ranges::copy(state.bytes, made.value()->writable.begin());
  copy_notes(state, *made.value());
  return made;
}

namespace {

std::uint64_t generation_of(const msg::TensorDescriptor& tensor) noexcept {
  return (std::uint64_t{tensor.generation_hi} << 32) | tensor.generation;
}

/// The block of a pool up to the end of the data; empty if there is no such block.
std::span<const std::byte> block_of(const PayloadState& state, const PeerPool& pool) noexcept {
  const auto& tensor = state.tensor();
  const std::uint64_t size = tensor.offset + tensor.size;
  return pool.payload(tensor.slot_id, std::max<std::uint64_t>(size, 1));
}

}  // namespace

bool hold(PayloadState& state, const std::shared_ptr<PeerPool>& pool) noexcept {
  const auto& tensor = state.tensor();
  const auto block = block_of(state, *pool);
  if (block.empty() || !pool->hold(tensor.slot_id, generation_of(tensor))) return false;
  state.bytes = block.first(tensor.offset + tensor.size);
  state.peer = pool;
  return true;
}

namespace {

/// Copies a block that its owner may be writing.
void copy_block(std::span<const std::byte> from, std::byte* to) noexcept {
  // Mapped read-only: only loaded from. A block begins at a multiple of its words' alignment.
  auto* const bytes = const_cast<std::byte*>(from.data());
  auto* const words = reinterpret_cast<std::uint64_t*>(bytes);
  std::size_t done = 0;
  // acquire: the check of the generation afterwards is not made before any of these loads.
  for (; done + sizeof(std::uint64_t) <= from.size(); done += sizeof(std::uint64_t)) {
    const std::uint64_t word =
        std::atomic_ref{words[done / sizeof(std::uint64_t)]}.load(std::memory_order_acquire);
    std::memcpy(to + done, &word, sizeof word);
  }
  for (; done < from.size(); ++done) {
    to[done] = std::atomic_ref{bytes[done]}.load(std::memory_order_acquire);
  }
}

}  // namespace

bool copy_out(PayloadState& state, const PeerPool& pool) {
  const auto& tensor = state.tensor();
  const auto block = block_of(state, pool);
  if (block.empty()) return false;
  state.copied.resize(tensor.offset + tensor.size);
  copy_block(block.first(state.copied.size()), state.copied.data());
  // The copy is whole if the block was not reused meanwhile.
  if (!pool.is_current(tensor.slot_id, generation_of(tensor))) return false;
  state.bytes = state.copied;
  return true;
}

}  // namespace horus::shm
