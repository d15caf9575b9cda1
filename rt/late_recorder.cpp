// SPDX-License-Identifier: Apache-2.0
#include "rt/late_recorder.hpp"

#include <algorithm>
#include <utility>

#include "rt/node_runner.hpp"

namespace horus {
namespace {

constexpr Nanos kMinute = 60s;

/// By how much a counter has grown; 0 if it has been set back.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) noexcept {
  return now - std::min(now, before);
}

}  // namespace

LateRecorder::Collections LateRecorder::collections() const noexcept {
  Collections now;
  for (std::size_t i = 0; i < now.count.size(); ++i) {
    const GcStats::Generation& generation = gc_->generation[i];
    now.count[i] = generation.collections.value();
    now.pause_ns += generation.pause.sum().count();
  }
  return now;
}

/// The rare part of begin(): a collection has ended since the begin() before the last one.
void LateRecorder::note_collections() noexcept {
  // Read first: one that ends meanwhile is then found by the next begin().
  const std::uint64_t finished = gc_->finished.value();
  paused_ns_ = collected_.pause_ns;
  collected_ = collections();
  if (collected_.pause_ns == paused_ns_) settled_ = finished;
}

void LateRecorder::set_limits() noexcept {
  // If no records are kept, the slowest tick need not be found.
  most_execution_ = ticks_ != nullptr ? slowest_ : Nanos::max();
  if (budget_.execution > Nanos{}) most_execution_ = std::min(most_execution_, budget_.execution);
  most_response_ = budget_.deadline > Nanos{} ? budget_.deadline : Nanos::max();
  if (ticks_ == nullptr) minute_ends_ = TimePoint::max();
}

/// Writes a record. A new one is counted only when it is complete, so that a reader, or a crash in
/// between, finds no half record.
LateTick& LateRecorder::keep_at(std::uint64_t place, const EndedTick& ended,
                                const Predecessors& before) noexcept {
  LateTick& tick = ticks_->at(place);
  fill(tick, ended, before);
  if (place == ticks_->count.value()) ticks_->count.add();
  return tick;
}

const LateTick* LateRecorder::end(const EndedTick& ended, const Predecessors& before) noexcept {
  const TickTiming& timing = ended.timing;
  if (ticks_ == nullptr) return nullptr;
  if (timing.release >= minute_ends_) {
    place_.set(kNoPlace);
    slowest_ = {};
    minute_ends_ = timing.release + kMinute;
  }
  const bool late = ended.reason() != LateReason::kSlowest;
  const LateTick* const kept = late ? &keep_at(ticks_->count.value(), ended, before) : nullptr;
  if (timing.execution() > slowest_) {
    slowest_ = timing.execution();
    // A late tick has been recorded above.
    if (!late) keep_at(slowest_place(), ended, before);
  }
  set_limits();
  return kept;
}

/// Where to record this minute's slowest tick: over its predecessor, unless kMost newer records
/// have overwritten that one; then, or if there is none yet, in a new place.
std::uint64_t LateRecorder::slowest_place() noexcept {
  const std::uint64_t count = ticks_->count.value();
  const std::uint64_t place = place_.value();
  if (place == kNoPlace || count - place > LateTicks::kMost) place_.set(count);
  return place_.value();
}

void LateRecorder::fill(LateTick& tick, const EndedTick& ended,
                        const Predecessors& before) const noexcept {
  const TickTiming& timing = ended.timing;
  const LateReason reason = ended.reason();
  const auto skipped = static_cast<std::int64_t>(ended.skipped);
  const Nanos earlier = reason == LateReason::kSkipped ? skipped * ended.period : Nanos{};
  const TimePoint release = timing.release - earlier;
  const Nanos limit = reason == LateReason::kMissed    ? budget_.deadline
                      : reason == LateReason::kOverran ? budget_.execution
                                                       : Nanos{};
  const NodeRunner* const culprit = before.culprit();
  tick.number.set(ended.number);
  tick.reason.set(reason);
  tick.skipped.set(ended.skipped);
  tick.limit_ns.set(limit.count());
  tick.release_ns.set(to_ns(release));
  tick.lateness_ns.set((timing.lateness() + earlier).count());
  tick.behind_ns.set(std::max(before.free - release, Nanos{}).count());
  tick.gil_wait_ns.set(std::max(before.gil_wait, Nanos{}).count());
  tick.before_ns.set((timing.start - before.begun).count());
  tick.before.set(culprit != nullptr ? culprit->index() : -1);
  tick.execution_ns.set(timing.execution().count());
  tick.gil_lost_ns.set(timing.lost.count());
  tick.gil_lost_to.set(ended.loss.to);
  tick.sent.set(grown(stats_.messages_sent.value(), sent_));
  tick.bytes.set(grown(stats_.bytes_sent.value(), bytes_));
  tick.around.window_ns.set(0);
  tick.around.off_cpu_ns.set(0);
  fill_collections(tick);
  // Collections before the first tick happened before the run.
  if (ended.number == 0) tick.collected_before_ns.set(0);
}

void LateRecorder::fill_collections(LateTick& tick) const noexcept {
  Collections now;
  if (gc_ != nullptr) now = collections();
  tick.collected_before_ns.set(collected_.pause_ns - paused_ns_);
  tick.collecting_ns.set(now.pause_ns - collected_.pause_ns);
  for (std::size_t i = 0; i < now.count.size(); ++i) {
    tick.collections[i].set(grown(now.count[i], collected_.count[i]));
  }
  tick.objects.set(gc_ != nullptr ? gc_->objects.value() : 0);
}

void LateRecorder::look_around(TimePoint begin, TimePoint end, Nanos off_cpu,
                               const ThreadUsage& now, const ThreadUsage& before) noexcept {
  if (ticks_ == nullptr) return;
  const std::uint64_t count = ticks_->count.value();
  const std::uint64_t oldest = count - std::min<std::uint64_t>(count, LateTicks::kMost);
  const auto look = [&](LateTick& tick) {
    if (from_ns(tick.release_ns.value()) < begin) return;
    LateTick::Around& around = tick.around;
    around.off_cpu_ns.set(off_cpu.count());
    around.preemptions.set(grown(now.involuntary_switches, before.involuntary_switches));
    around.minor_faults.set(grown(now.minor_faults, before.minor_faults));
    around.major_faults.set(grown(now.major_faults, before.major_faults));
    around.window_ns.set((end - begin).count());
  };
  const std::uint64_t seen = std::max(std::exchange(looked_at_, count), oldest);
  for (std::uint64_t i = seen; i < count; ++i) look(ticks_->at(i));
  // The record of the slowest tick may have been overwritten by a slower tick since the last look.
  const std::uint64_t place = place_.value();
  if (place >= oldest && place < seen) look(ticks_->at(place));
}

}  // namespace horus
