// SPDX-License-Identifier: Apache-2.0
#include "rt/base/late_ticks.hpp"

#include <algorithm>
#include <cstdio>

namespace horus {
namespace {

double millis(Nanos duration) noexcept {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// The value of a gauge, clamped to 0 and `whole`: a corrupt page may hold any number.
Nanos part(const Gauge& gauge, Nanos whole) noexcept {
  return std::clamp(Nanos{gauge.value()}, Nanos{}, std::max(whole, Nanos{}));
}

}  // namespace

void copy(LateTick& to, const LateTick& from) noexcept {
  to.number.set(from.number.value());
  to.reason.set(from.reason.value());
  to.gil_lost_to.set(from.gil_lost_to.value());
  to.skipped.set(from.skipped.value());
  to.release_ns.set(from.release_ns.value());
  to.limit_ns.set(from.limit_ns.value());
  to.lateness_ns.set(from.lateness_ns.value());
  to.behind_ns.set(from.behind_ns.value());
  to.gil_wait_ns.set(from.gil_wait_ns.value());
  to.collected_before_ns.set(from.collected_before_ns.value());
  to.before_ns.set(from.before_ns.value());
  to.before.set(from.before.value());
  to.execution_ns.set(from.execution_ns.value());
  to.gil_lost_ns.set(from.gil_lost_ns.value());
  to.collecting_ns.set(from.collecting_ns.value());
  for (std::size_t i = 0; i < to.collections.size(); ++i) {
    to.collections[i].set(from.collections[i].value());
  }
  to.objects.set(from.objects.value());
  to.sent.set(from.sent.value());
  to.bytes.set(from.bytes.value());
  to.around.window_ns.set(from.around.window_ns.value());
  to.around.off_cpu_ns.set(from.around.off_cpu_ns.value());
  to.around.preemptions.set(from.around.preemptions.value());
  to.around.minor_faults.set(from.around.minor_faults.value());
  to.around.major_faults.set(from.around.major_faults.value());
}

void carry(LateTicks& to, const LateTicks& past) noexcept {
  to.count.set(past.count.value());
  for (std::size_t i = 0; i < LateTicks::kMost; ++i) {
    copy(to.ticks[i], past.ticks[i]);
    // The index is of the earlier life, in which the nodes may have had another order.
    to.ticks[i].before.set(-1);
  }
}

LateCause cause_of(const LateTick& tick) noexcept {
  using Kind = LateCause::Kind;
  // A corrupt page may hold any number. A year is longer than any tick, and sums do not overflow.
  constexpr Nanos kLongest = 365 * 24h;
  const bool overran = tick.reason.value() == LateReason::kOverran;
  // An overrun concerns the execution only.
  const Nanos lateness = overran ? Nanos{} : part(tick.lateness_ns, kLongest);
  const Nanos execution = part(tick.execution_ns, kLongest);
  // The parts of the lateness, each limited to what the ones before it have left over.
  const Nanos before = part(tick.before_ns, lateness);
  const Nanos behind = part(tick.behind_ns, lateness - before);
  const Nanos waited = part(tick.gil_wait_ns, lateness - before - behind);
  const Nanos collected = part(tick.collected_before_ns, lateness - before - behind - waited);
  const Nanos woken = lateness - before - behind - waited - collected;
  const Nanos collecting = part(tick.collecting_ns, execution);
  const Nanos lost = part(tick.gil_lost_ns, execution - collecting);
  const Nanos own = execution - collecting - lost;
  const Nanos off_cpu = part(tick.around.off_cpu_ns, woken);
  LateCause cause{.kind = Kind::kOwn, .took = own, .of = lateness + execution};
  const auto consider = [&cause](Kind kind, Nanos took) {
    if (took > cause.took) cause = {kind, took, cause.of};
  };
  // The kernel's count covers a window longer than the tick. So it only explains a late wake-up for
  // which there is no other reason, and only if it covers more than half of it.
  consider(2 * off_cpu > woken ? Kind::kNoCpu : Kind::kWakeUp, woken);
  consider(Kind::kCollector, collecting);
  consider(Kind::kGilLost, lost);
  consider(Kind::kGilWait, waited);
  consider(Kind::kCollected, collected);
  consider(Kind::kBehind, behind);
  consider(Kind::kBefore, before);
  return cause;
}

int oldest_collected(const LateTick& tick) noexcept {
  for (int i = static_cast<int>(tick.collections.size()) - 1; i >= 0; --i) {
    if (tick.collections[static_cast<std::size_t>(i)].value() > 0) return i;
  }
  return -1;
}

std::size_t describe_cause(const LateTick& tick, std::string_view before, std::span<char> text,
                           std::string_view holder) noexcept {
  const LateCause cause = cause_of(tick);
  char what[160] = "its own work";
  switch (cause.kind) {
    case LateCause::Kind::kOwn: break;
    case LateCause::Kind::kBefore:
      std::snprintf(what, sizeof what, "ticks before it in its thread%s%.*s",
                    before.empty() ? "" : ", above all of node ", static_cast<int>(before.size()),
                    before.data());
      break;
    case LateCause::Kind::kBehind:
      std::snprintf(what, sizeof what, "the tick before it, which was not done");
      break;
    case LateCause::Kind::kCollected:
      std::snprintf(what, sizeof what, "a collection before it");
      break;
    case LateCause::Kind::kGilWait: std::snprintf(what, sizeof what, "waiting for the GIL"); break;
    case LateCause::Kind::kGilLost:
      if (!holder.empty()) {
        std::snprintf(what, sizeof what, "without the GIL, which node %.*s had (thread %d)",
                      static_cast<int>(holder.size()), holder.data(), tick.gil_lost_to.value());
      } else if (tick.gil_lost_to.value() != 0) {
        std::snprintf(what, sizeof what, "without the GIL, which thread %d had",
                      tick.gil_lost_to.value());
      } else {
        std::snprintf(what, sizeof what, "without the GIL");
      }
      break;
    case LateCause::Kind::kCollector:
      if (const int oldest = oldest_collected(tick); oldest >= 2) {
        const auto objects = static_cast<double>(std::max(tick.objects.value(), std::int64_t{0}));
        const char* const form = objects <= 0     ? "full collection"
                                 : objects >= 1e6 ? "full collection of about %.1f M objects"
                                                  : "full collection of about %.0f objects";
        std::snprintf(what, sizeof what, form, objects >= 1e6 ? objects / 1e6 : objects);
      } else {
        std::snprintf(what, sizeof what, "collection of generation %d", oldest);
      }
      break;
    case LateCause::Kind::kNoCpu:
      std::snprintf(what, sizeof what, "ready to run, without a CPU (in %.1f s around it)",
                    millis(Nanos{tick.around.window_ns.value()}) / 1000);
      break;
    case LateCause::Kind::kWakeUp: std::snprintf(what, sizeof what, "woken late"); break;
  }
  // Three significant digits; %.3g would print 1000 ms and more with an exponent.
  const char* const form = millis(cause.of) < 1000 ? "%.3g of %.3g ms: %s" : "%.0f of %.0f ms: %s";
  const int length =
      std::snprintf(text.data(), text.size(), form, millis(cause.took), millis(cause.of), what);
  return std::min(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1);
}

}  // namespace horus
