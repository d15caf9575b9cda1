// SPDX-License-Identifier: Apache-2.0
// The beginning of a subscription and the end of a publisher: each side waits, for a moment, until
// the other has discovered it.
#include <algorithm>
#include <atomic>
#include <utility>

#include "rt/base/printable.hpp"
#include "shm/leave.hpp"
#include "shm/names.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

/// Whether the ring's publisher, in another living process, has not discovered the subscriber yet.
bool is_silent(const RingPeer& ring, std::uint64_t subscriber, std::string_view own) noexcept {
  if (!ring.region || ring.dead.load(std::memory_order_relaxed)) return false;
  if (identity_of(ring.name) == own) return false;
  // acquire: from here on the publisher counts the subscriber.
  const bool known = std::ranges::any_of(ring.view.header->known, [&](const auto& one) {
    return one.load(std::memory_order_acquire) == subscriber;
  });
  return !known && ring.region.locked();
}

/// Waits until done() is true, which it checks at each ring of the bell, at most for `patience`.
/// Returns whether it is.
template <typename Done>
bool wait_at(Bell& bell, Nanos patience, Done done) {
  const TimePoint until = MonotonicClock::now() + patience;
  for (;;) {
    const std::uint32_t seen = bell.word();
    if (done()) return true;
    const TimePoint now = MonotonicClock::now();
    if (now >= until) return false;
    bell.wait(seen, std::min(until, now + kMaxBellWait));
  }
}

/// How long a publisher that closes may wait. All that close within a second share one patience, so
/// that many publishers do not close one after the other.
Nanos closing_patience() noexcept {
  static std::atomic<std::int64_t> until{0};
  const TimePoint now = MonotonicClock::now();
  const TimePoint last = from_ns(until.load(std::memory_order_relaxed));
  if (now < last + 1s) return std::max(last - now, Nanos{});
  until.store(to_ns(now + Session::kPatience), std::memory_order_relaxed);
  return Session::kPatience;
}

}  // namespace

bool Session::Impl::all_know(const SubscriberState& subscriber) const {
  const std::uint64_t inode = subscriber.region.inode();
  return std::ranges::none_of(subscriber.rings.owned(), [&](const auto& ring) {
    return is_silent(*ring, inode, home_.identity);
  });
}

void Session::Impl::name_who_is_silent(const SubscriberState& subscriber) {
  const std::uint64_t inode = subscriber.region.inode();
  for (const auto& ring : subscriber.rings.owned()) {
    if (!is_silent(*ring, inode, home_.identity)) continue;
    const NodeName node = ring->view.header->node;
    std::string who = "process " + std::to_string(pid_of(identity_of(ring->name)));
    if (!node.view().empty()) who = "node '" + printable(node.view()) + "', " + who;
    to_tell_.push_back("topic '" + std::string{subscriber.file.topic.view()} +
                       "': its publisher (" + who +
                       ") has not taken note of this subscription within 0.1 s: it is stopped, " +
                       "very busy, or has no place for another; what is lost until then is " +
                       "counted as missed");
  }
}

bool Session::Impl::are_known(std::uint64_t since) {
  const std::scoped_lock lock{mutex_};
  bool all = true;
  std::erase_if(unknown_, [this, since, &all](const SubscriberState* one) {
    if (one->opened > since) return false;
    const bool known = all_know(*one);
    all = all && known;
    return known;
  });
  return all;
}

void Session::Impl::await_publishers(Nanos patience) {
  // Subscribers that another thread opens meanwhile have a patience of their own.
  const std::uint64_t begun = cycle_count();
  if (wait_at(*bell, patience, [this, begun] { return are_known(begun); })) return;
  const std::scoped_lock lock{mutex_};
  std::erase_if(unknown_, [this, begun](const SubscriberState* one) {
    if (!one->named || one->opened > begun) return false;
    name_who_is_silent(*one);
    return true;
  });
}

/// Without this, messages sent a moment ago would go with the ring, and nobody would count them.
bool Session::Impl::await_subscribers(const PublisherState& publisher) noexcept {
  if (publisher.sent == 0 || leaving()) return true;
  const auto all_read = [this, &publisher] {
    const std::scoped_lock lock{mutex_};
    return std::ranges::all_of(publisher.subscribers.owned(), [&](const auto& peer) {
      if (!peer->region || peer->dead.load(std::memory_order_relaxed)) return true;
      const auto& rows = peer->region.template as<const CursorFile>()->rows;
      // relaxed: a number on its own.
      return std::ranges::any_of(rows,
                                 [&](const TakenRow& row) {
                                   return row.ring.load(std::memory_order_relaxed) ==
                                          publisher.inode;
                                 }) ||
             !peer->region.locked();
    });
  };
  if (all_read()) return true;
  return wait_at(*bell, defers_bells() ? Nanos{} : closing_patience(), all_read);
}

}  // namespace horus::shm
