// SPDX-License-Identifier: Apache-2.0
#include "shm/stop_keeper.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <horus/msg/control.hpp>

#include "rt/base/printable.hpp"
#include "rt/base/stop_latch.hpp"

namespace horus::shm {
namespace {

constexpr timespec kLookPause{.tv_sec = 0, .tv_nsec = StopKeeper::kLook.count()};

}  // namespace

StopKeeper::StopKeeper(Options options, StopWords& words, StopSide& side)
    : options_{std::move(options)}, words_{words}, side_{side}, hosts_{options_.base} {
  look();
  if (!options_.owner.empty()) await_owner();
  if (options_.hears != nullptr) open_topic();
  // The program's own threads handle signals.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread{[this] { serve(); }};
    ::pthread_setname_np(thread_.native_handle(), "horus-stops");
  } catch (const std::system_error&) {
    side_.stop(StopCause::kOwner, "no thread that looks for other hosts' stops could be started");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StopKeeper::~StopKeeper() {
  ending_.store(1);
  ::syscall(SYS_futex, &ending_, FUTEX_WAKE_PRIVATE, std::numeric_limits<int>::max());
  if (topic_) topic_.interrupt();
  if (thread_.joinable()) thread_.join();
  keep();
  for (auto& [name, peer] : peers_) drop(name, peer);
}

/// Waits for the owner, as the hosts of a robot may start before it.
void StopKeeper::await_owner() {
  const TimePoint until = MonotonicClock::now() + options_.owner_patience;
  while (!peers_.contains(options_.owner)) {
    if (MonotonicClock::now() >= until || side_.ending()) {
      return side_.stop(StopCause::kOwner, "host '" + options_.owner +
                                               "', which keeps the robot's state, does not run");
    }
    ::syscall(SYS_futex, &ending_, FUTEX_WAIT_PRIVATE, 0, &kLookPause, nullptr, 0);
    look();
  }
}

void StopKeeper::serve() noexcept {
  TimePoint next = MonotonicClock::now();
  while (ending_.load() == 0) {
    if (topic_) {
      topic_.wait_until(next);
      hear();
    } else {
      ::syscall(SYS_futex, &ending_, FUTEX_WAIT_PRIVATE, 0, &kLookPause, nullptr, 0);
    }
    if (MonotonicClock::now() < next) continue;
    look();
    next = MonotonicClock::now() + kLook;
  }
}

void StopKeeper::open_topic() {
  const TypeInfo& type = type_info(Tag<msg::EmergencyStop>{});
  auto opened = options_.hears->subscribe(type.default_topic, type, {.waits = false});
  if (opened) {
    topic_ = std::move(opened).value();
  } else {
    side_.tell("the topic 'estop' is not heard: " + describe(opened.error()));
  }
}

/// Takes messages of the topic `estop`. A message can stop; none can release.
void StopKeeper::hear() {
  msg::EmergencyStop message;
  while (topic_.take(std::as_writable_bytes(std::span{&message, 1})) >= 0) {
    if (!static_cast<bool>(message.engaged)) continue;
    const auto text = [](const auto& bytes) {
      const auto* const first = reinterpret_cast<const char*>(&bytes[0]);
      return printable(std::string{first, ::strnlen(first, sizeof bytes)});
    };
    side_.stop(StopCause::kTopic, text(message.reason) + " (" + text(message.source) + ")");
  }
}

void StopKeeper::look() {
  const std::scoped_lock lock{mutex_};
  look_for_peers();
  keep_latch();
}

/// Follows the stop that holds the other host: the process that asked for it may be gone.
void StopKeeper::look_at(const StatsPage& page) {
  follow(page.stop_word().since_ns.load());
}

void StopKeeper::follow(std::int64_t since_ns) {
  if (since_ns > released_ns_) side_.follow(since_ns);
}

void StopKeeper::drop(const std::string& name, Peer& peer) {
  const auto& host = std::as_const(peer.page).host();
  if (ending_.load() == 0 && peer.row >= 0 && words_.stops(peer.row)) {
    // Between its stop and its death this run may have had no tick that saw the stop.
    side_.follow(words_.since(peer.row));
  }
  if (peer.row >= 0) words_.remove(peer.row);
  // A host that ends cleanly says so in its page.
  if (ending_.load() != 0 || host.safety.value() == SafetyState::kStopped) return;
  if (std::ranges::find(options_.critical, name) != options_.critical.end()) {
    side_.stop(StopCause::kHost, "host '" + name + "', which the robot cannot do without, died");
  } else if (name == options_.owner) {
    side_.stop(StopCause::kOwner, "host '" + name + "', which keeps the robot's state, died");
  }
}

void StopKeeper::look_for_peers() {
  bool died = false;
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    const bool alive = peer->second.page.alive();
    if (alive) look_at(peer->second.page);
    if (!alive) drop(peer->first, peer->second);
    died = died || !alive;
    peer = alive ? std::next(peer) : peers_.erase(peer);
  }
  // Nobody writes to a page without a living owner: its content is kept until the folder changes.
  if (hosts_.changed() || died) look_for_others();
  for (const std::int64_t since : left_ns_) follow(since);
}

/// Opens the pages of hosts that came, and notes the stops of those that died.
void StopKeeper::look_for_others() {
  left_ns_.clear();
  bool cut = false;
  std::vector<std::string> names = StatsPage::hosts(options_.base, &cut);
  names.insert(names.end(), options_.robots.begin(), options_.robots.end());
  if (!options_.owner.empty()) names.push_back(options_.owner);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (cut && !std::exchange(cut_told_, true)) {
    side_.tell(options_.base +
               "/hosts has more names than are looked at: an emergency stop of a "
               "host that is not of the robot's configuration may go unheard; 'horusctl clean' "
               "removes what the dead left");
  }
  cut_told_ = cut;
  for (const std::string& name : names) {
    if (name == options_.host || peers_.contains(name)) continue;
    auto page = StatsPage::open(options_.base, name, 0);
    if (!page) continue;
    if (!page.value().alive()) {
      // A stop that is older than this host is over.
      const std::int64_t since = std::as_const(page.value()).stop_word().since_ns.load();
      if (since > began_ns_) left_ns_.push_back(since);
      continue;
    }
    look_at(page.value());
    Peer peer{.page = std::move(page).value(), .row = -1};
    const StopWord& word = std::as_const(peer.page).stop_word();
    peer.row = words_.add(word, word.began.load());
    peers_.emplace(name, std::move(peer));
  }
}

void StopKeeper::keep() {
  const std::scoped_lock lock{mutex_};
  keep_latch();
}

void StopKeeper::keep_latch() {
  if (options_.latch.empty()) return;
  const auto stop = side_.stopped();
  if (!stop) {
    latched_ = told_ = false;
    return;
  }
  if (latched_) return;
  const Status written =
      StopLatch{.cause = stop->cause, .text = std::string{stop->text.view()}}.write(options_.latch);
  latched_ = static_cast<bool>(written);
  if (latched_ || std::exchange(told_, true)) return;
  side_.tell("the emergency stop is not on disk, and a restart would forget it: " +
             describe(written.error()));
}

Status StopKeeper::find_critical() const {
  for (const std::string& name : options_.critical) {
    const auto peer = peers_.find(name);
    const bool there = peer != peers_.end();
    if (there && std::as_const(peer->second.page).host().ready.value() != 0) continue;
    return Error{Errc::kBusy,
                 there ? "a host that the robot cannot do without is not ready"
                       : "a host that the robot cannot do without does not run",
                 0, Name<200>::clipped(name)};
  }
  return {};
}

Status StopKeeper::is_whole() {
  const std::scoped_lock lock{mutex_};
  look_for_peers();
  return find_critical();
}

/// Whether the cause of the stop is over, as far as is known here.
Status StopKeeper::is_over() {
  look_for_peers();
  if (auto whole = find_critical(); !whole) return whole;
  return side_.may_release();
}

Status StopKeeper::may_release() {
  const std::scoped_lock lock{mutex_};
  return is_over();
}

Status StopKeeper::release() {
  // Held to the end, so that a latch that was removed is not written again meanwhile.
  const std::scoped_lock lock{mutex_};
  // Before the latch is removed: after a loss of power in between, the stop would be forgotten.
  if (auto over = is_over(); !over) return over;
  const std::int64_t now = to_ns(MonotonicClock::now());
  // First what other hosts ask for, then what this run has seen of it.
  std::vector<std::pair<int, std::uint64_t>> counts;
  for (const auto& [name, peer] : peers_) {
    if (peer.row < 0) continue;
    counts.emplace_back(peer.row, std::as_const(peer.page).stop_word().stops.load());
  }
  const std::uint64_t seen = side_.seen();
  if (!options_.latch.empty()) {
    if (auto cleared = StopLatch::clear(options_.latch); !cleared) return cleared;
    latched_ = false;
  }
  for (const auto& [row, count] : counts) words_.release(row, count);
  Status released = words_.look() < 0
                        ? side_.release(seen)
                        : Error{Errc::kBusy, "release a robot that was stopped meanwhile", 0, {}};
  if (released) released_ns_ = now;
  // If a stop is still in force, a restart must not forget it.
  keep_latch();
  return released;
}

}  // namespace horus::shm
