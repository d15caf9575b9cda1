// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace horus {

/// A short text stored in place. It allocates nothing, is zero-terminated and trivially copyable,
/// and may lie in shared memory. `Capacity` counts the terminating zero. RT-safe.
template <std::size_t Capacity>
class Name {
 public:
  static constexpr std::size_t kMaxLength = Capacity - 1;

  constexpr Name() = default;

  /// As much of `text` as fits, cut between two UTF-8 characters. If a cut would be a fault, check
  /// with fits() first.
  static constexpr Name clipped(std::string_view text) noexcept {
    std::size_t size = std::min(text.size(), kMaxLength);
    if (size < text.size()) {
      while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    }
    Name name;
    std::copy_n(text.begin(), size, name.text_.begin());
    return name;
  }
  static constexpr bool fits(std::string_view text) noexcept { return text.size() <= kMaxLength; }

  /// The text. Reads at most Capacity bytes, because in memory that others write the terminating
  /// zero may be missing.
  constexpr std::string_view view() const noexcept {
    return {text_.data(),
            static_cast<std::size_t>(std::find(text_.begin(), text_.end(), '\0') - text_.begin())};
  }
  constexpr bool empty() const noexcept { return text_[0] == '\0'; }

  friend constexpr bool operator==(const Name& a, const Name& b) noexcept {
    return a.view() == b.view();
  }
  friend constexpr bool operator==(const Name& a, std::string_view b) noexcept {
    return a.view() == b;
  }

 private:
  std::array<char, Capacity> text_{};
};

/// The name of a node or a host: at most 63 bytes.
using NodeName = Name<64>;

}  // namespace horus
