// SPDX-License-Identifier: Apache-2.0
#include "service/event_loop.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace horus::service {
namespace {

constexpr int kMaxEvents = 32;

timespec to_timespec(Nanos duration) noexcept {
  static constexpr std::int64_t kSecond = 1'000'000'000;
  return {.tv_sec = duration.count() / kSecond, .tv_nsec = duration.count() % kSecond};
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return Error::from_errno("create event loop");
  return std::unique_ptr<EventLoop>{new EventLoop{std::move(epoll)}};
}

Result<EventLoop::Id> EventLoop::watch(int fd, std::uint32_t events, Callback callback) {
  const Id id = next_id_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Error::from_errno("watch descriptor");
  }
  watches_[id] = {
      .fd = fd, .owned = {}, .callback = std::make_shared<Callback>(std::move(callback))};
  return id;
}

void EventLoop::change(Id id, std::uint32_t events) noexcept {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void EventLoop::forget(Id id) noexcept {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watches_.erase(found);
}

Result<EventLoop::Id> EventLoop::every(Nanos period, std::function<void()> callback) {
  UniqueFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer) return Error::from_errno("create timer");
  const itimerspec spec{.it_interval = to_timespec(period), .it_value = to_timespec(period)};
  if (::timerfd_settime(timer.get(), 0, &spec, nullptr) != 0) {
    return Error::from_errno("set timer");
  }
  const int fd = timer.get();
  auto watched = watch(fd, EPOLLIN, [fd, callback = std::move(callback)](std::uint32_t) {
    std::uint64_t rounds = 0;
    if (::read(fd, &rounds, sizeof rounds) == sizeof rounds) callback();
  });
  if (!watched) return watched.error();
  watches_[watched.value()].owned = std::move(timer);
  return watched;
}

Status EventLoop::on_signals(const sigset_t& signals, std::function<void(const Signal&)> callback) {
  UniqueFd source{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!source) return Error::from_errno("create signal descriptor");
  const int fd = source.get();
  auto watched = watch(fd, EPOLLIN, [fd, callback = std::move(callback)](std::uint32_t) {
    // One read per round, so that a storm of signals does not keep other callbacks waiting.
    std::array<signalfd_siginfo, kMaxEvents> infos{};
    const ssize_t size = ::read(fd, infos.data(), sizeof infos);
    std::map<std::uint32_t, Signal> came;
    for (std::size_t i = 0; size > 0 && i < static_cast<std::size_t>(size) / sizeof infos[0]; ++i) {
      Signal& signal = came[infos[i].ssi_signo];
      signal = {.number = static_cast<int>(infos[i].ssi_signo),
                .count = signal.count + 1,
                .pid = static_cast<pid_t>(infos[i].ssi_pid),
                .uid = infos[i].ssi_uid};
    }
    for (const auto& [number, signal] : came) callback(signal);
  });
  if (!watched) return watched.error();
  watches_[watched.value()].owned = std::move(source);
  return {};
}

Status EventLoop::run() {
  running_ = true;
  std::array<epoll_event, kMaxEvents> events{};
  while (running_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kMaxEvents, -1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno("wait for events");
    for (int i = 0; i < count && running_; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto found = watches_.find(event.data.u64);
      if (found == watches_.end()) continue;  // An earlier callback of this round forgot it.
      // A copy: the callback may forget itself while it runs.
      const std::shared_ptr<Callback> callback = found->second.callback;
      (*callback)(event.events);
    }
  }
  return {};
}

}  // namespace horus::service
