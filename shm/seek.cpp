// SPDX-License-Identifier: Apache-2.0
// Subscriptions to a topic that nobody has opened yet, so that its type is not known. Publishers
// count such a subscription as a subscriber that has taken nothing. What they send, and the type
// that they set, is kept for the subscription that follows.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "shm/names.hpp"
#include "shm/seeking.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

std::string want_name(const Seeking& seeking, const std::string& identity, std::uint32_t number) {
  return seeking.place.key + "." + identity + "." + std::to_string(number) +
         std::string{kWantSuffix};
}

}  // namespace

std::shared_ptr<Seeking> Session::Impl::seek(const std::string& topic, bool ahead) {
  const Home here = home();
  auto place = place_of(*here.base, topic);
  if (!place) return nullptr;
  auto region = Region::create(place.value().folder, sizeof(CursorFile), kFileMode);
  if (!region) return nullptr;
  auto& cursor = *region.value().as<CursorFile>();
  cursor.file = {.magic = Magic::kCursor, .pid = ::getpid(), .size = sizeof(CursorFile)};
  cursor.bell = Name<72>::clipped(here.bell);
  cursor.ahead.store(ahead ? 1 : 0, std::memory_order_relaxed);  // relaxed: it has no name yet.
  auto seeking = std::make_unique<Seeking>();
  seeking->topic = topic;
  seeking->place = std::move(place).value();
  seeking->region = std::move(region).value();
  const auto number = serial.fetch_add(1, std::memory_order_relaxed);
  const std::scoped_lock lock{mutex_};
  if (!seeking->region.publish(want_name(*seeking, here.identity, number))) return nullptr;
  seeking->attention.watched = watch(*seeking->place.folder);
  look(*seeking);
  sought_.push_back(seeking.get());
  parties_[seeking->place.key].sought.push_back(seeking.get());
  look_again(seeking->place);
  return {seeking.release(), [this](Seeking* one) { cease(one); }};
}

void may_only_send(Seeking& seeking) noexcept {
  auto& ahead = seeking.region.as<CursorFile>()->ahead;
  ahead.store(kAheadToSend, std::memory_order_relaxed);  // relaxed: a hint
}

void Session::begin(Seeking& seeking) noexcept {
  seeking.region.as<CursorFile>()->ahead.store(0, std::memory_order_relaxed);  // relaxed: a hint
}

/// Lets the publishers of this process find out at once who came and who went.
void Session::Impl::look_again(const TopicPlace& place) {
  const Parties* const its = parties_of(place.key);
  if (its == nullptr) return;
  for (PublisherState* publisher : its->publishers) look(*publisher);
}

void Session::Impl::cease(Seeking* seeking) noexcept {
  if (forked()) return;  // Its files are the parent's.
  const std::unique_ptr<Seeking> last{seeking};
  const std::scoped_lock lock{mutex_};
  std::erase(sought_, seeking);
  if (Parties* const its = parties_of(seeking->place.key)) {
    std::erase(its->sought, seeking);
    drop_parties(seeking->place.key);
  }
  leave(seeking->region, seeking->place);
  // Unlocks the file: a publisher that refuses no longer waits for it.
  seeking->region = {};
  look_again(seeking->place);
}

/// Maps the rings that exist, so that they stay even if their publishers close.
void Session::Impl::look(Seeking& seeking) {
  auto& rows = seeking.region.as<CursorFile>()->rows;
  auto names = participants(seeking.place, kRingSuffix);
  seeking.attention.choose(names);
  bool settled = true;
  for (const std::string& name : names) {
    const std::size_t place = seeking.rings.size();
    if (place == rows.size()) break;
    if (std::ranges::find(seeking.rings, name, &Seeking::Ring::name) != seeking.rings.end()) {
      continue;
    }
    // Errors are left to the subscription that follows, which reports them.
    auto region = Region::open(seeking.place.folder, name, sizeof(RingHeader));
    if (!region) {
      const Errc code = region.error().code;
      settled = settled && code != Errc::kExhausted && code != Errc::kSystem;
      continue;
    }
    // release: as for a subscriber's rows, see attach().
    rows[place].ring.store(region.value().inode(), std::memory_order_release);
    seeking.rings.push_back({.name = name, .region = std::move(region).value()});
    const auto its = bell_of(std::string{identity_of(name)} + ".bell");
    if (its != nullptr && its != bell) its->ring();
  }
  seeking.attention.settle(settled);
}

/// Makes its file again if somebody removed it.
void Session::Impl::mend(Seeking& seeking) {
  if (seeking.region.is_named()) return;
  auto place = place_of(*home_.base, seeking.topic);
  if (!place) return;
  seeking.place = std::move(place).value();
  seeking.region.as<CursorFile>()->bell = Name<72>::clipped(home_.bell);
  seeking.region.unlink();
  const auto number = serial.fetch_add(1, std::memory_order_relaxed);
  const std::string name = want_name(seeking, home_.identity, number);
  if (auto renewed = seeking.region.renew(seeking.place.folder, name); !renewed) {
    lose(seeking.region.path(), renewed.error());
  }
  seeking.attention = {.watched = watch(*seeking.place.folder), .due = true};
  make_due(parties_[seeking.place.key]);
}

}  // namespace horus::shm
