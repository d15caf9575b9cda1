// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/host_box.hpp"

#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/run/host_log.hpp"
#include "rt/base/shortage.hpp"
#include "rt/crash.hpp"
#include "shm/black_box_store.hpp"

namespace horus::py {

HostBox::HostBox(std::shared_ptr<shm::BlackBoxPage> page, std::string base)
    : page_{std::move(page)}, base_{std::move(base)} {
  keep_crashes_in(&page_->box());
}

HostBox::~HostBox() {
  keep_crashes_in(nullptr);
}

void HostBox::end(std::string_view why, int code) noexcept {
  const std::scoped_lock lock{mutex_};
  if (std::exchange(ended_, true)) return;
  why_ = why;
  page_->end(why, code);
}

void HostBox::remove() noexcept {
  const std::scoped_lock lock{mutex_};
  if (logs_for_supervisor() || std::exchange(removed_, true)) return;
  if (!ended_ && !page_->follows_a_death()) return page_->remove();
  const std::string host = page_->read().host;
  const auto kept = shm::flush_boxes(
      {.base = base_, .folder = shm::box_folder(base_), .robot = host, .why = why_});
  if (kept) return page_->remove();
  log(LogLevel::kWarning, "no black box of host '" + host + "' is kept: " + describe(kept.error()) +
                              cure_of(shortage_of(kept.error())));
}

}  // namespace horus::py
