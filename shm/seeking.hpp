// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace horus::shm {

struct Seeking;

/// For a result of Session::seek() with `ahead`: the program has said what the topic does, and
/// perhaps only sends there. A publisher that refuses then does not wait for it until
/// Session::begin().
void may_only_send(Seeking& seeking) noexcept;

}  // namespace horus::shm
