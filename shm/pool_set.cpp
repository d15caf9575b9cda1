// SPDX-License-Identifier: Apache-2.0
#include "shm/pool_set.hpp"

#include <utility>

#include "shm/slow_section.hpp"
#include "shm/wakeup.hpp"

namespace horus::shm {
namespace {

constexpr Error kForked{
    Errc::kBusy,
    "use shared memory of the parent in a forked child: open a session of its own",
    0,
    {}};

}  // namespace

Result<OwnPools::Taken> PoolSet::take(std::size_t size) {
  const OwnPools::From first = own_.first();
  if (auto taken = own_.take(size, first)) return *std::move(taken);
  if (defers_bells() && !SlowSection::gives_way()) {
    if (first == OwnPools::From::kUnreserved) {
      if (auto reserved = own_.take(size)) {
        // Borrowed from what a publisher has reserved: ask for a pool, to return it soon.
        wish_for(size);
        return *std::move(reserved);
      }
    }
    not_yet_.fetch_add(1, std::memory_order_relaxed);
    wish_for(size);
    return Error{Errc::kBusy,
                 "no free block of this size yet, and a tick does not wait for memory; it is being "
                 "made: try in a later tick, or declare the size where the topic is opened",
                 0,
                 {}};
  }
  if (owner_.forked()) return kForked;
  const SlowSection a_new_pool;
  const std::scoped_lock lock{mutex_};
  auto taken = own_.grow(size);
  refresh();
  own_.attend();
  return taken;
}

/// Asks the helper thread for a block of this size. If the table is full, the caller asks again in
/// a later tick.
void PoolSet::wish_for(std::size_t size) noexcept {
  const std::size_t block = block_size_for(size);
  for (auto& wish : wishes_) {
    std::size_t none = 0;
    // relaxed: a number on its own.
    if (wish.compare_exchange_strong(none, block, std::memory_order_relaxed) || none == block) {
      return;
    }
  }
}

void PoolSet::grant_wishes() {
  for (auto& wish : wishes_) {
    const std::size_t size = wish.load(std::memory_order_relaxed);
    if (size == 0) continue;
    if (auto granted = own_.grant(size); !granted) {
      if (denied_.insert(size).second) owner_.deny(size, granted.error());
    } else {
      denied_.erase(size);
    }
    wish.store(0, std::memory_order_relaxed);
  }
}

Result<OwnPools::Reserve> PoolSet::reserve(std::size_t size, std::uint32_t blocks) {
  const std::scoped_lock lock{mutex_};
  auto reserve = own_.reserve(size, blocks);
  refresh();
  own_.attend();
  return reserve;
}

void PoolSet::release(const OwnPools::Reserve& reserve) noexcept {
  if (owner_.forked()) return;
  const std::scoped_lock lock{mutex_};
  own_.release(reserve);
}

void PoolSet::add(PayloadWindow& window) {
  const std::scoped_lock lock{mutex_};
  own_.add(window);
}

void PoolSet::remove(PayloadWindow& window) noexcept {
  if (owner_.forked()) return;
  const std::scoped_lock lock{mutex_};
  own_.remove(window);
}

Result<std::shared_ptr<PeerPool>> PoolSet::peer(std::uint32_t id) {
  if (auto known = peers_.find(id)) return known;
  if (owner_.forked()) return kForked;
  const SlowSection mapping;
  const std::scoped_lock lock{mutex_};
  auto opened = peers_.open(id);
  if (!opened) owner_.reject("pool " + PeerPool::name_of(id), opened.error());
  return opened;
}

void PoolSet::refresh() {
  const PeerPools::Wanted wanted = owner_.wanted_pools();
  if (wanted.empty() && peers_.is_empty()) return;
  peers_.refresh(
      wanted, [this](const std::string& path, const Error& error) { owner_.reject(path, error); });
}

/// Without a SlowSection: a host that released the GIL here could open the same topic twice at
/// once.
void PoolSet::discover() {
  const std::scoped_lock lock{mutex_};
  refresh();
  own_.attend();
}

}  // namespace horus::shm
