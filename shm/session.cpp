// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <horus/topic.hpp>

#include "shm/names.hpp"
#include "shm/open_details.hpp"
#include "shm/payload_state.hpp"
#include "shm/registry.hpp"
#include "shm/session_impl.hpp"
#include "shm/slow_section.hpp"
#include "shm/sweep.hpp"

namespace horus::shm {
namespace {

constexpr int kBellMode = 0660;
/// The length of a round: how often the helper thread checks whether peers are alive.
constexpr Nanos kRound = 200ms;
/// How long opening a session may sweep what dead processes left; the helper thread goes on.
constexpr Nanos kSweepAtStart = 200ms;
constexpr Nanos kSweepARound = 20ms;
/// How long the helper thread rests after each turn.
constexpr int kRestMs = 2;

/// An absolute path of the same folder: the process may change its working directory later.
std::string from_root(const std::string& path) {
  std::array<char, 4096> here{};
  if (path.starts_with('/') || ::getcwd(here.data(), here.size()) == nullptr) return path;
  return std::string{here.data()} + "/" + path;
}

}  // namespace

Session::Session(std::shared_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
Session::~Session() = default;

Session Session::of_node(const MessageCounters& counters) const {
  Session its{*this};
  its.node_ = std::make_shared<const MessageCounters>(counters);
  return its;
}

void Session::add_defaults(TopicOptions& options, OpenDetails& details,
                           std::uint32_t depth) const noexcept {
  if (options.details != nullptr) details = *options.details;
  options.details = nullptr;
  if (!node_) return;
  if (details.counters.node == nullptr) details.counters = *node_;
  details.actuator = node_->whole;
  if (!options.depth) options.depth = depth;
  if (!options.history) {
    options.history = std::numeric_limits<std::uint32_t>::max();
    details.since = opened();
  }
  options.waits = false;  // A robot's host waits once, for all subscribers together.
}

void Session::count_refused() noexcept {
  if (node_) count(node_->dropped);
}

Result<std::unique_ptr<Session>> Session::open(const std::string& base, bool declares,
                                               Teller teller) {
  prepare_payloads();
  auto impl = std::make_shared<Impl>(base, declares, teller);
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<Session>{new Session{std::move(impl)}};
}

void Session::tell_on_stderr(const std::string& text) noexcept {
  const std::string line = "horus: warning: " + text + "\n";
  // If it fails, somebody has closed stderr and wants no warnings.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

const std::string& Session::base() const noexcept {
  return impl_->root;
}
Outputs& Session::outputs() noexcept {
  return *impl_;
}

void Session::find_publishers() {
  impl_->find_publishers();
}
void Session::await_publishers() {
  impl_->await_publishers(kPatience);
}
bool Session::are_known() const {
  return impl_->are_known(cycle_count());
}
std::shared_ptr<Seeking> Session::seek(const std::string& topic, bool ahead) {
  return impl_->seek(topic, ahead);
}
std::uint64_t Session::opened() const noexcept {
  return impl_->origin.cycles;
}
void Session::keep(std::weak_ptr<StatsPage> page) {
  impl_->keep(std::move(page));
}
void Session::keep(std::weak_ptr<BlackBoxPage> box) {
  impl_->keep(std::move(box));
}
std::uint64_t Session::rejected() const {
  return impl_->rejected();
}
std::optional<Error> Session::last_rejection() const {
  return impl_->last_rejection();
}

std::uint64_t Session::blocks_not_yet() const noexcept {
  return impl_->pools->not_yet();
}
std::shared_ptr<PoolSet> Session::pools() noexcept {
  return {impl_, &*impl_->pools};
}

Session::Impl::Impl(const std::string& base_directory, bool may_declare, Teller teller)
    : root{from_root(base_directory)}, declares{may_declare}, teller_{teller} {}

Session::Impl::Home Session::Impl::home() const {
  const std::scoped_lock lock{home_mutex_};
  return home_;
}

Status Session::Impl::start() {
  auto joined = Base::join(root);
  if (!joined) return joined.error();
  const auto& base = joined.value();
  declares = declares && base->ours();
  sweep_ = std::make_unique<Sweep>(base);
  if (sweep_->go_on(kSweepAtStart)) sweep_.reset();
  const std::string identity = make_identity();
  home_ = {.base = base, .identity = identity, .bell = identity + ".bell"};
  pools.emplace(*this, mutex_, base->pools(), identity);
  auto region = Region::create(base->bells(), sizeof(BellFile), kBellMode);
  if (!region) return region.error();
  if (auto named = region.value().publish(home_.bell); !named) return named;
  bell = std::make_shared<Bell>(std::move(region).value());
  inotify_ = UniqueFd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  stop_ = UniqueFd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!inotify_ || !stop_) return Error::from_errno("watch shared memory", base->path());
  watch_base();
  helper_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), kHelperName);
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
    tell();
  }
  if (bell) bell->unlink();
  for (auto& [key, declared] : declared_) {
    if (!forked()) drop_unused_type(*home_.base->declared(), declared.place);
  }
}

void Session::Impl::run() noexcept {
  std::array<pollfd, 2> fds{{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                             {.fd = inotify_.get(), .events = POLLIN, .revents = 0}}};
  TimePoint next_round = MonotonicClock::now() + kRound;
  bool more = false;
  while (true) {
    const Nanos left = std::max(next_round - MonotonicClock::now(), Nanos{});
    const int wait = more || unmended_ != 0 ? 0 : static_cast<int>(left / 1ms) + 1;
    ::poll(fds.data(), fds.size(), wait);
    if (fds[0].revents != 0) return;
    const News heard = news();
    const bool round = MonotonicClock::now() >= next_round;
    if (round) {
      next_round = MonotonicClock::now() + kRound;
      ns_per_cycle.store(origin.ns_per_cycle(), std::memory_order_relaxed);
    }
    {
      const std::scoped_lock lock{mutex_};
      // An event of this process's own files causes no scan: it may have many topics to open.
      const bool has_work = round || more || unmended_ != 0 || !heard.empty();
      note(heard);
      if (round) pass_round();
      if (!round && unmended_ != 0) probe(kMostProbes);
      more = has_work && look_where_due();
      pools->grant_wishes();
      if (has_work) pools->refresh();
      if (round || heard.pools || heard.lost) pools->own().attend();
    }
    // inotify's queue overflowed: whoever made that many files may have left some behind.
    if (heard.lost && !sweep_) sweep_ = std::make_unique<Sweep>(home_.base);
    if (round && sweep_ && sweep_->go_on(kSweepARound)) sweep_.reset();
    if (round) home_.base->show_life();
    if (round) tell_who_is_apart();
    if (round) tell_near_misses();
    if (round) tell();
    // Bounds the CPU time that somebody can cost who makes and removes files all the time.
    ::poll(fds.data(), 1, kRestMs);
    if (fds[0].revents != 0) return;
  }
}

bool Session::Impl::isolate(const NodeName& node, bool isolated) noexcept {
  // Under the lock, no ring is unmapped that a publisher may still be using.
  const std::unique_lock lock{mutex_, std::try_to_lock};
  if (!lock) return false;
  for (PublisherState* publisher : publishers_) {
    // By the name in the ring's header: the node's counters may be gone with its run.
    if (!(publisher->header.load()->node == node)) continue;
    // seq_cst: see go_over().
    publisher->isolated.store(isolated);
    publisher->header.load()->isolated.store(isolated ? 1 : 0);
  }
  return true;
}

void Session::Impl::add(PublisherState& publisher) {
  const std::scoped_lock lock{mutex_};
  publisher.attention.watched = watch(*publisher.place.folder);
  look(publisher);
  publishers_.push_back(&publisher);
  parties_[publisher.place.key].publishers.push_back(&publisher);
}

void Session::Impl::add(SubscriberState& subscriber) {
  const std::scoped_lock lock{mutex_};
  subscriber.attention.watched = watch(*subscriber.place.folder);
  look(subscriber, false);
  subscribers_.push_back(&subscriber);
  unknown_.push_back(&subscriber);
  parties_[subscriber.place.key].subscribers.push_back(&subscriber);
}

void Session::Impl::find_publishers() {
  const std::scoped_lock lock{mutex_};
  for (SubscriberState* subscriber : subscribers_) look(*subscriber, true);
}

void Session::Impl::discover(const PublisherState& publisher) {
  const std::scoped_lock lock{mutex_};
  const Parties* const its = parties_of(publisher.place.key);
  if (its == nullptr) return;
  for (SubscriberState* subscriber : its->subscribers) look(*subscriber, true);
  for (Seeking* one : its->sought) look(*one);
}

void Session::Impl::discover(SubscriberState& subscriber) {
  const std::scoped_lock lock{mutex_};
  subscriber.named = true;
  look_again(subscriber.place);
}

void Session::Impl::remove(PublisherState& publisher) noexcept {
  if (forked()) return;  // The lock may have been held at the fork, and there is no helper thread.
  {
    // Finish a change of rings first: the ring that it sent to last is the one that must be read.
    const std::scoped_lock lock{mutex_};
    settle(publisher);
  }
  const bool found = await_subscribers(publisher);
  {
    const std::scoped_lock lock{mutex_};
    std::erase(publishers_, &publisher);
    if (Parties* const its = parties_of(publisher.place.key)) {
      std::erase(its->publishers, &publisher);
      drop_parties(publisher.place.key);
    }
  }
  if (publisher.next != nullptr) publisher.next->region.unlink();
  // Else the ring stays, as a dead publisher's does, until somebody sweeps it: readers may still
  // find it.
  if (found) leave(publisher.region, publisher.place);
}

void Session::Impl::remove(SubscriberState& subscriber) noexcept {
  if (forked()) return;  // As above.
  {
    const std::scoped_lock lock{mutex_};
    std::erase(subscribers_, &subscriber);
    std::erase(unknown_, &subscriber);
    if (Parties* const its = parties_of(subscriber.place.key)) {
      std::erase(its->subscribers, &subscriber);
      drop_parties(subscriber.place.key);
    }
  }
  leave(subscriber.region, subscriber.place);
}

void Session::Impl::leave(Region& region, const TopicPlace& place) noexcept {
  region.unlink();
  // A topic ends with its last participant.
  drop_unused_type(*place.folder, place);
}

SlowSection::Hooks SlowSection::installed;

PeerPools::Wanted Session::Impl::wanted_pools() const {
  PeerPools::Wanted wanted;
  for (SubscriberState* one : subscribers_) {
    if (one->frames == nullptr) continue;
    for (const auto& ring : one->rings.owned()) {
      if (!ring->region) continue;
      const auto owner = wanted.try_emplace(std::string{identity_of(ring->name)}, false).first;
      owner->second |= !ring->dead.load(std::memory_order_relaxed);
    }
  }
  return wanted;
}

void Session::Impl::deny(std::size_t size, const Error& why) {
  to_tell_.push_back("no block of " + std::to_string(size) + " bytes for a tick: " + describe(why));
}

void Session::Impl::expect_frames(SubscriberState& subscriber) {
  {
    const std::scoped_lock lock{mutex_};
    subscriber.frames = &pools->peers();
  }
  pools->discover();
}

const TypeInfo& generic_type() noexcept {
  // A hash of its own, which no declared type can have.
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
