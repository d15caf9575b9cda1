// SPDX-License-Identifier: Apache-2.0
#include "service/wire/client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace horus::wire {

namespace {

Error client_error(Errc code, const char* what) {
  return {code, what, 0, {}};
}

/// Whether `fd` is ready for `events` before `until`.
Result<bool> wait_for(int fd, short events, TimePoint until) {
  for (;;) {
    const std::int64_t left_ns = std::max<std::int64_t>(to_ns(until - MonotonicClock::now()), 0);
    const timespec left{left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    pollfd ready{fd, events, 0};
    const int count = ::ppoll(&ready, 1, &left, nullptr);
    if (count >= 0) return count > 0;
    if (errno != EINTR) return Error::from_errno("wait for the service");
  }
}

/// The error of connect(2). A socket file on which nobody listens any more is kNotFound, as if it
/// did not exist.
Error connect_error(const std::string& path) {
  Error error = Error::from_errno("connect", path);
  if (error.os_errno == ECONNREFUSED) error.code = Errc::kNotFound;
  return error;
}

}  // namespace

Result<Client> Client::connect(const std::string& path, Nanos timeout, std::size_t most_bytes) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Errc::kInvalidArgument, "connect: path too long", 0, Name<200>::clipped(path)};
  }
  path.copy(address.sun_path, path.size());
  const bool waits = timeout > Nanos{};
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0)};
  if (!fd) return Error::from_errno("make a socket");
  // A full backlog blocks connect() of a Unix socket; SO_SNDTIMEO bounds that too, to about 10 ms.
  // See unix(7).
  const std::int64_t us = std::max<std::int64_t>(timeout.count() / 1000, 1);
  const timeval bound{us / 1'000'000, us % 1'000'000};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound) != 0) {
    return Error::from_errno("set the socket's timeout");
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return connect_error(path);
  }
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return Error::from_errno("set up the socket");
  return Client{std::move(fd), most_bytes};
}

Status Client::send(const Request& request, Nanos timeout) {
  const TimePoint until = MonotonicClock::now() + timeout;
  const std::string bytes = encode(request);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    // MSG_NOSIGNAL: a service that went away is an error, not a signal.
    const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
      return client_error(Errc::kNotFound, "send: the service hung up");
    }
    if (errno != EAGAIN && errno != EINTR) return Error::from_errno("send");
    const auto ready = wait_for(fd_.get(), POLLOUT, until);
    if (!ready) return ready.error();
    if (!ready.value()) return client_error(Errc::kBusy, "send: the service does not read");
  }
  return {};
}

Result<Reply> Client::receive(Nanos timeout) {
  const TimePoint until = MonotonicClock::now() + timeout;
  std::array<char, 65536> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
  for (bool read = false;; read = true) {
    if (const auto message = reader_.next()) return parse_reply(*message);
    if (read && MonotonicClock::now() >= until) {
      return client_error(Errc::kBusy, "receive: no whole reply in time");
    }
    const auto ready = wait_for(fd_.get(), POLLIN, until);
    if (!ready) return ready.error();
    if (!ready.value()) return client_error(Errc::kBusy, "receive: no reply in time");
    const ssize_t n = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
      return client_error(Errc::kNotFound, "receive: the service hung up");
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) return Error::from_errno("receive");
    if (n < 0) continue;
    auto fed = reader_.feed({chunk.data(), static_cast<std::size_t>(n)});
    if (!fed) return fed.error();
  }
}

Result<Reply> Client::call(const Request& request, Nanos timeout) {
  const TimePoint until = MonotonicClock::now() + timeout;
  const auto sent = send(request, timeout);
  // If the service hung up, it may have sent a reply before: one over its limit of connections
  // does.
  if (!sent && sent.error().code != Errc::kNotFound) return sent.error();
  return receive(std::max(until - MonotonicClock::now(), Nanos{}));
}

}  // namespace horus::wire
