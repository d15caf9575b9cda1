// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include <array>
#include <memory>
#include <span>
#include <thread>

#include <horus/realtime.hpp>

#include "rt/base/unique_fd.hpp"
#include "tests/bench/hops.hpp"

/// The other end of bench_topic's ways: a thread or a process on the second CPU, which runs what
/// the first end asks for.
namespace horus::bench {

struct Request {
  std::size_t cell = 0;
  std::size_t hops = 0;
  bool floor = false;
};
/// Once when it is connected, once when it is done.
struct Answer {
  bool good = false;
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
};

template <typename T>
bool put(int fd, const T& value) noexcept {
  return ::write(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value);
}
template <typename T>
bool get(int fd, T& value) noexcept {
  return ::read(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value);
}

inline void pin(int cpu) noexcept {
  ::sched_setaffinity(0, sizeof(cpu_set_t), &CpuSet::of(cpu).native());
}

inline Answer drain_stream(TopicEnd& end, const Shared& shared) noexcept {
  Answer answer{.good = true};
  Patience patience;
  while (true) {
    // acquire: what was sent before the end is there to be taken.
    const bool finished = shared.finished.load(std::memory_order_acquire) != 0;
    answer.received += end.drain();
    if (finished || !patience.left()) break;
  }
  answer.missed = end.missed();
  return answer;
}

/// Serves requests until there are no more.
inline void serve(shm::Session& session, std::span<const Cell> cells, Shared& shared, int in,
                  int out) {
  const auto hops = [&](auto&& end, std::size_t count) {
    put(out, Answer{.good = true});
    put(out, Answer{.good = pong(end, count)});
  };
  const auto connected = [out](auto&& end) {
    const bool good = end.connected();
    put(out, Answer{.good = good});
    return good;
  };
  Request request;
  while (get(in, request)) {
    const Cell& cell = cells[request.cell];
    if (request.floor) {
      hops(BareEnd{shared, cell, Side::kSecond}, request.hops);
    } else if (cell.kind == Cell::Kind::kImage) {
      ImageEnd end{session, cell, Side::kSecond};
      if (connected(end)) put(out, Answer{.good = pong(end, request.hops)});
    } else if (cell.kind == Cell::Kind::kCopied) {
      CopiedEnd end{session, cell, Side::kSecond};
      if (connected(end)) put(out, Answer{.good = pong(end, request.hops)});
    } else {
      TopicEnd end{session, cell, Side::kSecond};
      if (!connected(end)) continue;
      if (cell.kind == Cell::Kind::kStream) {
        put(out, drain_stream(end, shared));
      } else {
        put(out, Answer{.good = pong(end, request.hops)});
      }
    }
  }
}

class Partner {
 public:
  /// A process, forked before this one opens a session.
  Partner(const std::string& base, std::span<const Cell> cells, Shared& shared, int cpu) {
    connect();
    process_ = ::fork();
    if (process_ != 0) {
      requests_in_.reset();
      answers_out_.reset();
      return;
    }
    requests_out_.reset();
    auto session = shm::Session::open(base);
    pin(cpu);
    if (session) serve(*session.value(), cells, shared, requests_in_.get(), answers_out_.get());
    session = Error{};
    ::_exit(0);
  }
  /// A thread with the same session.
  Partner(shm::Session& session, std::span<const Cell> cells, Shared& shared, int cpu) {
    connect();
    thread_ = std::thread{[&session, cells, &shared, cpu, this] {
      pin(cpu);
      serve(session, cells, shared, requests_in_.get(), answers_out_.get());
    }};
  }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;
  ~Partner() {
    requests_out_.reset();
    if (thread_.joinable()) thread_.join();
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
  }

  void ask(const Request& request) const { put(requests_out_.get(), request); }
  Answer answer() const {
    Answer answer;
    return get(answers_in_.get(), answer) ? answer : Answer{};
  }

 private:
  void connect() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
    requests_in_ = UniqueFd{fds[0]};
    requests_out_ = UniqueFd{fds[1]};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
    answers_in_ = UniqueFd{fds[0]};
    answers_out_ = UniqueFd{fds[1]};
  }
  UniqueFd requests_in_, requests_out_, answers_in_, answers_out_;
  std::thread thread_;
  pid_t process_ = 0;
};

}  // namespace horus::bench
