// SPDX-License-Identifier: Apache-2.0
#include "pyhost/py_executor.hpp"

#include <algorithm>

#include "pyhost/gc.hpp"
#include "shm/publisher.hpp"

namespace horus::py {

void GilLead::observe(Nanos wait, TimePoint now) noexcept {
  if (wait > kNoticeable) last_contended_ = now;
  waits_[count_++ % kRecent] = wait;
  if (count_ % (kRecent / 4) != 0) return;
  // The second longest of the last 64, about their p98: one stray wait does not set the lead.
  std::array<Nanos, kRecent> sorted = waits_;
  std::nth_element(sorted.begin(), sorted.end() - 2, sorted.end());
  lead_ = std::min(*(sorted.end() - 2) + kNoticeable, kLongest);
}

Nanos GilLead::lead(TimePoint now) const noexcept {
  const bool contended = last_contended_ != TimePoint{} && now - last_contended_ < kForgetAfter;
  return contended ? lead_ : Nanos{};
}

struct GilHook::OnThread {
  explicit OnThread(PyInterpreterState* interpreter) noexcept : python{interpreter} {
    const GilScope gil;
    place = Collector::instance().claim_place();
  }
  ~OnThread() {
    const GilScope gil;
    Collector::instance().free_place(place);
  }
  OnThread(const OnThread&) = delete;
  OnThread& operator=(const OnThread&) = delete;

  ThreadState python;
  shm::DeferredBells bells;
  int place = -1;
};

GilHook::GilHook(PyInterpreterState* interpreter) noexcept : interpreter_{interpreter} {}

GilHook::~GilHook() = default;

void GilHook::thread_started() noexcept {
  thread_ = std::make_unique<OnThread>(interpreter_);
}

void GilHook::thread_stopping() noexcept {
  thread_->bells.ring();
  thread_.reset();
}

Nanos GilHook::lead() noexcept {
  return lead_.lead(MonotonicClock::now());
}

Nanos GilHook::enter(TimePoint release) noexcept {
  const TimePoint before = MonotonicClock::now();
  thread_->python.take();
  const TimePoint after = MonotonicClock::now();
  // Around init() and shutdown() there is no release, and nobody to be late.
  ticks_ = release != TimePoint{};
  if (ticks_) lead_.observe(after - before, after);
  return after - before;
}

void GilHook::leave(TimePoint next) noexcept {
  Collector& collector = Collector::instance();
  // An event node has no next release to be late for.
  if (next == TimePoint{}) next = TimePoint::max();
  const GcPlan plan = ticks_ ? collector.plan(thread_->place, next) : GcPlan{};
  if (plan.step != GcStep::kNothing || plan.announced) {
    // Who waits for this batch's messages does not wait for our garbage.
    thread_->bells.ring();
    collector.carry_out(plan);
  }
  thread_->python.drop();
  thread_->bells.ring();
}

std::unique_ptr<GroupHook> GilHooks::make() {
  return std::make_unique<GilHook>(interpreter_);
}

}  // namespace horus::py
