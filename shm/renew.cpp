// SPDX-License-Identifier: Apache-2.0
// The helper thread makes again what somebody removed although its owner lives: logind at the
// user's last logout (RemoveIPC=), or a person who cleans up /dev/shm (SHM-16).
#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "shm/apart.hpp"
#include "shm/names.hpp"
#include "shm/payload_kinds.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr Nanos kTellPause = 2s;
/// Removals within this time count as one: files may still be removed while others are made again.
constexpr Nanos kOneRemoval = 10s;

constexpr std::size_t kMostLost = 4096;  // Names of losses that are remembered, to tell each once.
constexpr const char* kSharedMemory = "shared_memory";
constexpr const char* kCure =
    "logging out does so (see 'horusctl doctor'): loginctl enable-linger $USER";

/// Copies the messages that the publisher's ring still has into the one that replaces it, so that a
/// late joiner finds its history there. Descriptors are not copied, as their pools may be gone,
/// too.
void carry(const PublisherState& publisher, NextRing& next) {
  const RingView& from = publisher.view;
  RingHeader& header = *next.view.header;
  header.replaces = publisher.inode;
  header.opened = from.header->opened;
  if (find_payload_kind(publisher.type->name) != nullptr) return;
  std::vector<std::byte> message(from.max_size);
  const std::uint64_t sent = complete(from);
  for (std::uint64_t n = oldest_kept(from, 0, sent); n < sent; ++n) {
    const std::uint64_t cycles = from.slot(n).cycles.load(std::memory_order_acquire);
    // The publisher may overwrite the message meanwhile. Then only newer ones are copied.
    const Read read = read_message(from, n, message);
    if (read.outcome != ReadOutcome::kTaken) continue;
    const auto bytes = std::span{message}.first(read.length);
    const bool in_area = next.view.area_size != 0;
    const std::uint64_t place = in_area ? place_for(next.view, next.reserved, bytes.size()) : 0;
    write_message(next.view, next.carried++, place, bytes, cycles);
    if (in_area) next.reserved = place + padded(bytes.size());
  }
  header.carried = next.carried;
}

}  // namespace

void Session::Impl::keep(std::weak_ptr<StatsPage> page) {
  const std::scoped_lock lock{mutex_};
  pages_.push_back(std::move(page));
  count_rejections();
}

void Session::Impl::keep(std::weak_ptr<BlackBoxPage> box) {
  const std::scoped_lock lock{mutex_};
  boxes_.push_back(std::move(box));
}

/// Reports a loss, once for each name; the first one also in the hosts' pages.
void Session::Impl::lose(const std::string& lost, const Error& why) {
  clean_ = 0;
  if (lost_.size() >= kMostLost) lost_.clear();
  const bool first = lost_.empty();
  if (!lost_.insert(lost).second) return;
  const std::string cure = "start this process again; " + std::string{kCure};
  to_tell_.push_back("somebody removed shared memory of this process, " + lost +
                     ", and it cannot be made again: " + describe(why) +
                     "; who comes now does not find it: " + cure);
  if (!first) return;
  DegradationRecord record;
  record.feature = Name<32>::clipped(kSharedMemory);
  record.reason = Name<160>::clipped("somebody removed " + lost + ": " + describe(why));
  record.fix = Name<160>::clipped(cure);
  record.severity.set(2);
  for (const auto& weak : pages_) {
    if (const auto page = weak.lock()) page->degrade(record);
  }
}

/// Ends the report once every file was checked since the last loss and none is missing.
void Session::Impl::regain() {
  if (lost_.empty() || ++clean_ <= holdings() + 1) return;
  lost_.clear();
  to_tell_.push_back("what could not be made again of this process's shared memory is there");
  for (const auto& weak : pages_) {
    if (const auto page = weak.lock()) page->relieve(kSharedMemory);
  }
}

/// Reports that the base was made again, and that some who could enter it before cannot now.
void Session::Impl::tell_shut(const std::optional<Error>& shut) {
  constexpr const char* kBaseFolder = "base_folder";
  DegradationRecord record;
  record.feature = Name<32>::clipped(kBaseFolder);
  record.severity.set(2);
  if (shut) {
    const std::string what =
        root + " was removed, and made again closed to its group: " + describe(*shut);
    const std::string cure = "stop all who use it, remove it, and make it as it was before";
    record.reason = Name<160>::clipped(what);
    record.fix = Name<160>::clipped(cure);
    to_tell_.push_back(what + "; other users are shut out: " + cure);
  }
  for (const auto& weak : pages_) {
    const auto page = weak.lock();
    if (page != nullptr && shut) page->degrade(record);
    if (page != nullptr && !shut) page->relieve(kBaseFolder);
  }
}

/// Makes the folders and this process's bell again. The bell shows whether this process's files
/// were removed: every process has one, under a name that is never used again. Returns whether
/// there is a base to work in.
bool Session::Impl::mend_home() {
  const bool is_known = bell->is_named();
  if (is_known && home_.base->is_whole()) return true;
  auto joined = Base::join(root);
  const auto fail = [this](const Error& why) {
    lose(root, why);
    return false;
  };
  if (!joined) return fail(joined.error());
  Home fresh = home();
  fresh.base = std::move(joined).value();
  // If only some folders were removed, the process's names are still good.
  if (!is_known) {
    fresh.identity = make_identity();
    fresh.bell = fresh.identity + ".bell";
    if (auto renewed = bell->renew(fresh.base->bells(), fresh.bell); !renewed) {
      return fail(renewed.error());
    }
  }
  {
    const std::scoped_lock lock{home_mutex_};
    home_ = std::move(fresh);
  }
  watch_base();
  tell_shut(home_.base->shut());
  for (SubscriberState* one : subscribers_) one->stale |= !is_known;
  unmended_ = holdings();
  const TimePoint now = MonotonicClock::now();
  if (now - std::exchange(mended_, now) < kOneRemoval) return true;
  to_tell_.push_back("somebody removed the shared memory of this process in " + root +
                     "; it was made again; " + kCure);
  return true;
}

/// Checks the topics of which a file of this process was removed; all files if there are many.
void Session::Impl::mend_removed() {
  if (removed_.size() > kMostProbes) unmended_ = holdings();
  if (unmended_ < holdings()) {
    for (const std::string& key : removed_) {
      Parties* const its = parties_of(key);
      if (its == nullptr) continue;
      for (PublisherState* one : its->publishers) mend(*one);
      for (SubscriberState* one : its->subscribers) mend(*one);
      for (Seeking* one : its->sought) mend(*one);
      if (its->declared != nullptr) mend(*its->declared);
    }
  }
  removed_.clear();
}

void Session::Impl::mend_pools() {
  const FolderPtr& folder = home_.base->pools();
  pools->peers().move(folder, home_.identity);
  pools->own().mend(folder, home_.identity,
                    [this](const Error& why) { lose("a pool of images", why); });
}

void Session::Impl::mend_pages() {
  std::erase_if(pages_, [](const auto& page) { return page.expired(); });
  for (const auto& weak : pages_) {
    const auto page = weak.lock();
    if (page == nullptr) continue;
    if (auto kept = page->keep(home_.base->hosts()); !kept) {
      lose("the statistics of this host", kept.error());
    }
  }
  std::erase_if(boxes_, [](const auto& box) { return box.expired(); });
  for (const auto& weak : boxes_) {
    if (const auto box = weak.lock()) box->keep(home_.base->hosts());
  }
}

template <typename State>
void Session::Impl::mend(State& state) {
  // renew() does nothing for a file without a name so far: its own thread is still making it.
  if (auto renewed = renew(state); !renewed) lose(state.region.path(), renewed.error());
}
template void Session::Impl::mend(PublisherState& state);
template void Session::Impl::mend(SubscriberState& state);

void Session::Impl::mend(Declared& declared) {
  if (auto renewed = renew(declared); !renewed) lose(declared.type.path(), renewed.error());
}

/// Completes a change of rings. Does not wait for the publisher's thread, which changes over with
/// its next message. A replacement that was removed as well before that is withdrawn.
void Session::Impl::settle(PublisherState& publisher) {
  if (publisher.next == nullptr) return;
  // acquire: the publisher's thread is done with the old ring.
  if (!publisher.next->taken.load(std::memory_order_acquire)) {
    const bool removed = !publisher.next->region.is_named();
    // relaxed: this thread made it.
    if (removed && publisher.offered.exchange(nullptr, std::memory_order_relaxed) != nullptr) {
      publisher.next = nullptr;
    }
    return;
  }
  publisher.region.unlink();
  publisher.region = std::move(publisher.next->region);
  publisher.next = nullptr;
}

Status Session::Impl::renew(PublisherState& publisher) {
  settle(publisher);
  if (publisher.next != nullptr || publisher.region.is_named()) return {};
  const TypeFile& file = publisher.file;
  const TypeInfo& type = *publisher.type;
  auto place = place_of(*home_.base, file.topic.view());
  if (!place) return place.error();
  auto region = make_ring(place.value(), file, type);
  if (!region) return region.error();
  region.value().as<RingHeader>()->node = publisher.region.as<RingHeader>()->node;
  auto next = std::make_unique<NextRing>();
  next->region = std::move(region).value();
  const auto view = view_of(next->region, type.hash, type.varies());
  if (!view) return Error{Errc::kCorrupt, "ring was changed while it was made", 0, {}};
  next->view = *view;
  next->inode = next->region.inode();
  carry(publisher, *next);
  // Until the publisher changes over, it still sends to the old ring, which a subscriber that comes
  // now cannot find. Such a subscriber waits until the publisher says in the new ring that it knows
  // it.
  const Role role{kRingSuffix, kMaxPublishers};
  if (auto named = join_topic(next->region, place.value(), file, type, role); !named) return named;
  publisher.place = std::move(place).value();
  publisher.next = std::move(next);
  // release: the ring is complete.
  publisher.offered.store(publisher.next.get(), std::memory_order_release);
  publisher.attention.watched = watch(*publisher.place.folder);
  look(publisher);
  make_due(parties_[publisher.place.key]);
  return {};
}

Status Session::Impl::renew(Declared& declared) {
  if (declared.type.is_named()) return {};
  auto place = place_of(*home_.base, declared.type.as<TypeFile>()->topic.view());
  if (!place) return place.error();
  declared.place = std::move(place).value();
  declared.attention = {.watched = watch(*declared.place.folder), .due = true};
  return declared.type.renew(declared.place.declared, declared.place.type_name());
}

Status Session::Impl::renew(SubscriberState& subscriber) {
  if (!subscriber.named || (!subscriber.stale && subscriber.region.is_named())) return {};
  const TypeFile& file = subscriber.file;
  auto place = place_of(*home_.base, file.topic.view());
  if (!place) return place.error();
  subscriber.region.as<CursorFile>()->bell = Name<72>::clipped(home_.bell);
  subscriber.region.unlink();
  const auto number = serial.fetch_add(1, std::memory_order_relaxed);
  const std::string name = place.value().key + "." + home_.identity + "." + std::to_string(number) +
                           std::string{kCursorSuffix};
  if (auto renewed = subscriber.region.renew(place.value().folder, name); !renewed) return renewed;
  subscriber.stale = false;
  subscriber.place = std::move(place).value();
  subscriber.attention.watched = watch(*subscriber.place.folder);
  look(subscriber, true);
  make_due(parties_[subscriber.place.key]);
  return keep_type(subscriber.place, file, *subscriber.type, false);
}

/// Whether there is nobody but this process in any of its topics.
bool Session::Impl::hears_nobody() {
  const std::scoped_lock lock{mutex_};
  const auto is_another = [this](const auto& peer) {
    return peer->region && identity_of(peer->name) != home_.identity;
  };
  const auto hears = [&](const SubscriberState* one) {
    return std::ranges::any_of(one->rings.owned(), is_another);
  };
  const auto is_heard = [&](const PublisherState* one) {
    return std::ranges::any_of(one->subscribers.owned(), is_another);
  };
  const bool has_topics = !subscribers_.empty() || !publishers_.empty() || !sought_.empty();
  return has_topics && std::ranges::none_of(subscribers_, hears) &&
         std::ranges::none_of(publishers_, is_heard);
}

/// Warns, once, if another user may have the same topics in another base: both would hear nothing,
/// and not know why.
void Session::Impl::tell_who_is_apart() {
  const TimePoint now = MonotonicClock::now();
  if (look_apart_ == TimePoint{}) {
    look_apart_ = now + patience_apart_;
    began_ = since_1970();
  }
  if (teller_ == nullptr || now < look_apart_) return;
  patience_apart_ *= 2;
  look_apart_ = now + patience_apart_;
  if (!hears_nobody()) return;
  std::string text = apart_from(root, began_);
  if (text.empty()) return;
  look_apart_ = TimePoint::max();
  const std::scoped_lock lock{mutex_};
  to_tell_.push_back(std::move(text));
}

/// Calls the teller outside of the lock, as it may wait.
void Session::Impl::tell() {
  std::vector<std::string> texts;
  {
    const std::scoped_lock lock{mutex_};
    texts.swap(to_tell_);
    const TimePoint now = MonotonicClock::now();
    const std::uint64_t fresh = rejections_ - told_;
    if (fresh != 0 && now >= quiet_until_) {
      told_ = rejections_;
      quiet_until_ = now + kTellPause;
      std::string text = "a file of another process is ignored: " + describe(*last_rejection_);
      if (fresh > 1) text += " (and " + std::to_string(fresh - 1) + " others)";
      texts.push_back(std::move(text));
    }
  }
  if (teller_ == nullptr) return;
  for (const std::string& text : texts) teller_(text);
}

}  // namespace horus::shm
