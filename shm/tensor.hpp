// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "shm/payload.hpp"

namespace horus::msg {
struct TensorDescriptor;
}

namespace horus::shm {

/// Numbers of one type in up to 8 dimensions.
class Tensor : public Payload {
 public:
  using Payload::Payload;
  using Publisher = PooledPublisher<Tensor>;
  using Subscriber = PooledSubscriber<Tensor>;
  /// A new tensor from this process's pools; the errors are those of Payload's make().
  static Result<Tensor> make(Session& session, std::span<const std::uint64_t> shape,
                             Dtype dtype = Dtype::kF32);
  /// The tensor that `descriptor` describes, read-only; a process of this base must keep it.
  /// kNotFound when it is gone. May map its pool: not for a tick.
  static Result<Tensor> find(Session& session, const msg::TensorDescriptor& descriptor);
  static const PayloadKind& kind() noexcept;
};

}  // namespace horus::shm
