// SPDX-License-Identifier: Apache-2.0
// The helper thread's looks at a topic's directory: who came, who died, what is not to be used.
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "shm/directory.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

// More paths are not kept in mind: who makes so many is counted again.
constexpr std::size_t kMaxRejectedPaths = 4096;

Error unusable(const char* what, const std::string& path) noexcept {
  return {Errc::kCorrupt, what, 0, Name<200>::clipped(path)};
}

Error no_place(const char* what, const std::string& path) noexcept {
  return {Errc::kExhausted, what, 0, Name<200>::clipped(path)};
}

/// Marks the peers whose owner is gone.
template <typename Table>
void mark_dead(Table& table) noexcept {
  for (auto& peer : table.owned()) {
    // release: what a dead publisher committed is visible to whoever sees the flag. A dead peer
    // stays mapped until the user's thread lets it go.
    if (!peer->region.alive()) peer->dead.store(true, std::memory_order_release);
  }
}

void attach(SubscriberState& subscriber, std::unique_ptr<RingPeer> peer, bool late) {
  // A dead one's ring from before the subscription has nothing for who asks for no history; were
  // it not remembered, it would be a late one at the next look.
  if (!late && !peer->witnessed && subscriber.history == 0) {
    return subscriber.rings.remember(std::move(peer));
  }
  subscriber.rings.attach(std::move(peer), [&subscriber](RingPeer& ring, std::size_t slot) {
    TakenRow& row = subscriber.region.as<CursorFile>()->rows[slot];
    row.taken.store(ring.next, std::memory_order_relaxed);
    // release: whoever finds the ring's row finds its number.
    row.ring.store(ring.region.inode(), std::memory_order_release);
    if (subscriber.refuses) ring.row = &row;
  });
}

}  // namespace

void Session::Impl::reject(const std::string& path, const Error& why) {
  // Gone between the list and the look at it: nobody's fault.
  if (why.code == Errc::kNotFound) return;
  if (rejected_.size() >= kMaxRejectedPaths) rejected_.clear();
  if (!rejected_.insert(path).second) return;
  ++rejections_;
  last_rejection_ = why;
}

std::uint64_t Session::Impl::rejected() const {
  const std::scoped_lock lock{mutex_};
  return rejections_;
}

std::optional<Error> Session::Impl::last_rejection() const {
  const std::scoped_lock lock{mutex_};
  return last_rejection_;
}

std::shared_ptr<Bell> Session::Impl::bell_of(const std::string& name) {
  if (name == bell_name) return bell;
  if (name.empty() || name.find('/') != std::string::npos) return nullptr;
  if (const auto known = bells_.find(name); known != bells_.end()) return known->second;
  const std::string path = path_in(base + "/bells", name);
  auto region = Region::open(path, sizeof(BellFile), true);
  if (!region) {
    reject(path, region.error());
    return nullptr;
  }
  return bells_[name] = std::make_shared<Bell>(std::move(region).value());
}

Result<std::unique_ptr<CursorPeer>> Session::Impl::open_cursor(const std::string& path) {
  auto region = Region::open(path, sizeof(CursorFile));
  if (!region) return region.error();
  if (!region.value().alive()) return Error{Errc::kNotFound, "subscriber is dead", 0, {}};
  const auto& cursor = *region.value().as<const CursorFile>();
  if (!is_a(cursor.file, Magic::kCursor)) {
    return unusable("subscriber's file is damaged or of another version", path);
  }
  auto peer = std::make_unique<CursorPeer>();
  peer->bell = bell_of(std::string{cursor.bell.view()});
  peer->region = std::move(region).value();
  return peer;
}

Result<std::unique_ptr<RingPeer>> Session::Impl::open_ring(const SubscriberState& subscriber,
                                                           const std::string& path, bool late) {
  auto region = Region::open(path, sizeof(RingHeader));
  if (!region) return region.error();
  const auto view = view_of(region.value(), subscriber.type->hash, subscriber.type->varies());
  if (!view) return unusable("ring is damaged, or of another type or version", path);
  auto peer = std::make_unique<RingPeer>();
  peer->view = *view;
  peer->region = std::move(region).value();
  peer->witnessed = late || peer->region.alive();
  // A ring that is younger than the subscription is read from its beginning, so that nothing is
  // lost.
  if (late) return peer;
  const std::uint64_t sent = complete(*view);
  const std::uint64_t back = std::min<std::uint64_t>(subscriber.history, view->capacity());
  peer->next = oldest_kept(*view, sent - std::min(sent, back), sent);
  return peer;
}

void Session::Impl::look(PublisherState& publisher) {
  const auto names = list_directory(publisher.directory, ".sub");
  publisher.unsettled = publisher.watch < 0;
  for (const std::string& name : names) {
    if (publisher.subscribers.knows(name)) continue;
    const std::string path = path_in(publisher.directory, name);
    if (publisher.subscribers.full()) {
      publisher.unsettled = true;
      reject(path, no_place("publisher has no place for another subscriber", path));
      continue;
    }
    auto peer = open_cursor(path);
    if (!peer) {
      publisher.unsettled |= peer.error().code != Errc::kNotFound;
      reject(path, peer.error());
      continue;
    }
    peer.value()->name = name;
    publisher.subscribers.attach(std::move(peer).value(), [](CursorPeer&, std::size_t) {});
  }
  mark_dead(publisher.subscribers);
  publisher.subscribers.collect(names);
}

void Session::Impl::look(SubscriberState& subscriber, bool late) {
  const auto names = list_directory(subscriber.directory, ".ring");
  subscriber.unsettled = subscriber.watch < 0;
  for (const std::string& name : names) {
    if (subscriber.rings.knows(name)) continue;
    const std::string path = path_in(subscriber.directory, name);
    if (subscriber.rings.full()) {
      subscriber.unsettled = true;
      reject(path, no_place("subscriber has no place for another publisher", path));
      continue;
    }
    auto peer = open_ring(subscriber, path, late);
    if (!peer) {
      subscriber.unsettled |= peer.error().code != Errc::kNotFound;
      reject(path, peer.error());
      continue;
    }
    peer.value()->name = name;
    attach(subscriber, std::move(peer).value(), late);
  }
  mark_dead(subscriber.rings);
  subscriber.rings.collect(names);
}

bool Session::Impl::has_changed(const PublisherState& publisher) noexcept {
  return publisher.unsettled || publisher.subscribers.has_changed();
}

bool Session::Impl::has_changed(const SubscriberState& subscriber) noexcept {
  return subscriber.unsettled || subscriber.rings.has_changed();
}

int Session::Impl::watch(const std::string& directory) {
  return ::inotify_add_watch(inotify_.get(), directory.c_str(),
                             IN_CREATE | IN_MOVED_TO | IN_DELETE);
}

std::set<int> Session::Impl::changed() {
  std::set<int> watches;
  alignas(inotify_event) std::array<char, 4096> events{};
  for (;;) {
    const ssize_t read = ::read(inotify_.get(), events.data(), events.size());
    if (read <= 0) return watches;
    for (std::size_t at = 0; at < static_cast<std::size_t>(read);) {
      const auto& event = *reinterpret_cast<const inotify_event*>(events.data() + at);
      watches.insert(event.wd);
      at += sizeof event + event.len;
    }
  }
}

}  // namespace horus::shm
