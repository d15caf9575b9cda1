// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace horus::shm {

struct Seeking;

/// Of what Session::seek() gave ahead: its program says what the topic does, and perhaps only sends
/// there. A publisher that refuses does not wait for it until Session::begin().
void may_only_send(Seeking& seeking) noexcept;

}  // namespace horus::shm
