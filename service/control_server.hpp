// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/event_loop.hpp"
#include "service/handlers.hpp"
#include "service/journal.hpp"
#include "service/peer.hpp"
#include "service/token_bucket.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {

/// What clients may cost. Over a limit: one error, then the connection is closed. No limit of
/// requests holds for an emergency stop, and no connection for anything else keeps one out.
struct ServerLimits {
  std::size_t connections = 32;
  std::size_t for_root = 4;         ///< Of them, kept free for root.
  std::size_t per_user = 8;         ///< Does not bind root.
  std::size_t stops = 16;           ///< Beside them, of those who may stop the robot and no more.
  double requests_per_second = 50;  ///< Of one user.
  double burst = 100;
  Nanos first_byte = 5s;  ///< From the connection to its first byte.
  Nanos complete = 2s;    ///< From a request's first byte to its last.
  Nanos stuck = 5s;       ///< That a client does not read what was sent to it.
};

/// The Varlink server on the housekeeping thread: bounded in everything that a client can ask of
/// it. A client that sends descriptors is disconnected; the kernel drops them.
///
/// Thread safety: one thread, the event loop's.
class ControlServer {
 public:
  /// All of them outlive the server.
  ControlServer(EventLoop& loop, Service& service, Journal& journal, ServerLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Accepts from `listener`, for those whom `access` admits, with `rights`; no more from one that
  /// gave the same rights.
  Status serve(UniqueFd listener, Access access, Rights rights);

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
    std::string output;                 ///< What is sent, and
    std::size_t taken = 0;              ///< how much of it the client has taken.
    std::unique_ptr<StatsReply> stats;  ///< Of which `output` is a piece.
    bool closing = false;               ///< Close once `output` is out.
    bool ended = false;                 ///< The client sends nothing more, and may still read.
    std::optional<TimePoint> wants_byte_by;
    std::optional<TimePoint> wants_rest_by;
    std::optional<TimePoint> wants_read_by;
    wire::Request repeated;    ///< Of a subscription.
    EventLoop::Id repeat = 0;  ///< Its timer; 0: none.
  };
  using Key = std::uint64_t;

  UniqueFd accept_one(const Listener& listener);
  void accept(const Listener& listener);
  const char* over_limit(const Peer& peer, Rights rights) const;
  void on_events(Key key, std::uint32_t events);
  enum class Stream : std::uint8_t { kOpen, kEnded, kBroken };
  Stream read(Connection& connection);
  void serve_request(Key key, Connection& connection);
  void serve_one(Key key, Connection& connection, const std::string& message);
  /// False where there is no timer for it.
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
  EventLoop::Id timer_ = 0;  ///< Of check_timers(); 0: none yet.
  std::map<Key, Connection> connections_;
  UniqueFd spare_;  ///< Given up to take, and to close, a connection when no descriptor is left.
  std::map<uid_t, TokenBucket> buckets_;
  Key next_key_ = 1;
};

}  // namespace horus::service
