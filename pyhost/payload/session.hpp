// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "rt/base/result.hpp"
#include "shm/session.hpp"

namespace horus::py {

/// The process's one part in the topics of its base directory, opened by whoever asks first.
/// Who makes publishers, subscribers or images keeps the pointer as long as those live. A forked
/// child starts over: its parent's is left alone, and it opens one of its own at first use.
/// Thread safety: from any thread, with the GIL or without.
Result<std::shared_ptr<shm::Session>> session();

/// For the exit handler, once no executor runs: the session, for its ports to be closed before it
/// ends; null when none is open. Later calls of session() fail with kBusy.
std::shared_ptr<shm::Session> take_session() noexcept;

/// Until the publishers that live know this process's subscribers, 0.1 s at most: for who has
/// opened some and is not in a tick. With the GIL, which it drops while it waits.
void await_publishers();

}  // namespace horus::py
