// SPDX-License-Identifier: Apache-2.0
#include "shm/hosts_watch.hpp"

#include <sys/stat.h>

#include "shm/base.hpp"

namespace horus::shm {
namespace {

/// The kernel stores the same time for all changes within a tick of its clock, of 10 ms at most.
constexpr Nanos kTick = 20ms;

bool is_same(const timespec& one, const timespec& other) noexcept {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

}  // namespace

bool HostsWatch::changed() {
  const TimePoint now = MonotonicClock::now();
  if (!hosts_ || now - entered_ >= kReadAnyway) {
    const auto base = Base::look(base_);
    hosts_ = base ? base.value()->hosts() : nullptr;
    entered_ = now;
    is_quiet_ = false;
  }
  struct stat status {};
  if (!hosts_ || ::fstat(hosts_->fd(), &status) != 0 || status.st_nlink == 0) {
    hosts_ = nullptr;
    return true;
  }
  if (!is_same(status.st_mtim, stamp_)) {
    stamp_ = status.st_mtim;
    stamped_ = now;
    is_quiet_ = false;
  }
  if (is_quiet_) return false;
  // A change within the same tick, but after this reading, leaves the time as it is. So the names
  // are read once more when the tick is certainly over.
  is_quiet_ = now - stamped_ >= kTick;
  return true;
}

}  // namespace horus::shm
