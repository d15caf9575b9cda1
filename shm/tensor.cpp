// SPDX-License-Identifier: Apache-2.0
#include <horus/payload.hpp>

#include "shm/payload_state.hpp"

namespace horus::shm {

const PayloadKind& Tensor::kind() noexcept {
  static const PayloadKind kKind{.type = type_info(Tag<msg::TensorDescriptor>{}),
                                 .is_valid = [](const PayloadState&) noexcept { return true; }};
  return kKind;
}
/// Initialised at start-up, as its first use may be in a tick.
[[maybe_unused]] static const PayloadKind& tensor_kind = Tensor::kind();

Result<Tensor> Tensor::make(Session& session, std::span<const std::uint64_t> shape, Dtype dtype) {
  auto made = make_payload(session.pools(), Tensor::kind(), dtype, shape);
  if (!made) return made.error();
  return Tensor{std::move(made).value()};
}

Result<Tensor> Tensor::find(Session& session, const msg::TensorDescriptor& descriptor) {
  auto state = make_state(Tensor::kind());
  state->tensor() = descriptor;
  if (!is_bounded(state->tensor())) {
    return Error{Errc::kInvalidArgument, "the bytes describe no tensor", 0, {}};
  }
  auto pool = session.pools()->peer(descriptor.pool_id);
  if (!pool && pool.error().code != Errc::kNotFound) return pool.error();
  const auto found = [&state, &pool] {
    return pool.value()->acknowledged() ? hold(*state, pool.value())
                                        : copy_out(*state, *pool.value());
  };
  if (!pool || !found()) {
    return Error{Errc::kNotFound, "the described tensor is gone: its owner has to keep it", 0, {}};
  }
  return Tensor{std::move(state)};
}

}  // namespace horus::shm
