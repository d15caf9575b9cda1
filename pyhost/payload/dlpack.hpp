// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace horus::py::dlpack {

// The structs of DLPack 1.0 (dmlc/dlpack, include/dlpack/dlpack.h). They are an ABI: size and order
// of the members must not change.

inline constexpr std::int32_t kCpu = 1;        ///< Device::type.
inline constexpr std::uint64_t kReadOnly = 1;  ///< A bit of ManagedTensorVersioned::flags.
inline constexpr std::uint64_t kCopied = 2;    ///< Likewise: the tensor is a copy.

struct Device {
  std::int32_t type;
  std::int32_t id;
};
struct DataType {
  std::uint8_t code;  ///< A shm::DlpackCode.
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  ///< In elements.
  std::uint64_t byte_offset;
};
struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};
struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};
struct ManagedTensorVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedTensorVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};
static_assert(sizeof(Tensor) == 48 && sizeof(ManagedTensor) == 64 &&
              sizeof(ManagedTensorVersioned) == 80);

}  // namespace horus::py::dlpack
