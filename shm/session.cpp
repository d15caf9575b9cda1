// SPDX-License-Identifier: Apache-2.0
#include "shm/session.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <utility>

#include "shm/directory.hpp"
#include "shm/names.hpp"
#include "shm/registry.hpp"
#include "shm/session_impl.hpp"
#include "shm/slow_section.hpp"

namespace horus::shm {
namespace {

constexpr int kBellMode = 0660;
/// How often the helper thread looks whether peers still live.
constexpr Nanos kRound = 200ms;

}  // namespace

Session::Session(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(std::string base) {
  auto impl = std::make_unique<Impl>(std::move(base));
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<Session>{new Session{std::move(impl)}};
}

const std::string& Session::base() const noexcept {
  return impl_->base;
}
std::uint64_t Session::rejected() const {
  return impl_->rejected();
}
std::optional<Error> Session::last_rejection() const {
  return impl_->last_rejection();
}

Status Session::Impl::start() {
  if (auto made = make_base(base); !made) return made;
  for (const char* part : {"/topics", "/pools", "/bells", "/hosts"}) {
    if (auto made = make_directories(base + part, kSharedDirectory); !made) return made;
  }
  sweep(base);
  identity = make_identity();
  bell_name = identity + ".bell";
  auto region = Region::create(base + "/bells", sizeof(BellFile), kBellMode);
  if (!region) return region.error();
  if (auto named = region.value().publish(base + "/bells/" + bell_name); !named) return named;
  bell = std::make_shared<Bell>(std::move(region).value());
  inotify_ = UniqueFd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  stop_ = UniqueFd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!inotify_ || !stop_) return Error::from_errno("watch shared memory", base);
  pools_watch_ = watch(base + "/pools");
  helper_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "horus-topics");
    run();
  }};
  return {};
}

Session::Impl::~Impl() {
  if (helper_.joinable() && forked()) {
    helper_.detach();
  } else if (helper_.joinable()) {
    const std::uint64_t one = 1;
    // An eventfd's counter cannot overflow by one write.
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    helper_.join();
  }
  if (bell) bell->unlink();
  // A topic goes with its last participant.
  if (!forked()) sweep(base);
}

void Session::Impl::run() noexcept {
  std::array<pollfd, 2> fds{{{.fd = inotify_.get(), .events = POLLIN, .revents = 0},
                             {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  TimePoint next_round{};
  while ((fds[1].revents & POLLIN) == 0) {
    ::poll(fds.data(), fds.size(), static_cast<int>(kRound / 1ms));
    const std::set<int> watches = changed();
    const TimePoint now = MonotonicClock::now();
    const bool round = now >= next_round;
    if (round) next_round = now + kRound;
    // An overflow of the kernel's queue, which may have been about anything, has no watch.
    const auto concerns = [&watches](int watch) {
      return watches.contains(watch) || watches.contains(-1);
    };
    const std::scoped_lock lock{mutex_};
    for (PublisherState* one : publishers_) {
      if (concerns(one->watch) || (round && has_changed(*one))) look(*one);
    }
    for (SubscriberState* one : subscribers_) {
      // relaxed, here and where it is seen: sooner or later is soon enough.
      const auto ask = [](RingPeer& ring, std::size_t) {
        ring.count_is_due.store(true, std::memory_order_relaxed);
      };
      if (round) one->rings.each(ask);
      if (concerns(one->watch) || (round && has_changed(*one))) look(*one, true);
    }
    if (!round && !concerns(pools_watch_)) continue;
    // acquire: the pools below the count are there.
    const std::size_t pools = pool_count_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < pools; ++i) pools_[i]->attend();
    // Nobody but this map knows such a bell, and nobody comes to know it but by bell_of().
    std::erase_if(bells_, [](const auto& known) { return known.second.use_count() == 1; });
  }
}

void Session::Impl::add(PublisherState& publisher) {
  const std::scoped_lock lock{mutex_};
  publisher.watch = watch(publisher.directory);
  look(publisher);
  publishers_.push_back(&publisher);
}

void Session::Impl::add(SubscriberState& subscriber) {
  const std::scoped_lock lock{mutex_};
  subscriber.watch = watch(subscriber.directory);
  look(subscriber, false);
  subscribers_.push_back(&subscriber);
}

void Session::Impl::introduce(const PublisherState& publisher) {
  const std::scoped_lock lock{mutex_};
  for (SubscriberState* subscriber : subscribers_) {
    if (subscriber->directory == publisher.directory) look(*subscriber, true);
  }
}

void Session::Impl::introduce(const SubscriberState& subscriber) {
  const std::scoped_lock lock{mutex_};
  for (PublisherState* publisher : publishers_) {
    if (publisher->directory == subscriber.directory) look(*publisher);
  }
}

void Session::Impl::remove(PublisherState& publisher) noexcept {
  if (forked()) return;  // The lock may have been held at the fork, and nobody looks any more.
  const std::scoped_lock lock{mutex_};
  std::erase(publishers_, &publisher);
}

void Session::Impl::remove(SubscriberState& subscriber) noexcept {
  if (forked()) return;  // As above.
  const std::scoped_lock lock{mutex_};
  std::erase(subscribers_, &subscriber);
}

SlowSection::Hooks SlowSection::installed;

std::optional<Session::Impl::Taken> Session::Impl::take_existing(std::size_t size) noexcept {
  // acquire: the pools below the count are there.
  const std::size_t pools = pool_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < pools; ++i) {
    const std::shared_ptr<OwnPool>& pool = pools_[i];
    // A block much larger than the payload is kept for payloads of its size.
    if (pool->block_size() < size || pool->block_size() > 2 * size + kPage) continue;
    if (auto block = pool->take()) return Taken{.pool = pool, .block = *block};
  }
  return std::nullopt;
}

Result<Session::Impl::Taken> Session::Impl::take_block(std::size_t size) {
  if (auto taken = take_existing(size)) return *std::move(taken);
  const SlowSection a_new_pool;
  const std::scoped_lock lock{mutex_};
  if (auto taken = take_existing(size)) return *std::move(taken);
  const std::size_t count = pool_count_.load(std::memory_order_relaxed);
  if (count == kMaxPools) {
    return Error{
        Errc::kExhausted, "every image block is in use; release frames, or copy them", 0, {}};
  }
  auto pool = OwnPool::create(base, identity, size);
  if (!pool) return pool.error();
  // The block is taken before anybody else can see the pool: there is one.
  Taken taken{.pool = pool.value(), .block = *pool.value()->take()};
  pools_[count] = std::move(pool).value();
  // release: whoever sees the count sees the pool.
  pool_count_.store(count + 1, std::memory_order_release);
  return taken;
}

bool Session::Impl::owns(const OwnPool& pool) const noexcept {
  const std::size_t pools = pool_count_.load(std::memory_order_acquire);
  return std::any_of(pools_.begin(), pools_.begin() + static_cast<std::ptrdiff_t>(pools),
                     [&pool](const auto& own) { return own.get() == &pool; });
}

Result<std::shared_ptr<PeerPool>> Session::Impl::peer_pool(std::uint32_t id) {
  const SlowSection mapping;
  const std::scoped_lock lock{mutex_};
  std::erase_if(peer_pools_, [](const auto& known) { return known.second.expired(); });
  if (const auto known = peer_pools_.find(id); known != peer_pools_.end()) {
    if (auto pool = known->second.lock()) return pool;
  }
  auto opened = PeerPool::open(base, id, identity);
  if (opened) {
    peer_pools_[id] = opened.value();
  } else {
    reject("pool " + std::to_string(id), opened.error());
  }
  return opened;
}

const TypeInfo& generic_type() noexcept {
  // A hash of its own, that no declaration can have by its fields.
  static constexpr TypeInfo kGeneric{.name = "generic",
                                     .default_topic = "",
                                     .size = 0,
                                     .align = 1,
                                     .hash = 0x67656e65726963U,
                                     .fields = {},
                                     .args = {},
                                     .doc = "MessagePack values of any shape."};
  return kGeneric;
}

}  // namespace horus::shm
