// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"

namespace horus::shm {
namespace {

const msg::ImageDescriptor& descriptor_of(const Image& image) noexcept {
  return image.state()->as<msg::ImageDescriptor>();
}

bool is_valid_image(const PayloadState& state) noexcept {
  const auto& image = state.as<msg::ImageDescriptor>();
  if (image.encoding > static_cast<std::uint8_t>(Encoding::kDepth16)) return false;
  const EncodingInfo& kind = info(static_cast<Encoding>(image.encoding));
  const auto& tensor = image.tensor;
  const bool channels =
      kind.channels == 1 ? tensor.ndim == 2 : tensor.ndim == 3 && tensor.shape[2] == kind.channels;
  return channels && tensor.dtype == static_cast<std::uint8_t>(kind.dtype) &&
         tensor.shape[0] != 0 && tensor.shape[0] <= kMaxSide && tensor.shape[1] != 0 &&
         tensor.shape[1] <= kMaxSide && image.step == tensor.strides[0];
}

}  // namespace

const PayloadKind& Image::kind() noexcept {
  static const PayloadKind kKind{.type = type_info(Tag<msg::ImageDescriptor>{}),
                                 .frame_id_at = offsetof(msg::ImageDescriptor, frame_id),
                                 .is_valid = is_valid_image};
  return kKind;
}
/// Initialised at start-up, as its first use may be in a tick.
[[maybe_unused]] static const PayloadKind& image_kind = Image::kind();

std::uint32_t Image::height() const noexcept {
  return static_cast<std::uint32_t>(descriptor_of(*this).tensor.shape[0]);
}
std::uint32_t Image::width() const noexcept {
  return static_cast<std::uint32_t>(descriptor_of(*this).tensor.shape[1]);
}
Encoding Image::encoding() const noexcept {
  return static_cast<Encoding>(descriptor_of(*this).encoding);
}
std::uint32_t Image::step() const noexcept {
  return descriptor_of(*this).step;
}

Result<Image> Image::make(Session& session, std::uint32_t height, std::uint32_t width,
                          Encoding encoding) {
  if (height == 0 || width == 0 || height > kMaxSide || width > kMaxSide) {
    return Error{Errc::kInvalidArgument, "an image's sides are 1 to 65,535 pixels", 0, {}};
  }
  const EncodingInfo& kind = info(encoding);
  const std::array<std::uint64_t, 3> shape{height, width, kind.channels};
  auto made = make_payload(session.pools(), Image::kind(), kind.dtype,
                           std::span{shape}.first(kind.channels == 1 ? 2 : 3));
  if (!made) return made.error();
  auto& image = made.value()->as<msg::ImageDescriptor>();
  image.step = static_cast<std::uint32_t>(image.tensor.strides[0]);
  image.encoding = static_cast<std::uint8_t>(encoding);
  return Image{std::move(made).value()};
}

}  // namespace horus::shm
