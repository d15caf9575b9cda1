// SPDX-License-Identifier: Apache-2.0
// The helper thread's scans of a topic's folder: who came, who died, and what cannot be used.
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "shm/leave.hpp"
#include "shm/names.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

// Beyond this the set is cleared, and a path may be counted twice: it cannot grow without bound.
constexpr std::size_t kMaxRejectedPaths = 4096;
// Scans in one turn of the helper thread, so that nobody waits for long who opens a topic.
constexpr std::size_t kMostLooks = 64;
constexpr int kMostReads = 64;

Error unusable(const char* what, const std::string& path) noexcept {
  return {Errc::kCorrupt, what, 0, Name<200>::clipped(path)};
}

Error no_place(const char* what, const std::string& path) noexcept {
  return {Errc::kExhausted, what, 0, Name<200>::clipped(path)};
}

/// Marks the peers whose owner is dead.
template <typename Table>
void mark_dead(Table& table) noexcept {
  for (auto& peer : table.owned()) {
    // release: whoever sees the flag sees all that the dead publisher committed. A dead peer stays
    // mapped until the user's thread lets it go.
    if (!peer->region.alive()) peer->dead.store(true, std::memory_order_release);
  }
}

/// Writes into a ring of the publisher which subscribers it knows.
void tell_known(const PublisherState& publisher, const Region& ring) noexcept {
  auto& known = ring.as<RingHeader>()->known;
  std::size_t told = 0;
  for (const auto& peer : publisher.subscribers.owned()) {
    if (!peer->region || told == known.size()) continue;
    // release: whoever finds itself here knows that the publisher counts it, if the topic
    // refuses.
    known[told++].store(peer->region.inode(), std::memory_order_release);
  }
  for (; told < known.size(); ++told) known[told].store(0, std::memory_order_release);
}

/// Those of `names` that are not known yet, as many as one scan tries.
template <typename Table>
std::vector<std::string> unknown(std::vector<std::string> names, const Table& table,
                                 Attention& attention) {
  attention.choose(names);
  std::erase_if(names, [&table](const std::string& name) { return table.knows(name); });
  return names;
}

void attach(SubscriberState& subscriber, std::unique_ptr<RingPeer> peer, bool late) {
  // A ring whose publisher died before the subscription began has nothing for a subscriber without
  // history. It must be remembered: the next scan would take it for a late one.
  if (!late && !peer->seen_alive && subscriber.history == 0) {
    return subscriber.rings.remember(std::move(peer));
  }
  subscriber.rings.attach(std::move(peer), [&subscriber](RingPeer& ring, std::size_t slot) {
    TakenRow& row = subscriber.region.as<CursorFile>()->rows[slot];
    row.taken.store(ring.next, std::memory_order_relaxed);
    // release: a publisher that finds its ring in this row also finds the number.
    row.ring.store(ring.region.inode(), std::memory_order_release);
    ring.row = &row;
  });
}

}  // namespace

void Session::Impl::reject(const std::string& path, const Error& why) {
  // Removed between the listing and the opening: not an error.
  if (why.code == Errc::kNotFound) return;
  if (rejected_.size() >= kMaxRejectedPaths) rejected_.clear();
  if (!rejected_.insert(path).second) return;
  ++rejections_;
  last_rejection_ = why;
  count_rejections();
}

void Session::Impl::count_rejections() const noexcept {
  for (const auto& weak : pages_) {
    if (const auto page = weak.lock()) page->host().rejected.set(rejections_);
  }
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
  if (name == home_.bell) return bell;
  if (name.empty() || name.find('/') != std::string::npos) return nullptr;
  if (const auto known = bells_.find(name); known != bells_.end()) return known->second;
  const FolderPtr& bells = home_.base->bells();
  auto region = Region::open(bells, name, sizeof(BellFile), true);
  if (!region) {
    reject(bells->path_of(name), region.error());
    return nullptr;
  }
  return bells_[name] = std::make_shared<Bell>(std::move(region).value());
}

std::shared_ptr<Life> Session::Impl::life_of(std::string_view file) {
  const std::string_view whose = identity_of(file);
  // This process's own files do not die; they end when their names go.
  if (whose == home_.identity) return nullptr;
  if (const auto known = lives_.find(whose); known != lives_.end()) return known->second;
  auto region = Region::open(home_.base->bells(), std::string{whose} + ".bell", sizeof(BellFile));
  // A process without a bell: its files are checked one by one, in probe().
  if (!region || !region.value().locked()) return nullptr;
  return lives_[std::string{whose}] =
             std::make_shared<Life>(Life{.bell = std::move(region).value()});
}

Result<std::unique_ptr<CursorPeer>> Session::Impl::open_cursor(const PublisherState& publisher,
                                                               const std::string& name) {
  auto region = Region::open(publisher.place.folder, name, sizeof(CursorFile));
  if (!region) return region.error();
  if (!region.value().alive()) return Error{Errc::kNotFound, "subscriber is dead", 0, {}};
  const auto& cursor = *region.value().as<const CursorFile>();
  if (!is_a(cursor.file, Magic::kCursor)) {
    return unusable("subscriber's file is damaged or of another version", region.value().path());
  }
  if (publisher.subscribers.is_foreign(region.value()) && publisher.subscribers.full_of_foreign()) {
    return no_place("publisher has no place for another user's subscriber", region.value().path());
  }
  auto peer = std::make_unique<CursorPeer>();
  peer->name = name;
  peer->bell = bell_of(std::string{cursor.bell.view()});
  peer->life = life_of(name);
  peer->region = std::move(region).value();
  return peer;
}

Result<std::unique_ptr<RingPeer>> Session::Impl::open_ring(const SubscriberState& subscriber,
                                                           const std::string& name, bool late) {
  auto region = Region::open(subscriber.place.folder, name, sizeof(RingHeader));
  if (!region) return region.error();
  return ring_peer(subscriber, name, std::move(region).value(), late);
}

Result<std::unique_ptr<RingPeer>> Session::Impl::ring_peer(const SubscriberState& subscriber,
                                                           const std::string& name, Region region,
                                                           bool late) {
  const auto view = view_of(region, subscriber.type->hash, subscriber.type->varies());
  if (!view) return unusable("ring is damaged, or of another type or version", region.path());
  if (subscriber.rings.is_foreign(region) && subscriber.rings.full_of_foreign()) {
    return no_place("subscriber has no place for another user's publisher", region.path());
  }
  auto peer = std::make_unique<RingPeer>();
  peer->name = name;
  peer->life = life_of(name);
  peer->view = *view;
  peer->region = std::move(region);
  const std::uint64_t depth = subscriber.depth.load(std::memory_order_relaxed);
  peer->depth = std::min(depth, view->capacity());
  peer->seen_alive = late || peer->region.alive();
  const std::uint64_t sent = complete(*view);
  // Of the messages that a ring carried over, those before `carried` are only for a subscriber that
  // asks for history and has not read them in the ring before.
  const std::uint64_t carried = std::min(read_once(view->header->carried), sent);
  const std::uint64_t replaces = read_once(view->header->replaces);
  const auto is_before = [replaces](const auto& ring) {
    return ring->region && ring->region.inode() == replaces;
  };
  const bool was_read = replaces != 0 && std::ranges::any_of(subscriber.rings.owned(), is_before);
  // A late ring is one that came after the subscription began. It is read from its own beginning,
  // so that nothing is lost uncounted.
  if (late && (was_read || subscriber.history == 0)) {
    peer->next = carried;
    return peer;
  }
  const std::uint64_t wanted = subscriber.wanted;
  if (wanted != 0 && read_once(view->header->opened) >= wanted) return peer;
  const std::uint64_t back = std::min<std::uint64_t>(subscriber.history, view->capacity());
  const std::uint64_t kept = oldest_kept(*view, sent - std::min(sent, back), sent);
  // acquire: what the publisher writes meanwhile is newer.
  const auto is_stale = [&](std::uint64_t n) {
    return view->slot(n).cycles.load(std::memory_order_acquire) < subscriber.since;
  };
  peer->next = kept;
  for (std::uint64_t end = sent; peer->next < end;) {
    // Send times grow with the numbers: find the first message that is not too old by halving.
    const std::uint64_t middle = peer->next + (end - peer->next) / 2;
    if (is_stale(middle)) {
      peer->next = middle + 1;
    } else {
      end = middle;
    }
  }
  if (late) peer->next = std::min(peer->next, carried);
  return peer;
}

void Session::Impl::adopt(Seeking& seeking, SubscriberState& subscriber) {
  const std::scoped_lock lock{mutex_};
  for (Seeking::Ring& ring : seeking.rings) {
    auto peer = ring_peer(subscriber, ring.name, std::move(ring.region), true);
    if (!peer) {
      reject(subscriber.place.folder->path_of(ring.name), peer.error());
      continue;
    }
    attach(subscriber, std::move(peer).value(), true);
  }
  seeking.rings.clear();
}

void Session::Impl::look(PublisherState& publisher) {
  auto names = participants(publisher.place, "");
  std::erase_if(names, [](const std::string& name) {
    return !name.ends_with(kCursorSuffix) && !name.ends_with(kWantSuffix);
  });
  std::vector<std::shared_ptr<Bell>> fresh;
  const auto strangers = unknown(names, publisher.subscribers, publisher.attention);
  bool settled = names.size() <= Attention::kMostTries;
  for (const std::string& name : strangers) {
    const std::string path = publisher.place.folder->path_of(name);
    if (publisher.subscribers.full()) {
      settled = false;
      reject(path, no_place("publisher has no place for another subscriber", path));
      continue;
    }
    auto peer = open_cursor(publisher, name);
    if (!peer) {
      settled &= peer.error().code == Errc::kNotFound;
      reject(path, peer.error());
      continue;
    }
    const auto& its = peer.value()->bell;
    if (its != nullptr && its != bell) fresh.push_back(its);
    publisher.subscribers.attach(std::move(peer).value(), [](CursorPeer&, std::size_t) {});
  }
  mark_dead(publisher.subscribers);
  publisher.subscribers.collect(names);
  tell_known(publisher, publisher.region);
  if (publisher.next != nullptr) tell_known(publisher, publisher.next->region);
  // Their subscribers may be waiting for this, see Session::await_publishers().
  for (const auto& one : fresh) one->ring();
  publisher.attention.settle(settled);
}

void Session::Impl::look(SubscriberState& subscriber, bool late) {
  const auto names = participants(subscriber.place, kRingSuffix);
  const auto strangers = unknown(names, subscriber.rings, subscriber.attention);
  // Rings that existed when the subscription began are not late, however many scans that takes.
  late = late && !subscriber.first;
  subscriber.first = subscriber.first && subscriber.attention.tried != 0;
  bool settled = names.size() <= Attention::kMostTries;
  if (!strangers.empty()) learn_limits(subscriber);
  for (const std::string& name : strangers) {
    const std::string path = subscriber.place.folder->path_of(name);
    if (subscriber.rings.full()) {
      settled = false;
      reject(path, no_place("subscriber has no place for another publisher", path));
      continue;
    }
    auto peer = open_ring(subscriber, name, late);
    if (!peer) {
      settled &= peer.error().code == Errc::kNotFound;
      reject(path, peer.error());
      continue;
    }
    attach(subscriber, std::move(peer).value(), late);
    // Its publisher may be waiting for this, see await_subscribers().
    if (!late) continue;
    const auto its = bell_of(std::string{identity_of(name)} + ".bell");
    if (its != nullptr && its != bell) its->ring();
  }
  mark_dead(subscriber.rings);
  subscriber.rings.collect(names);
  subscriber.attention.settle(settled);
}

/// Scans a declared topic even if this process does not read it, so that its log says which
/// participants are ignored there.
void Session::Impl::look(Declared& declared) {
  auto names = participants(declared.place, "");
  declared.attention.choose(names);
  for (const std::string& name : names) {
    if (!is_foreigner(declared.place, name, declared.hash)) continue;
    const std::string path = declared.place.folder->path_of(name);
    reject(path, unusable("of another type than is declared for the topic", path));
  }
  declared.attention.settle(true);
}

bool Session::Impl::watch(const Folder& folder) {
  // Through the descriptor: watches the folder that is held, not another of its name.
  const std::string self = "/proc/self/fd/" + std::to_string(folder.fd());
  constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;
  const int fd = inotify_.get();
  const int watch = ::inotify_add_watch(fd, self.c_str(), kEvents);  // by path: of a descriptor
  if (&folder == home_.base->pools().get()) pools_watch_ = watch;
  if (&folder == home_.base->declared().get()) declared_watch_ = watch;
  return watch >= 0;
}

/// Watches the folders that are not a topic's.
void Session::Impl::watch_base() {
  watch(*home_.base->pools());
  if (declares) watch(*home_.base->declared());
}

Session::Impl::News Session::Impl::news() {
  News news;
  alignas(inotify_event) std::array<char, 4096> events{};
  // As many reads as the kernel's queue needs: events that come meanwhile wait for the next turn.
  for (int reads = 0; reads < kMostReads; ++reads) {
    const ssize_t read_size = ::read(inotify_.get(), events.data(), events.size());
    if (read_size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(read_size);) {
      const auto& event = *reinterpret_cast<const inotify_event*>(events.data() + at);
      at += sizeof event + event.len;
      hear(event, news);
    }
  }
  return news;
}

void Session::Impl::hear(const inotify_event& event, News& news) const {
  const bool went = (event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
  const std::string_view name{event.len > 0 ? event.name : ""};
  const std::string_view key = key_of(name);
  if (event.wd < 0) {
    news.lost = true;
  } else if (event.wd == pools_watch_) {
    news.pools = true;
  } else if (event.wd == declared_watch_) {
    if (went) news.gone.emplace(key);
  } else if (!key.empty() && !name.ends_with(kTypeSuffix)) {
    // A process knows when its own files come (see discover()), but not when somebody removes
    // them.
    const bool own = identity_of(name) == home_.identity;
    if (!own || went) news.keys.emplace(key);
    if (own && went) news.gone.emplace(key);
  }
}

void Session::Impl::note(const News& news) {
  for (const std::string& key : news.keys) {
    if (const Parties* const its = parties_of(key)) make_due(*its);
  }
  for (const std::string& key : news.gone) {
    if (parties_of(key) != nullptr) removed_.insert(key);
  }
  if (!news.lost) return;
  for (auto& [key, its] : parties_) {
    make_due(its);
    removed_.insert(key);
  }
}

Session::Impl::Parties* Session::Impl::parties_of(std::string_view key) {
  const auto found = parties_.find(key);
  return found == parties_.end() ? nullptr : &found->second;
}

void Session::Impl::drop_parties(const std::string& key) {
  const auto found = parties_.find(key);
  if (found != parties_.end() && found->second.empty()) parties_.erase(found);
}

void Session::Impl::make_due(const Parties& parties) noexcept {
  for (PublisherState* one : parties.publishers) one->attention.due = true;
  for (SubscriberState* one : parties.subscribers) one->attention.due = true;
  for (Seeking* one : parties.sought) one->attention.due = true;
  if (parties.declared != nullptr) parties.declared->attention.due = true;
}

void Session::Impl::pass_round() {
  std::erase_if(lives_, [](const auto& known) { return known.second.use_count() == 1; });
  // Such a bell is in this map only; others get it only by bell_of(), under the lock.
  std::erase_if(bells_, [](const auto& known) { return known.second.use_count() == 1; });
  for (auto& [name, life] : lives_) life->over = !life->bell.locked();
  for (PublisherState* one : publishers_) {
    one->attention.pass();
    one->attention.due |= one->subscribers.has_changed();
  }
  for (SubscriberState* one : subscribers_) {
    // relaxed, here and where it is read: the moment does not matter.
    one->rings.each([](RingPeer& ring, std::size_t) {
      ring.count_is_due.store(true, std::memory_order_relaxed);
    });
    one->attention.pass();
    one->attention.due |= one->rings.has_changed();
  }
  for (Seeking* one : sought_) one->attention.pass();
  for (Declared* one : declarations_) one->attention.pass();
  homeless_ = leaving() || !mend_home();
  if (!homeless_) {
    mend_pools();
    mend_pages();
    mend_removed();
  }
  probe(kMostProbes);
  if (!homeless_) regain();
}

/// Checks some files of this process themselves, in turn: whether each is still locked, whole and
/// named.
void Session::Impl::probe(std::size_t most) {
  const std::size_t all = holdings();
  std::size_t files = 0;
  // Some may have been closed since unmended_ was set.
  unmended_ = std::min(unmended_, all);
  for (std::size_t i = 0; i < all && files < most; ++i) {
    unmended_ -= unmended_ != 0 ? 1 : 0;
    ++clean_;
    files += probe_next();
  }
}

/// Checks the next one. Returns how many files that were.
std::size_t Session::Impl::probe_next() {
  const auto look_at = [this](auto& state, auto& peers) {
    state.attention.due |= peers.has_dead();
    if (!homeless_) mend(state);
    return 1 + peers.owned().size();
  };
  probed_ = (probed_ + 1) % holdings();
  std::size_t at = probed_;
  if (at < publishers_.size()) return look_at(*publishers_[at], publishers_[at]->subscribers);
  at -= publishers_.size();
  if (at < subscribers_.size()) return look_at(*subscribers_[at], subscribers_[at]->rings);
  at -= subscribers_.size();
  if (homeless_) return 1;
  if (at < sought_.size()) {
    mend(*sought_[at]);
  } else {
    mend(*declarations_[at - sought_.size()]);
  }
  return 1;
}

bool Session::Impl::look_where_due() {
  std::size_t looks = 0;
  bool more = false;
  const auto look_at = [&](auto& state, auto... late) {
    if (!state.attention.due) return;
    if (++looks <= kMostLooks) look(state, late...);
    more = more || state.attention.due;
  };
  for (Declared* one : declarations_) look_at(*one);
  for (PublisherState* one : publishers_) look_at(*one);
  for (SubscriberState* one : subscribers_) look_at(*one, true);
  for (Seeking* one : sought_) look_at(*one);
  return more;
}

}  // namespace horus::shm
