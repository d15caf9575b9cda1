// SPDX-License-Identifier: Apache-2.0
#include "shm/peer_pools.hpp"

#include <algorithm>
#include <utility>

#include "shm/names.hpp"

namespace horus::shm {
namespace {

/// After this time it is reported that a pool's owner does not acknowledge this process. Its helper
/// thread looks five times a second.
constexpr Nanos kPatience = 2s;

}  // namespace

std::string_view PeerPools::key_of_pool(std::string_view name) noexcept {
  return key_of(name);  // A pool's name begins with its owner's identity.
}

template <typename Visit>
void PeerPools::walk(std::uint32_t id, Visit visit) noexcept {
  // seq_cst, together with release(): either bury() waits for this walk, or this walk sees the
  // emptied slot.
  walks_.fetch_add(1, std::memory_order_seq_cst);
  const std::size_t most = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < most; ++i) {
    PeerPool* const pool = slots_[i].seen.load(std::memory_order_seq_cst);
    if (pool == nullptr || pool->id() != id) continue;
    visit(slots_[i], *pool);
    break;
  }
  // release: no pool that was seen in the walk is used through a bare pointer after this.
  walks_.fetch_sub(1, std::memory_order_release);
}

std::shared_ptr<PeerPool> PeerPools::find(std::uint32_t id) noexcept {
  std::shared_ptr<PeerPool> found;
  walk(id, [&found](const Slot&, PeerPool& pool) { found = pool.shared_from_this(); });
  return found;
}

PeerPools::Look PeerPools::look(std::uint32_t id) noexcept {
  Look result = Look::kUnknown;
  walk(id, [&result](const Slot& slot, const PeerPool& pool) {
    const bool ready = pool.acknowledged() || slot.orphaned.load(std::memory_order_acquire);
    result = ready ? Look::kReady : Look::kComing;
  });
  if (result != Look::kUnknown) return result;
  const bool gone = std::ranges::any_of(gone_, [id](const auto& one) {
    return one.load(std::memory_order_relaxed) == id;  // relaxed: a number on its own
  });
  return gone ? Look::kGone : Look::kUnknown;
}

bool PeerPools::knows(const std::string& name) const noexcept {
  return std::ranges::any_of(
      slots_, [&name](const Slot& slot) { return slot.pool != nullptr && slot.name == name; });
}

Result<std::shared_ptr<PeerPool>> PeerPools::map(const std::string& name) {
  const auto old = std::ranges::find(retired_, name, &Retired::name);
  if (old == retired_.end()) return PeerPool::open(folder_, name, identity_);
  auto pool = std::move(old->pool);
  retired_.erase(old);
  return pool;
}

std::optional<Error> PeerPools::add(const std::string& name) {
  const auto free = std::ranges::find(slots_, nullptr, &Slot::pool);
  if (free == slots_.end()) {
    return Error{Errc::kExhausted, "this process maps 512 pools of frames already", 0,
                 Name<200>::clipped(name)};
  }
  auto pool = map(name);
  if (!pool) return pool.error();
  const auto foreign = std::ranges::count_if(
      slots_, [](const Slot& slot) { return slot.pool != nullptr && slot.pool->foreign(); });
  // So that others cannot keep this user's own out.
  if (pool.value()->foreign() && static_cast<std::size_t>(foreign) >= kMaxPools / 4 * 3) {
    return Error{Errc::kExhausted, "this process maps 384 pools of other users' frames already", 0,
                 Name<200>::clipped(name)};
  }
  free->pool = std::move(pool).value();
  free->name = name;
  free->unheard_since = {};
  free->told = false;
  free->orphaned.store(false, std::memory_order_relaxed);
  // release: a thread that sees the pool sees it complete.
  free->seen.store(free->pool.get(), std::memory_order_release);
  const auto end = static_cast<std::size_t>(free - slots_.begin()) + 1;
  if (end > used_.load(std::memory_order_relaxed)) used_.store(end, std::memory_order_release);
  return std::nullopt;
}

std::optional<Error> PeerPools::check(Slot& slot, const Wanted& wanted) {
  const auto owner = wanted.find(key_of_pool(slot.name));
  const bool alive = slot.pool->alive();
  if (!alive && owner != wanted.end() && !owner->second) {
    // What a dead process sent can still be taken. release: its last payload comes before this
    // flag.
    slot.orphaned.store(true, std::memory_order_release);
    return std::nullopt;
  }
  const bool in_use = slot.pool.use_count() > 1;
  if (!alive || (owner == wanted.end() && !in_use)) {
    release(slot);
    return std::nullopt;
  }
  if (owner == wanted.end() || slot.pool->acknowledged()) {
    slot.unheard_since = {};
    return std::nullopt;
  }
  const TimePoint now = MonotonicClock::now();
  if (slot.unheard_since == TimePoint{}) slot.unheard_since = now;
  if (slot.told || now - slot.unheard_since < kPatience) return std::nullopt;
  slot.told = true;
  return Error{Errc::kBusy,
               "the frames' sender does not acknowledge this process, which takes none of them "
               "meanwhile: it hangs, or 64 processes look at its frames already",
               0, Name<200>::clipped(slot.name)};
}

void PeerPools::release(Slot& slot) noexcept {
  if (!slot.pool->alive()) {
    gone_[next_gone_++ % gone_.size()].store(slot.pool->id(), std::memory_order_relaxed);
  }
  // seq_cst: see walk().
  slot.seen.store(nullptr, std::memory_order_seq_cst);
  retired_.push_back({std::exchange(slot.name, {}), std::exchange(slot.pool, nullptr)});
}

/// Unmaps retired pools. Those in which a payload still lies are kept, so that it is never the
/// payload's last handle, perhaps in a tick, that unmaps one.
void PeerPools::bury() noexcept {
  if (walks_.load(std::memory_order_seq_cst) != 0) return;
  std::erase_if(retired_, [](const Retired& one) { return one.pool.use_count() == 1; });
}

Result<std::shared_ptr<PeerPool>> PeerPools::open(std::uint32_t id) {
  if (auto known = find(id)) return known;
  const auto names = folder_->list("." + PeerPool::name_of(id) + ".pool");
  if (names.empty()) return Error{Errc::kNotFound, "open image pool", 0, {}};
  if (auto error = add(names.front())) return *error;
  auto opened = find(id);
  if (opened) return opened;
  return Error{Errc::kCorrupt, "image pool is damaged or of another version", 0,
               Name<200>::clipped(names.front())};
}

}  // namespace horus::shm
