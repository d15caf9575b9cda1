// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <horus/message.hpp>

namespace horus::msg {

/// Where a tensor lies: in which block of which pool. It is there as long as the block has this
/// generation (see shm/pool.hpp).
struct TensorDescriptor {
  std::uint32_t pool_id{};
  std::uint32_t slot_id{};
  std::uint32_t generation{};
  std::uint32_t generation_hi{};
  std::uint64_t offset{};
  std::uint64_t size{};
  std::uint8_t dtype{};
  std::uint8_t ndim{};
  std::uint8_t device_type{};
  std::uint8_t pad{};
  std::uint32_t device_id{};
  std::uint64_t shape[8]{};
  std::uint64_t strides[8]{};
};
static_assert(sizeof(TensorDescriptor) == 168);
static_assert(offsetof(TensorDescriptor, offset) == 16 && offsetof(TensorDescriptor, size) == 24);
static_assert(offsetof(TensorDescriptor, dtype) == 32 &&
              offsetof(TensorDescriptor, device_id) == 36);
static_assert(offsetof(TensorDescriptor, shape) == 40 &&
              offsetof(TensorDescriptor, strides) == 104);

inline const shm::TypeInfo& type_info(shm::Tag<TensorDescriptor>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TensorDescriptor, pool_id, "", "Which pool."),
      HORUS_FIELD(TensorDescriptor, slot_id, "", "Which block of it."),
      HORUS_FIELD(TensorDescriptor, generation, "", "Low half."),
      HORUS_FIELD(TensorDescriptor, generation_hi, "", "High half."),
      HORUS_FIELD(TensorDescriptor, offset, "", "Of the data, from the block's start; bytes."),
      HORUS_FIELD(TensorDescriptor, size, "", "Of the data; bytes."),
      HORUS_FIELD(TensorDescriptor, dtype, "", "Element type."),
      HORUS_FIELD(TensorDescriptor, ndim, "", "Dimensions in use, at most 8."),
      HORUS_FIELD(TensorDescriptor, device_type, "", "0: CPU."),
      HORUS_FIELD(TensorDescriptor, pad, "", ""),
      HORUS_FIELD(TensorDescriptor, device_id, "", "Which of these devices."),
      HORUS_FIELD(TensorDescriptor, shape, "", "Elements by dimension."),
      HORUS_FIELD(TensorDescriptor, strides, "", "Bytes by dimension."),
  };
  static const shm::TypeInfo kType = shm::make_type<TensorDescriptor>(
      "Tensor", "tensor", "Where a tensor lies in a pool.", kFields, {});
  return kType;
}

/// The message of a topic of images: it describes one in a pool (<horus/image.hpp>).
struct ImageDescriptor {
  TensorDescriptor tensor{};
  std::uint64_t timestamp_ns{};
  std::uint32_t step{};
  std::uint8_t encoding{};
  std::uint8_t pad[3]{};
  std::uint8_t frame_id[32]{};
  std::uint8_t reserved[8]{};
};
static_assert(sizeof(ImageDescriptor) == 224);
static_assert(offsetof(ImageDescriptor, timestamp_ns) == 168);
static_assert(offsetof(ImageDescriptor, step) == 176 && offsetof(ImageDescriptor, encoding) == 180);
static_assert(offsetof(ImageDescriptor, frame_id) == 184 &&
              offsetof(ImageDescriptor, reserved) == 216);

inline const shm::TypeInfo& type_info(shm::Tag<ImageDescriptor>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ImageDescriptor, tensor, "", "The pixels."),
      HORUS_FIELD(ImageDescriptor, timestamp_ns, "ns", "Nanoseconds since 1970."),
      HORUS_FIELD(ImageDescriptor, step, "", "Bytes from one row to the next."),
      HORUS_FIELD(ImageDescriptor, encoding, "", "Pixel format."),
      HORUS_FIELD(ImageDescriptor, pad, "", ""),
      HORUS_TEXT(ImageDescriptor, frame_id, "", "Coordinate frame of the camera."),
      HORUS_FIELD(ImageDescriptor, reserved, "", ""),
  };
  static const shm::TypeInfo kType =
      shm::make_type<ImageDescriptor>("Image", "image", "A frame in a pool.", kFields, {});
  return kType;
}

}  // namespace horus::msg
