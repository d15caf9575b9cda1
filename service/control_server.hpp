// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "service/event_loop.hpp"
#include "service/handlers.hpp"
#include "service/journal.hpp"
#include "service/peer.hpp"
#include "service/token_bucket.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {

/// What clients may cost (WIRE-3). Over a limit a client gets one error, and its connection is
/// closed. The limit of requests does not hold for an emergency stop. Connections of the stop
/// socket are counted apart, so other clients cannot keep out a stop.
struct ServerLimits {
  std::size_t connections = 32;     ///< At once, without those of the stop socket.
  std::size_t for_root = 4;         ///< How many of `connections`, and of `stops`, only root gets.
  std::size_t per_user = 8;         ///< At once, of one user; root has no such limit.
  std::size_t stops = 16;           ///< At once, on the stop socket.
  double requests_per_second = 50;  ///< Of one user, over all connections.
  double burst = 100;               ///< Requests that a user may send at once after a pause.
  Nanos first_byte = 5s;            ///< From accepting a connection to its first byte.
  Nanos complete = 2s;              ///< From a request's first byte to its last.
  Nanos stuck = 5s;                 ///< How long a client may not read what was sent to it.
};

/// The Varlink server on the housekeeping thread. Everything that a client can make it keep or do
/// is bounded, see ServerLimits. A client that sends file descriptors is disconnected, and the
/// kernel drops the descriptors.
///
/// Thread safety: one thread, the event loop's.
class ControlServer {
 public:
  /// `loop`, `service` and `journal` outlive the server.
  ControlServer(EventLoop& loop, Service& service, Journal& journal, ServerLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Accepts clients from `listener` whom `access` admits; they may call what `rights` allows. Any
  /// other gets PermissionDenied. An earlier listener with the same rights is closed; its open
  /// connections stay. Fails without a descriptor for the watch or the timer.
  Status serve(UniqueFd listener, Access access, Rights rights);

  /// Open connections now.
  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  struct Listener {
    UniqueFd fd;
    Access access;
    Rights rights = Rights::kStats;
    EventLoop::Id watch = 0;
  };
  struct Connection {
    UniqueFd fd;
    Peer peer;
    Rights rights = Rights::kStats;
    EventLoop::Id watch = 0;
    wire::MessageReader reader{wire::kMaxRequestBytes};
    std::string output;                 ///< The reply, or the piece of it, that is being sent.
    std::size_t taken = 0;              ///< Bytes of `output` that the socket has accepted.
    std::unique_ptr<StatsReply> stats;  ///< Makes further pieces of the reply; null: no more.
    bool closing = false;               ///< Close once `output` is sent.
    bool ended = false;                 ///< The client has shut down its side; it may still read.
    std::optional<TimePoint> wants_byte_by;  ///< Deadline of the first byte, see first_byte.
    std::optional<TimePoint> wants_rest_by;  ///< Deadline of the request's end, see complete.
    std::optional<TimePoint> wants_read_by;  ///< Deadline of the client's reading, see stuck.
    wire::Request repeated;                  ///< The request of a subscription.
    EventLoop::Id repeat = 0;                ///< Timer of the subscription; 0: there is none.
  };
  using Key = std::uint64_t;

  UniqueFd accept_one(const Listener& listener);
  void accept(const Listener& listener);
  /// The name of the limit that one more connection of `peer` would exceed; null: none.
  const char* over_limit(const Peer& peer, Rights rights) const;
  void on_events(Key key, std::uint32_t events);
  enum class Stream : std::uint8_t { kOpen, kEnded, kBroken };
  Stream read(Connection& connection);
  void serve_request(Key key, Connection& connection);
  void serve_one(Key key, Connection& connection, const std::string& message);
  /// Answers `request` again every `every`. False: no timer could be made.
  bool subscribe(Key key, Connection& connection, const wire::Request& request, Nanos every);
  void send_again(Key key);
  void make_piece(Connection& connection);
  void reply(Connection& connection, const wire::Reply& reply);
  void refuse(Connection& connection, const wire::Reply& reply);
  bool flush(Connection& connection);
  void settle(Key key, Connection& connection);
  void close(Key key);
  void check_timers();
  TokenBucket& bucket_of(uid_t uid);

  EventLoop& loop_;
  Service& service_;
  Journal& journal_;
  ServerLimits limits_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  EventLoop::Id timer_ = 0;  ///< Timer of check_timers(); 0: none yet.
  std::map<Key, Connection> connections_;
  UniqueFd spare_;  ///< Closed when no descriptor is left, to accept and close one connection.
  std::map<uid_t, TokenBucket> buckets_;
  Key next_key_ = 1;
};

}  // namespace horus::service
