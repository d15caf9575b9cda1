// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/presence.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "rt/base/tick_stats.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/base.hpp"
#include "shm/names.hpp"

namespace horus::service {

namespace {

constexpr int kMostRecorders = 64;  // In one base.
constexpr std::size_t kMostCallers = 16;
constexpr Nanos kRequestTime = 1s;
constexpr Nanos kShowEvery = 1s;
// The feature that a recorder "runs without" while it cannot write, for the verdict.
constexpr const char* kFile = "a file to write to";

/// Sends the one reply of a connection, which always fits into the buffer of a new socket. A client
/// that is gone is ignored.
void send(const UniqueFd& fd, const wire::Reply& reply) {
  const std::string bytes = wire::encode(reply);
  ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Presence::Presence(std::string base, shm::FolderPtr folder, std::shared_ptr<shm::StatsPage> page,
                   std::string socket, UniqueFd listener)
    : base_{std::move(base)},
      folder_{std::move(folder)},
      page_{std::move(page)},
      socket_{std::move(socket)},
      listener_{std::move(listener)} {}

/// Other users may write in the folder too. A file of theirs may have the name, and stay for ever:
/// then the next name is tried.
Result<std::unique_ptr<Presence>> Presence::create(shm::Session& session) {
  auto made = create_as(wire::kRecorderHost, session);
  for (int i = 2; !made && i < kMostRecorders; ++i) {
    made = create_as(std::string{wire::kRecorderHost} + "-" + std::to_string(i), session);
  }
  return made;
}

Result<std::unique_ptr<Presence>> Presence::create_as(const std::string& name,
                                                      shm::Session& session) {
  const auto joined = shm::Base::join(session.base());
  if (!joined) return joined.error();
  const shm::FolderPtr folder = joined.value()->hosts();
  const std::array<std::string, 1> node{wire::kRecorderHost};
  auto created = shm::StatsPage::create(session.base(), name, node);
  if (!created) return created.error();
  const auto page = std::make_shared<shm::StatsPage>(std::move(created).value());
  const std::string socket = shm::escape(name) + std::string{shm::kSocketSuffix};
  auto listener = shm::listen_in(*folder, socket);
  if (!listener) {
    page->remove();
    return listener.error();
  }
  session.keep(page);
  HostStats& host = page->host();
  // With this, what trouble() shows is a reason for "degraded" in the verdict, not just a note.
  host.asks_realtime.set(1);
  host.ready.set(1);
  NodeStats& stats = page->nodes().front();
  stats.node_class.set(NodeClass::kBestEffort);
  stats.state.set(NodeState::kRunning);
  stats.cpu.set(-1);
  stats.tid.set(::getpid());
  return std::unique_ptr<Presence>{
      new Presence{session.base(), folder, page, socket, std::move(listener).value()}};
}

Presence::~Presence() {
  folder_->discard(socket_);
  page_->remove();
}

/// Makes the socket again if somebody removed it. The session does the same for the page.
void Presence::keep_socket() {
  if (folder_->has(socket_)) return;
  const auto joined = shm::Base::join(base_);
  if (!joined) return;
  folder_ = joined.value()->hosts();
  if (auto again = shm::listen_in(*folder_, socket_)) listener_ = std::move(again).value();
}

bool Presence::show(TimePoint now, std::uint64_t received, std::uint64_t lost) {
  if (now - shown_ < kShowEvery) return false;
  shown_ = now;
  keep_socket();
  NodeStats& node = page_->nodes().front();
  node.messages_received.set(received);
  node.messages_missed.set(lost);
  node.messages_dropped.set(lost);
  page_->host().heartbeat.add();
  take_snapshot(page_->host(), page_->nodes(), now);
  return true;
}

void Presence::trouble(const std::string& why) noexcept {
  if (why == trouble_) return;
  trouble_ = why;
  page_->relieve(kFile);
  if (why.empty()) return;
  constexpr std::uint32_t kWarning = 1;
  DegradationRecord record;
  record.feature = Name<32>::clipped(kFile);
  record.reason = Name<160>::clipped(why);
  record.fix = Name<160>::clipped("make room, or record to another disk; it goes on by itself");
  record.severity.set(kWarning);
  page_->degrade(record);
}

void Presence::accept(TimePoint now) {
  // At most so many per call: users who connect and are refused in a loop must not stop the
  // recording.
  for (std::size_t i = 0; i < kMostCallers && callers_.size() < kMostCallers; ++i) {
    UniqueFd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    if (peer.uid != 0 && peer.uid != ::geteuid() && peer.uid != folder_->owner()) {
      send(fd, {.error = wire::error::kPermissionDenied});
      continue;
    }
    callers_.push_back({.fd = std::move(fd), .until = now + kRequestTime});
  }
}

/// Reads what a client sent. False: close its connection.
bool Presence::read(Caller& caller) {
  std::array<char, 4096> block{};
  const ssize_t count = ::recv(caller.fd.get(), block.data(), block.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count <= 0 || caller.asked) return false;
  if (!caller.reader.feed({block.data(), static_cast<std::size_t>(count)})) return false;
  const auto message = caller.reader.next();
  if (!message) return true;
  const auto request = wire::parse_request(*message);
  if (!request) return false;
  caller.asked = request.value().method == wire::method::kRecorderTrigger &&
                 !wire::unknown_parameter(request.value(), {});
  if (caller.asked) return true;
  wire::Reply refused{.error = wire::error::kMethodNotFound};
  refused.parameters["method"] = request.value().method;
  send(caller.fd, refused);
  return false;
}

bool Presence::asked(TimePoint now) {
  accept(now);
  bool any = false;
  std::erase_if(callers_, [&](Caller& caller) {
    const bool before = caller.asked;
    if (!read(caller) || (!caller.asked && now >= caller.until)) return true;
    any |= caller.asked && !before;
    return false;
  });
  return any;
}

void Presence::promise(std::uint64_t file) {
  for (Caller& caller : callers_) {
    if (caller.asked && caller.file == 0) caller.file = file;
  }
}

void Presence::answer(const wire::Reply& reply, std::uint64_t file) {
  std::erase_if(callers_, [&](const Caller& caller) {
    if (!caller.asked || caller.file != file) return false;
    send(caller.fd, reply);
    return true;
  });
}

void Presence::end() {
  for (const Caller& caller : std::exchange(callers_, {})) {
    send(caller.fd, {.error = wire::error::kRecorderEnds});
  }
}

}  // namespace horus::service
