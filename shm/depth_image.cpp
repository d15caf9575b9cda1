// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"

namespace horus::shm {
namespace {

msg::DepthImageDescriptor& descriptor_of(const DepthImage& image) noexcept {
  return image.state()->as<msg::DepthImageDescriptor>();
}

bool is_depth(std::uint8_t dtype) noexcept {
  return dtype == static_cast<std::uint8_t>(Dtype::kF32) ||
         dtype == static_cast<std::uint8_t>(Dtype::kU16);
}

bool is_valid_depth(const PayloadState& state) noexcept {
  const auto& tensor = state.tensor();
  return tensor.ndim == 2 && is_depth(tensor.dtype) && tensor.shape[0] != 0 &&
         tensor.shape[0] <= kMaxSide && tensor.shape[1] != 0 && tensor.shape[1] <= kMaxSide;
}

}  // namespace

const PayloadKind& DepthImage::kind() noexcept {
  static const PayloadKind kKind{.type = type_info(Tag<msg::DepthImageDescriptor>{}),
                                 .frame_id_at = offsetof(msg::DepthImageDescriptor, frame_id),
                                 .is_valid = is_valid_depth};
  return kKind;
}
/// Initialised at start-up, as its first use may be in a tick.
[[maybe_unused]] static const PayloadKind& depth_image_kind = DepthImage::kind();

std::uint32_t DepthImage::height() const noexcept {
  return static_cast<std::uint32_t>(descriptor_of(*this).tensor.shape[0]);
}
std::uint32_t DepthImage::width() const noexcept {
  return static_cast<std::uint32_t>(descriptor_of(*this).tensor.shape[1]);
}
float DepthImage::scale() const noexcept {
  return descriptor_of(*this).depth_scale;
}
void DepthImage::set_scale(float scale) noexcept {
  descriptor_of(*this).depth_scale = scale;
}
std::uint16_t DepthImage::min_depth() const noexcept {
  return descriptor_of(*this).min_depth;
}
std::uint16_t DepthImage::max_depth() const noexcept {
  return descriptor_of(*this).max_depth;
}
void DepthImage::set_range(std::uint16_t min_mm, std::uint16_t max_mm) noexcept {
  descriptor_of(*this).min_depth = min_mm;
  descriptor_of(*this).max_depth = max_mm;
}

Result<DepthImage> DepthImage::make(Session& session, std::uint32_t height, std::uint32_t width,
                                    Dtype dtype) {
  if (height == 0 || width == 0 || height > kMaxSide || width > kMaxSide) {
    return Error{Errc::kInvalidArgument, "a depth image's sides are 1 to 65,535 pixels", 0, {}};
  }
  if (!is_depth(static_cast<std::uint8_t>(dtype))) {
    return Error{Errc::kInvalidArgument, "a depth image is float32 or uint16", 0, {}};
  }
  const std::array<std::uint64_t, 2> shape{height, width};
  auto made = make_payload(session.pools(), DepthImage::kind(), dtype, shape);
  if (!made) return made.error();
  const msg::DepthImageDescriptor defaults;
  DepthImage image{std::move(made).value()};
  image.set_scale(defaults.depth_scale);
  image.set_range(defaults.min_depth, defaults.max_depth);
  return image;
}

}  // namespace horus::shm
