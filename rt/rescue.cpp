// SPDX-License-Identifier: Apache-2.0
#include "rt/rescue.hpp"

#include <algorithm>

#include "rt/clock.hpp"
#include "rt/node_runner.hpp"

namespace horus {

Rescue::~Rescue() {
  {
    const std::scoped_lock lock{mutex_};
    stops_ = true;
  }
  changed_.notify_all();
  for (Spare& spare : spares_) spare.thread.reset();
}

Status Rescue::start(const CpuSet& cpus) {
  for (Spare& spare : spares_) {
    spare.crew = this;
    auto started = RtThread::start(
        {.name = ThreadName::clipped("horus-rescue"), .cpus = cpus, .slice = kShortSlice},
        [](void* self) {
          auto& own = *static_cast<Spare*>(self);
          own.crew->work(own);
        },
        &spare);
    if (!started) return started.error();
    spare.thread.emplace(std::move(started).value());
  }
  return {};
}

void Rescue::call(NodeRunner& runner) {
  {
    const std::scoped_lock lock{mutex_};
    if (std::ranges::find(waiting_, &runner) != waiting_.end()) return;
    const auto has_it = [&](const Spare& spare) { return spare.calls == &runner; };
    if (std::ranges::any_of(spares_, has_it)) return;
    waiting_.push_back(&runner);
  }
  changed_.notify_all();
}

const NodeRunner* Rescue::calls() const {
  const std::scoped_lock lock{mutex_};
  const auto busy =
      std::ranges::find_if(spares_, [](const Spare& spare) { return spare.calls != nullptr; });
  return busy != spares_.end() ? busy->calls : nullptr;
}

bool Rescue::idle() const noexcept {
  return waiting_.empty() &&
         std::ranges::all_of(spares_, [](const Spare& spare) { return spare.calls == nullptr; });
}

void Rescue::await() const {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return idle(); });
}

std::optional<Rescue::Overrun> Rescue::overrun() {
  const std::scoped_lock lock{mutex_};
  for (Spare& spare : spares_) {
    if (spare.calls == nullptr || spare.said) continue;
    const Nanos lasts = MonotonicClock::now() - spare.since;
    if (lasts < kBound) continue;
    spare.said = true;
    return Overrun{.runner = spare.calls, .lasts = lasts};
  }
  return std::nullopt;
}

TimePoint Rescue::turn_of(const Spare& spare) const noexcept {
  TimePoint turn{};
  for (const Spare& other : spares_) {
    if (&other != &spare && other.calls != nullptr) turn = std::max(turn, other.since + kBound);
  }
  return turn;
}

/// The loop of a spare thread.
void Rescue::work(Spare& spare) {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return stops_ || !waiting_.empty(); });
    if (stops_) return;
    if (const TimePoint turn = turn_of(spare); MonotonicClock::now() < turn) {
      // The other thread works on the queue, and may finish it within its time.
      lock.unlock();
      system_clock().sleep_until(turn);
      lock.lock();
      continue;
    }
    spare.calls = waiting_.front();
    waiting_.pop_front();
    spare.since = MonotonicClock::now();
    spare.said = false;
    lock.unlock();
    spare.calls->follow_safe_state_for();
    lock.lock();
    spare.calls = nullptr;
    changed_.notify_all();
  }
}

}  // namespace horus
