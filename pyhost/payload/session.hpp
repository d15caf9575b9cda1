// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <horus/result.hpp>
#include <horus/topic.hpp>

namespace horus::py {

/// The process's one connection to the topics of its base directory; the first call opens it. A
/// caller that makes publishers, subscribers or images keeps the pointer as long as those live. A
/// forked child leaves its parent's session alone and opens one of its own at first use.
/// Thread safety: from any thread, with the GIL or without.
/// \errors Those of shm::Session::open(); kBusy after take_session().
Result<std::shared_ptr<shm::Session>> session();

/// For the exit handler, once no executor runs: returns the session, so that its ports can be
/// closed before it ends; null when none is open. Later calls of session() fail with kBusy.
std::shared_ptr<shm::Session> take_session() noexcept;

/// Waits until the living publishers know this process's subscribers, at most 0.1 s. For a caller
/// that has just opened subscribers and is not in a tick. With the GIL, which it drops meanwhile.
void await_publishers();

}  // namespace horus::py
