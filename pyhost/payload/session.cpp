// SPDX-License-Identifier: Apache-2.0
#include "pyhost/payload/session.hpp"

#include <pthread.h>

#include <mutex>
#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/gil.hpp"
#include "shm/apart.hpp"

namespace horus::py {
namespace {

/// The process's session, and whether it is closed for good.
struct Current {
  std::mutex mutex;
  std::shared_ptr<shm::Session> session;
  bool closed = false;
};

Current& current() {
  static Current* const the_current = [] {
    auto* const made = new Current;
    // A forked child must neither write to its parent's rings nor remove its parent's files. So it
    // leaks the session without closing it.
    pthread_atfork([] { current().mutex.lock(); }, [] { current().mutex.unlock(); },
                   [] {
                     static_cast<void>(new std::shared_ptr(std::move(current().session)));
                     current().session.reset();
                     current().mutex.unlock();
                   });
    return made;
  }();
  return *the_current;
}

}  // namespace

Result<std::shared_ptr<shm::Session>> session() {
  Current& now = current();
  const std::scoped_lock lock{now.mutex};
  if (now.session != nullptr) return now.session;
  if (now.closed) return Error{.code = Errc::kBusy, .what = "the interpreter is shutting down"};
  auto opened =
      shm::Session::open(shm::base_of_program(), /*declares=*/false,
                         [](const std::string& text) noexcept { log(LogLevel::kWarning, text); });
  if (!opened) return opened.error();
  now.session = std::move(opened).value();
  return now.session;
}

void await_publishers() {
  const auto shared = session();
  if (!shared || shared.value()->are_known()) return;
  const GilRelease others_run;
  shared.value()->await_publishers();
}

std::shared_ptr<shm::Session> take_session() noexcept {
  Current& now = current();
  const std::scoped_lock lock{now.mutex};
  now.closed = true;
  return std::exchange(now.session, nullptr);
}

}  // namespace horus::py
