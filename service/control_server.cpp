// SPDX-License-Identifier: Apache-2.0
#include "service/control_server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "service/describe.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::service {
namespace {

constexpr Nanos kTimerCheck = 250ms;
/// Reads from one client per round of the event loop, so that one that sends much does not keep the
/// others waiting.
constexpr int kMaxReads = 4;

/// Whether `message` is an emergency stop on a connection that may ask for one. No rate limit holds
/// for it.
bool is_stop(Rights rights, const std::string& message) {
  if (rights < Rights::kStop) return false;
  const auto request = wire::parse_request(message);
  return request && request.value().method == wire::method::kControlEstop;
}

}  // namespace

ControlServer::ControlServer(EventLoop& loop, Service& service, Journal& journal,
                             ServerLimits limits)
    : loop_{loop}, service_{service}, journal_{journal}, limits_{limits} {}

ControlServer::~ControlServer() {
  while (!connections_.empty()) close(connections_.begin()->first);
  for (const auto& listener : listeners_) loop_.forget(listener->watch);
  loop_.forget(timer_);
}

Status ControlServer::serve(UniqueFd fd, Access access, Rights rights) {
  if (timer_ == 0) {
    auto timer = loop_.every(kTimerCheck, [this] { check_timers(); });
    if (!timer) return timer.error();
    timer_ = timer.value();
  }
  auto made = std::make_unique<Listener>(
      Listener{.fd = std::move(fd), .access = access, .rights = rights, .watch = 0});
  Listener& listener = *made;
  auto watched = loop_.watch(listener.fd.get(), EPOLLIN,
                             [this, &listener](std::uint32_t) { accept(listener); });
  if (!watched) return watched.error();
  listener.watch = watched.value();
  std::erase_if(listeners_, [&](const auto& before) {
    if (before->rights != rights) return false;
    loop_.forget(before->watch);
    return true;
  });
  listeners_.push_back(std::move(made));
  return {};
}

UniqueFd ControlServer::accept_one(const Listener& listener) {
  const auto take = [&listener] {
    return UniqueFd{::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  };
  if (!spare_) spare_ = UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  UniqueFd fd = take();
  if (fd || (errno != EMFILE && errno != ENFILE)) return fd;
  // No descriptor is left, and the loop would report the waiting connection again and again. The
  // spare descriptor makes room to accept it, and it is closed at once.
  spare_.reset();
  static_cast<void>(take());
  return {};
}

void ControlServer::accept(const Listener& listener) {
  UniqueFd fd = accept_one(listener);
  if (!fd) return;  // The client went.
  auto peer = Peer::of(fd.get());
  if (!peer) return;
  const Key key = next_key_++;
  Connection connection;
  connection.fd = std::move(fd);
  connection.peer = std::move(peer).value();
  connection.rights = listener.rights;
  connection.wants_byte_by = MonotonicClock::now() + limits_.first_byte;
  const char* limit = over_limit(connection.peer, connection.rights);
  if (!listener.access.granted(connection.peer)) {
    journal_.say(LogLevel::kWarning, "refused a connection of user " +
                                         std::to_string(connection.peer.uid) + " (process " +
                                         std::to_string(connection.peer.pid) + "): no right to it");
    refuse(connection, error_reply(wire::error::kPermissionDenied));
    flush(connection);
    return;
  }
  if (limit != nullptr) {
    refuse(connection, error_reply(wire::error::kTooManyRequests, "limit", limit));
    flush(connection);
    return;
  }
  auto watched = loop_.watch(connection.fd.get(), EPOLLIN,
                             [this, key](std::uint32_t events) { on_events(key, events); });
  if (!watched) {
    refuse(connection, error_reply(wire::error::kTooManyRequests, "limit", "descriptors"));
    flush(connection);
    return;
  }
  connection.watch = watched.value();
  connections_.emplace(key, std::move(connection));
}

const char* ControlServer::over_limit(const Peer& peer, Rights rights) const {
  const bool stops = rights == Rights::kStop;
  std::size_t all = 0;
  std::size_t of_user = 0;
  for (const auto& [key, other] : connections_) {
    if ((other.rights == Rights::kStop) != stops) continue;
    ++all;
    of_user += other.peer.uid == peer.uid ? 1 : 0;
  }
  const std::size_t most = stops ? limits_.stops : limits_.connections;
  if (all >= most) return "connections";
  if (peer.uid == 0) return nullptr;
  if (all + limits_.for_root >= most) return "connections";
  return of_user >= limits_.per_user ? "connections of one user" : nullptr;
}

void ControlServer::on_events(Key key, std::uint32_t events) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if ((events & (EPOLLIN | EPOLLOUT)) == 0) return close(key);  // Gone, or broken.
  if ((events & EPOLLOUT) != 0 && !flush(connection)) return close(key);
  if ((events & EPOLLIN) != 0) {
    const Stream stream = read(connection);
    if (stream == Stream::kBroken) return close(key);
    connection.ended = stream == Stream::kEnded;
  }
  make_piece(connection);
  serve_request(key, connection);
  settle(key, connection);
}

/// Reads what has arrived. kEnded is no error: a client may send a request that wants no reply and
/// close at once, and the request must still be served.
ControlServer::Stream ControlServer::read(Connection& connection) {
  std::array<char, 16384> block{};
  for (int i = 0; i < kMaxReads; ++i) {
    iovec part{.iov_base = block.data(), .iov_len = block.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t count = ::recvmsg(connection.fd.get(), &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Stream::kOpen : Stream::kBroken;
    // Truncated ancillary data: descriptors, which we gave no room and the kernel has dropped.
    if ((message.msg_flags & MSG_CTRUNC) != 0) return Stream::kBroken;
    if (count == 0) return Stream::kEnded;
    connection.wants_byte_by.reset();
    const std::string_view bytes{block.data(), static_cast<std::size_t>(count)};
    if (!connection.reader.feed(bytes)) {
      refuse(connection, error_reply(wire::error::kInvalidParameter, "parameter", "message"));
      return Stream::kOpen;
    }
  }
  return Stream::kOpen;
}

/// Answers the next request, once the last answer is sent. One per round of the event loop, so that
/// a client that sends a hundred at once keeps nobody waiting.
void ControlServer::serve_request(Key key, Connection& connection) {
  if (connection.output.empty() && !connection.stats && !connection.closing) {
    if (const auto message = connection.reader.next()) serve_one(key, connection, *message);
  }
  if (!connection.reader.partial()) {
    connection.wants_rest_by.reset();
  } else if (!connection.wants_rest_by) {
    connection.wants_rest_by = MonotonicClock::now() + limits_.complete;
  }
}

void ControlServer::serve_one(Key key, Connection& connection, const std::string& message) {
  const bool within = bucket_of(connection.peer.uid).take(MonotonicClock::now());
  if (!within && !is_stop(connection.rights, message)) {
    return refuse(connection, error_reply(wire::error::kTooManyRequests, "limit",
                                          "requests of one user a second"));
  }
  auto parsed = wire::parse_request(message);
  if (!parsed) {
    const bool usable = parsed.error().code == Errc::kInvalidArgument;
    const auto error = error_reply(wire::error::kInvalidParameter, "parameter",
                                   usable ? std::string{parsed.error().subject.view()} : "message");
    return usable ? reply(connection, error) : refuse(connection, error);
  }
  const wire::Request request = std::move(parsed).value();
  const bool controls =
      wire::split_method(request.method).interface == wire::kControlInterface.name;
  Answer answered = answer(service_, request, connection.rights);
  // A stop beyond the rate limit is carried out but not logged here, so that a flood of stops does
  // not flood the log. The robot logs the stop itself.
  if (controls && within) {
    const bool done = answered.reply.error.empty();
    journal_.say(done ? LogLevel::kInfo : LogLevel::kWarning,
                 request.method + " by user " + std::to_string(connection.peer.uid) + " (process " +
                     std::to_string(connection.peer.pid) +
                     "): " + (done ? "done" : answered.reply.error));
  }
  if (request.oneway) return;
  if (!answered.stats) return reply(connection, answered.reply);
  // A subscription: the same request is answered again by a timer.
  if (answered.again > Nanos{} && !subscribe(key, connection, request, answered.again)) {
    return reply(connection, error_reply(wire::error::kTooManyRequests, "limit", "timers"));
  }
  connection.stats = std::move(answered.stats);
  make_piece(connection);
}

bool ControlServer::subscribe(Key key, Connection& connection, const wire::Request& request,
                              Nanos every) {
  // One subscription a connection: a new one takes the place of the old.
  if (connection.repeat != 0) loop_.forget(connection.repeat);
  connection.repeated = request;
  auto timer = loop_.every(every, [this, key] { send_again(key); });
  connection.repeat = timer ? timer.value() : 0;
  return connection.repeat != 0;
}

void ControlServer::send_again(Key key) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  // A client that still has unread output misses this round, as does one whose user is over the
  // rate limit.
  if (!connection.output.empty() || connection.stats || connection.closing) return;
  if (!bucket_of(connection.peer.uid).take(MonotonicClock::now())) return;
  connection.stats = answer(service_, connection.repeated, connection.rights).stats;
  make_piece(connection);
  settle(key, connection);
}

/// Makes and sends the next piece of a statistics reply, once the last one is sent. So the work is
/// spread over many rounds of the event loop, and at most one piece is kept in memory. Its size
/// counts against the user's rate limit.
void ControlServer::make_piece(Connection& connection) {
  if (!connection.stats || !connection.output.empty()) return;
  connection.output = connection.stats->next();
  bucket_of(connection.peer.uid)
      .spend(static_cast<double>(connection.output.size()) / stats_limit::kBytesPerToken,
             MonotonicClock::now());
  if (connection.stats->done()) {
    if (connection.stats->failed() && connection.repeat != 0) {
      loop_.forget(std::exchange(connection.repeat, 0));
    }
    connection.stats.reset();
  }
  if (!flush(connection)) connection.closing = true;
}

void ControlServer::reply(Connection& connection, const wire::Reply& reply) {
  connection.output += wire::encode(reply);
  if (!flush(connection)) connection.closing = true;
}

void ControlServer::refuse(Connection& connection, const wire::Reply& reply) {
  connection.output += wire::encode(reply);
  connection.closing = true;
}

/// Sends as much of the output as the socket takes. False if the client is gone.
bool ControlServer::flush(Connection& connection) {
  std::string& output = connection.output;
  while (connection.taken < output.size()) {
    const ssize_t count = ::send(connection.fd.get(), output.data() + connection.taken,
                                 output.size() - connection.taken, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      const TimePoint limit = MonotonicClock::now() + limits_.stuck;
      connection.wants_read_by = connection.wants_read_by.value_or(limit);
      return true;
    }
    if (count < 0) break;
    connection.taken += static_cast<std::size_t>(count);
  }
  const bool gone = connection.taken < output.size();
  std::string{}.swap(output);  // clear() would keep the memory.
  connection.taken = 0;
  connection.wants_read_by.reset();
  return !gone;
}

/// To be called after each event of a connection: closes it, or watches for what is due next.
void ControlServer::settle(Key key, Connection& connection) {
  if (connection.closing && (!flush(connection) || connection.output.empty())) return close(key);
  const bool busy = !connection.output.empty() || connection.stats || connection.reader.whole();
  if (connection.ended && !busy && connection.repeat == 0) return close(key);
  // Nothing is read from a client that has not yet taken its reply.
  loop_.change(connection.watch, busy ? EPOLLOUT : connection.ended ? 0U : EPOLLIN);
}

void ControlServer::close(Key key) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  loop_.forget(found->second.watch);
  if (found->second.repeat != 0) loop_.forget(found->second.repeat);
  connections_.erase(found);
}

/// Closes connections that missed a deadline, and forgets the rate limits of users who are idle.
void ControlServer::check_timers() {
  const TimePoint now = MonotonicClock::now();
  const auto over = [now](const std::optional<TimePoint>& limit) { return limit && now >= *limit; };
  std::vector<Key> late;
  for (const auto& [key, connection] : connections_) {
    if (over(connection.wants_byte_by) || over(connection.wants_rest_by) ||
        over(connection.wants_read_by)) {
      late.push_back(key);
    }
  }
  for (const Key key : late) close(key);
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.full(now); });
}

TokenBucket& ControlServer::bucket_of(uid_t uid) {
  return buckets_
      .try_emplace(uid, limits_.requests_per_second, limits_.burst, MonotonicClock::now())
      .first->second;
}

}  // namespace horus::service
