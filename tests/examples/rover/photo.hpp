// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace rover {

/// A decoded picture: rows of red, green, blue bytes without gaps.
struct Photo {
  static constexpr std::size_t kChannels = 3;

  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::byte> pixels;

  std::byte* row(std::size_t y) noexcept { return pixels.data() + y * width * kChannels; }
  const std::byte* row(std::size_t y) const noexcept {
    return pixels.data() + y * width * kChannels;
  }
};

/// The bytes of raccoon.jpg, which the linker put into this plug-in.
std::span<const unsigned char> embedded_jpeg() noexcept;

/// Throws std::runtime_error with the decoder's text when `jpeg` is none.
Photo decode_jpeg(std::span<const unsigned char> jpeg);

}  // namespace rover
