// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <horus/message.hpp>

namespace horus::shm {
namespace {

constexpr std::size_t kTailAlign = 8;

std::uint32_t count_in(const TypeInfo& type, std::string_view name,
                       std::span<const std::byte> head) noexcept {
  const FieldInfo* const field = find_field(type, name);
  if (field == nullptr || field->size > sizeof(std::uint32_t)) return 0;
  std::uint32_t count = 0;
  std::memcpy(&count, head.data() + field->offset, field->size);  // Little-endian.
  return count;
}

}  // namespace

std::uint64_t tail_count(const TypeInfo& type, const TailInfo& tail,
                         std::span<const std::byte> head) noexcept {
  std::uint64_t count = count_in(type, tail.counted_by[0], head);
  if (!tail.counted_by[1].empty()) count *= count_in(type, tail.counted_by[1], head);
  return count;
}

std::optional<TailLayout> TailLayout::of(const TypeInfo& type,
                                         std::span<const std::byte> head) noexcept {
  if (head.size() < type.size || type.tails.size() > kMaxTails) return std::nullopt;
  TailLayout layout;
  layout.size_ = type.size;
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const TailInfo& tail = type.tails[i];
    const std::uint64_t count = tail_count(type, tail, head);
    if (count > kMaxMessage) return std::nullopt;
    layout.offsets_[i] = (layout.size_ + kTailAlign - 1) / kTailAlign * kTailAlign;
    layout.counts_[i] = count;
    layout.size_ = layout.offsets_[i] + count * tail.size;
    if (layout.size_ > kMaxMessage) return std::nullopt;
  }
  return layout;
}

std::optional<TailLayout> TailLayout::of_message(const TypeInfo& type,
                                                 std::span<const std::byte> message) noexcept {
  const auto layout = of(type, message);
  return layout && layout->size() == message.size() ? layout : std::nullopt;
}

std::size_t find_tail(const TypeInfo& type, std::string_view name, Kind kind) noexcept {
  const auto found = std::ranges::find(type.tails, name, &TailInfo::name);
  if (found == type.tails.end() || found->kind != kind) return kMaxTails;
  return static_cast<std::size_t>(found - type.tails.begin());
}

}  // namespace horus::shm
