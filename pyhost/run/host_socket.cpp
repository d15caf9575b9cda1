// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/host_socket.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <system_error>

#include <horus/log.hpp>
#include <horus/time.hpp>

#include "pyhost/run/host_log.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/varlink.hpp"
#include "shm/base.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

/// How long to wait after a failed accept().
constexpr int kRestMs = 100;
/// How long a caller may take to send a request, and to receive the reply.
constexpr Nanos kPatience = 1s;
constexpr timeval kReplyPatience{.tv_sec = 1, .tv_usec = 0};

/// The folder where clients look for the socket. For hosts of the service it is in the unit's
/// runtime directory, for others beside the statistics.
shm::FolderPtr socket_folder(const shm::Base& base) {
  // Set by systemd; a list divided by colons. Read before the run's threads exist.
  const char* const given = std::getenv("RUNTIME_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  // In another base this variable is not the service's: it belongs to a launcher, or to the program
  // itself.
  const bool service = logs_for_supervisor() && base.path() == shm::kServiceBase;
  if (!service || given == nullptr || *given == '\0') return base.hosts();
  const std::string_view list{given};
  const auto runtime = shm::Folder::own(std::string{list.substr(0, list.find(':'))});
  if (!runtime) return base.hosts();
  const auto hosts = runtime.value()->folder("hosts", shm::kOwnFolder);
  return hosts ? hosts.value() : base.hosts();
}

wire::Reply refused(const char* error, const char* key, const std::string& value) {
  wire::Reply reply{.parameters = wire::Json::object(), .error = error};
  reply.parameters[key] = value;
  return reply;
}

/// The text parameter `key`; empty where it is missing or no text.
std::string text_parameter(const wire::Request& request, const char* key) {
  const auto given = request.parameters.find(key);
  const bool text = given != request.parameters.end() && given->is_string();
  return text ? given->get<std::string>() : std::string{};
}

wire::Reply reply_to(const Status& done, const std::string& node) {
  if (done) return {};
  if (done.error().code == Errc::kNotFound) return refused(wire::error::kNoNodeToSet, "node", node);
  return refused(wire::error::kSafetyRefused, "message", describe(done.error()));
}

/// Answers the methods that stop, release, arm and disarm. `may_allow`: the caller may let
/// actuators act again.
wire::Reply answer_safety(SafetyPort& safety, const wire::Request& request, bool may_allow) {
  if (request.method == wire::method::kControlMayRelease) {
    if (const auto unknown = wire::unknown_parameter(request, {})) {
      return refused(wire::error::kInvalidParameter, "parameter", *unknown);
    }
    return reply_to(safety.may_release(), {});
  }
  const bool releases = request.method == wire::method::kControlRelease;
  const bool arms = request.method == wire::method::kControlArm;
  const bool stops = request.method == wire::method::kControlEstop;
  if (!releases && !arms && !stops && request.method != wire::method::kControlDisarm) {
    return refused(wire::error::kMethodNotFound, "method", request.method);
  }
  const char* const key = releases ? "reason" : stops ? "why" : "node";
  if (const auto unknown = wire::unknown_parameter(request, {key})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  if ((releases || arms) && !may_allow) {
    log(LogLevel::kWarning, "refused " + request.method + " by another host of this robot");
    return refused(wire::error::kSafetyRefused, "message",
                   "only root and the robot's owner may let its actuators act");
  }
  const std::string text = text_parameter(request, key);
  if (releases && text.empty()) {
    return refused(wire::error::kInvalidParameter, "parameter", "reason");
  }
  if (stops) return reply_to(safety.estop(text.empty() ? "asked for" : text), {});
  if (releases) return reply_to(safety.release(), {});
  return reply_to(safety.arm(text, arms), text);
}

wire::Reply answer(shm::StatsPage& page, BlackBox* box, SafetyPort& safety,
                   const wire::Request& request, bool may_allow) {
  if (request.method != wire::method::kControlSetLogLevel) {
    return answer_safety(safety, request, may_allow);
  }
  if (const auto unknown = wire::unknown_parameter(request, {"node", "level"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const auto level = parse_word<LogLevel>(text_parameter(request, "level"));
  if (!level) return refused(wire::error::kInvalidParameter, "parameter", "level");
  const std::string name = text_parameter(request, "node");
  const auto nodes = page.nodes();
  const auto node = std::ranges::find_if(
      nodes, [&name](const NodeStats& one) { return one.name.view() == name; });
  if (node == nodes.end()) return refused(wire::error::kNoNodeToSet, "node", name);
  node->log_level.set(*level);
  if (box != nullptr) {
    box->write({.kind = EventKind::kConfig,
                .node = node->name,
                .text = Name<200>::clipped(std::string{"log level "} + to_text(*level))});
  }
  return {};
}

}  // namespace

void SafetyPort::serve(SafetySide* run) noexcept {
  const std::scoped_lock lock{mutex_};
  run_ = run;
}

Status SafetyPort::estop(std::string_view why) noexcept {
  const std::scoped_lock lock{mutex_};
  if (run_ != nullptr) run_->stop(StopCause::kCommand, why);
  return {};
}

Status SafetyPort::release() {
  const std::scoped_lock lock{mutex_};
  return run_ != nullptr ? run_->release_all() : Status{};
}

Status SafetyPort::may_release() {
  const std::scoped_lock lock{mutex_};
  return run_ != nullptr ? run_->may_release_all() : Status{};
}

Status SafetyPort::arm(std::string_view node, bool arms) noexcept {
  const std::scoped_lock lock{mutex_};
  if (run_ == nullptr) return {};
  return arms ? run_->arm(node) : run_->disarm(node);
}

Result<std::shared_ptr<HostSocket>> HostSocket::open(const std::string& base,
                                                     std::shared_ptr<shm::StatsPage> page,
                                                     std::shared_ptr<SafetyPort> safety,
                                                     std::shared_ptr<HostBox> box) {
  const auto joined = shm::Base::join(base);
  if (!joined) return joined.error();
  std::unique_ptr<HostSocket> made{new HostSocket};
  made->folder_ = socket_folder(*joined.value());
  made->name_ = shm::escape(page->host().name.view()) + std::string{shm::kSocketSuffix};
  made->page_ = std::move(page);
  made->safety_ = std::move(safety);
  made->box_ = std::move(box);
  made->service_ = joined.value()->hosts()->owner();
  made->stop_ = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
  if (!made->stop_) return Error::from_errno("make an eventfd");
  auto listener = shm::listen_in(*made->folder_, made->name_);
  if (!listener) return listener.error();
  made->listener_ = std::move(listener).value();
  // The thread inherits a mask that blocks all signals: Python's threads handle them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    made->thread_ = std::thread{[socket = made.get()] { socket->serve(); }};
    ::pthread_setname_np(made->thread_.native_handle(), "horus-control");
  } catch (const std::system_error& error) {
    errno = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (made->thread_.joinable()) return std::shared_ptr<HostSocket>{std::move(made)};
  const Error refused = Error::from_errno("start the socket's thread");
  made->remove();
  return refused;
}

HostSocket::~HostSocket() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void HostSocket::serve() const noexcept {
  std::array<pollfd, 2> waits{{{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                               {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  while (true) {
    ::poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) return;
    const UniqueFd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!client) {
      // Without a free descriptor the caller stays in the queue, and poll() would return at once.
      ::poll(&waits[1], 1, kRestMs);
      continue;
    }
    // Only this user, root and the base's owner may call. The kernel tells who has connected.
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    if (peer.uid != 0 && peer.uid != ::geteuid() && peer.uid != service_) continue;
    ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &kReplyPatience, sizeof kReplyPatience);
    serve_one(client.get(), peer.uid);
  }
}

/// Answers one request and returns, so that no caller can keep the others waiting.
void HostSocket::serve_one(int client, uid_t caller) const {
  wire::MessageReader reader{wire::kMaxRequestBytes};
  std::array<char, 4096> block{};
  std::optional<std::string> message;
  const TimePoint until = MonotonicClock::now() + kPatience;
  while (!message) {
    const Nanos left = until - MonotonicClock::now();
    std::array<pollfd, 2> waits{{{.fd = client, .events = POLLIN, .revents = 0},
                                 {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    const auto left_ms = static_cast<int>(left / 1ms);
    // The end of the host does not wait for a caller.
    if (left_ms <= 0 || ::poll(waits.data(), waits.size(), left_ms) <= 0 || waits[1].revents != 0) {
      return;
    }
    const ssize_t count = ::recv(client, block.data(), block.size(), MSG_DONTWAIT);
    if (count <= 0 || !reader.feed({block.data(), static_cast<std::size_t>(count)})) return;
    message = reader.next();
  }
  const auto request = wire::parse_request(*message);
  if (!request) return;
  BlackBox* const box = box_ ? &box_->box() : nullptr;
  const bool may_allow = caller == 0 || caller == service_;
  const std::string reply = wire::encode(answer(*page_, box, *safety_, request.value(), may_allow));
  if (!request.value().oneway) ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
}

}  // namespace horus::py
