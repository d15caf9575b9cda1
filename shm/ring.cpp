// SPDX-License-Identifier: Apache-2.0
#include "shm/ring.hpp"

#include <bit>

#include <horus/message.hpp>

namespace horus::shm {

std::optional<RingView> view_of(const Region& region, std::uint64_t hash, bool varies) noexcept {
  auto& header = *region.as<RingHeader>();
  const std::uint32_t capacity = read_once(header.capacity);
  const std::uint32_t slot_size = read_once(header.slot_size);
  const std::uint32_t max_size = read_once(header.max_size);
  const std::uint32_t area_size = read_once(header.area_size);
  const bool in_slots =
      area_size == 0 && slot_size % kLine == 0 && slot_size >= sizeof(SlotHeader) + max_size;
  const bool in_area =
      area_size % 8 == 0 && area_size >= padded(max_size) && slot_size == sizeof(IndexEntry);
  const std::uint64_t slots = std::uint64_t{capacity} * slot_size;
  const bool sound = is_a(header.file, Magic::kRing) && header.file.hash == hash &&
                     std::has_single_bit(capacity) && max_size <= kMaxMessage &&
                     (varies ? in_area : in_slots) &&
                     sizeof(RingHeader) + slots + area_size <= region.bytes().size();
  if (!sound) return std::nullopt;
  std::byte* const first = region.bytes().data() + sizeof(RingHeader);
  return RingView{.header = &header,
                  .slots = first,
                  .area = first + slots,
                  .mask = capacity - 1,
                  .stride = slot_size,
                  .max_size = max_size,
                  .area_size = area_size};
}

}  // namespace horus::shm
