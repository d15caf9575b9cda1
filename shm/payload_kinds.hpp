// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace horus::shm {

struct PayloadKind;

/// The kind of payload that topics of this type carry; null when it is none.
const PayloadKind* find_payload_kind(std::string_view type) noexcept;

}  // namespace horus::shm
