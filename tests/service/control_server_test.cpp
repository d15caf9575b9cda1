// SPDX-License-Identifier: Apache-2.0
#include "service/control_server.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "service/wire/client.hpp"
#include "service/wire/interfaces.hpp"
#include "tests/service/fake_service.hpp"

namespace {
std::atomic<bool> no_timers{false};
}  // namespace

/// In the place of the C library's.
extern "C" int timerfd_create(int clock, int flags) noexcept {
  if (no_timers) {
    errno = EMFILE;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_timerfd_create, clock, flags));
}

namespace horus::service {
namespace {

using wire::Client;
using wire::Json;
using wire::Reply;
using wire::Request;

constexpr Nanos kPatience = 20s;

/// A server on a thread of its own, as root sees it: no limit by user.
class ControlServerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    end();
    std::filesystem::remove_all(folder_);
  }
  void end() {
    if (!thread_.joinable()) return;
    ::eventfd_write(end_.get(), 1);
    thread_.join();
  }

  void serve(ServerLimits limits = {}, Rights rights = Rights::kStats) {
    listen(limits, rights);
    start();
  }
  /// Clients may connect and send; nobody is served before start().
  void listen(ServerLimits limits = {}, Rights rights = Rights::kStats) {
    std::filesystem::create_directories(folder_);
    loop_ = std::move(EventLoop::create()).value();
    auto listener = listen_at(path_, {});
    ASSERT_TRUE(listener);
    server_ = std::make_unique<ControlServer>(*loop_, service_, journal_, limits);
    ASSERT_TRUE(server_->serve(std::move(listener).value(), {}, rights));
    ASSERT_TRUE(loop_->watch(end_.get(), EPOLLIN, [this](std::uint32_t) { loop_->stop(); }));
  }
  void start() {
    thread_ = std::thread{[this] {
      EXPECT_TRUE(loop_->run());
      server_.reset();
    }};
  }

  Client connect() { return std::move(Client::connect(path_, kPatience)).value(); }
  static Reply call(Client& client, const std::string& method) {
    auto reply = client.call({.method = method}, kPatience);
    return reply ? reply.value() : Reply{.error = "no reply"};
  }
  static void write(const Client& client, std::string_view bytes) {
    // The server may have closed already, which is what some of these tests want.
    static_cast<void>(::send(client.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  /// What comes until the server closes.
  static std::string read_to_end(const Client& client) {
    std::string text(1U << 20U, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
      pollfd_wait(client.fd());
      const ssize_t count = ::recv(client.fd(), text.data() + size, text.size() - size, 0);
      if (count <= 0) break;
      size += static_cast<std::size_t>(count);
    }
    text.resize(size);
    return text;
  }
  static void pollfd_wait(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    timeval patience{.tv_sec = 20, .tv_usec = 0};
    ASSERT_EQ(::select(fd + 1, &set, nullptr, nullptr, &patience), 1) << "the server did not close";
  }
  void expect_service() {
    Client client = connect();
    EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  }

  const std::string folder_ = ::testing::TempDir() + "horus-control-" + std::to_string(::getpid());
  const std::string path_ = folder_ + "/stats.sock";
  test::FakeService service_;
  Journal journal_{"test"};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ControlServer> server_;
  UniqueFd end_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

TEST_F(ControlServerTest, answers_one_request_after_another) {
  serve();
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kStatsGet).parameters["hosts"].size(), 2U);
  EXPECT_EQ(call(client, wire::method::kGetInfo).parameters["product"], "horusd");
}

TEST_F(ControlServerTest, answers_requests_that_arrive_together) {
  serve();
  Client client = connect();
  const std::string request = wire::encode(Request{.method = wire::method::kGetInfo});
  write(client, request + request + request);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.receive(kPatience));
}

TEST_F(ControlServerTest, gives_no_reply_to_a_oneway_request) {
  serve();
  Client client = connect();
  ASSERT_TRUE(client.send({.method = wire::method::kStatsGet, .oneway = true}, kPatience));
  const Reply next = call(client, wire::method::kGetInfo);
  EXPECT_TRUE(next.parameters.contains("product"));
}

TEST_F(ControlServerTest, serves_a_client_that_asked_and_left_at_once) {
  serve({}, Rights::kControl);
  for (int i = 0; i < 10; ++i) {
    Client client = connect();
    const Request request{.method = wire::method::kControlReload, .oneway = true};
    ASSERT_TRUE(client.send(request, kPatience));
  }
  expect_service();
  end();
  EXPECT_EQ(service_.reloads, 10);
}

TEST_F(ControlServerTest, answers_all_that_was_asked_before_the_client_stopped_sending) {
  service_.padding = std::string(10'000, 'x');
  listen();
  Client client = connect();
  constexpr int kRequests = 50;
  std::string requests;
  for (int i = 0; i < kRequests; ++i) {
    requests += wire::encode(Request{.method = wire::method::kStatsGet});
  }
  write(client, requests + "{\"half");
  ASSERT_EQ(::shutdown(client.fd(), SHUT_WR), 0);
  start();
  const std::string replies = read_to_end(client);
  EXPECT_EQ(std::count(replies.begin(), replies.end(), '\0'), kRequests);
}

TEST_F(ControlServerTest, serves_all_that_a_client_asked_which_left_at_once) {
  listen({}, Rights::kControl);
  {
    Client client = connect();
    std::string requests;
    for (int i = 0; i < 20; ++i) {
      requests += wire::encode(Request{.method = wire::method::kControlReload, .oneway = true});
    }
    write(client, requests);
  }
  start();
  for (const TimePoint end = MonotonicClock::now() + kPatience;
       service_.reloads < 20 && MonotonicClock::now() < end;) {
    expect_service();
  }
  end();
  EXPECT_EQ(service_.reloads, 20);
}

TEST_F(ControlServerTest, others_are_answered_while_a_large_reply_is_made) {
  service_.plans = 4'000;
  service_.padding = std::string(900, 'x');
  serve();
  Client greedy = connect();
  ASSERT_TRUE(greedy.send({.method = wire::method::kStatsGet}, kPatience));
  // Nothing of it is read: what is made of it meanwhile is one piece.
  expect_service();
  const auto reply = greedy.receive(kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.value().parameters["hosts"][1]["nodes"].size(), 4'000U);
}

TEST_F(ControlServerTest, what_a_user_may_ask_for_is_bounded_in_bytes) {
  service_.plans = 10;
  service_.padding = std::string(std::size_t{512} << 10U, 'x');
  serve({.requests_per_second = 0.001, .burst = 10});
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kStatsGet).error, "");
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, wire::error::kTooManyRequests);
}

TEST_F(ControlServerTest, a_subscription_without_a_timer_is_refused_and_may_be_tried_again) {
  serve();
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  const Request request{.method = wire::method::kStatsSubscribe, .more = true};
  no_timers = true;
  const auto refused = client.call(request, kPatience);
  no_timers = false;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused.value().error, wire::error::kTooManyRequests);
  const auto first = client.call(request, kPatience);
  ASSERT_TRUE(first);
  EXPECT_EQ(first.value().error, "");
}

TEST_F(ControlServerTest, a_subscription_beyond_that_misses_some) {
  service_.plans = 10;
  service_.padding = std::string(std::size_t{512} << 10U, 'x');
  serve({.requests_per_second = 0.001, .burst = 10});
  Client client = connect();
  Request request{.method = wire::method::kStatsSubscribe, .more = true};
  request.parameters["interval_ms"] = 50;
  EXPECT_TRUE(client.call(request, kPatience));
  EXPECT_FALSE(client.receive(500ms));
}

TEST_F(ControlServerTest, a_subscription_to_no_node_is_one_error) {
  serve();
  Client client = connect();
  Request request{.method = wire::method::kStatsSubscribe, .more = true};
  request.parameters = {{"interval_ms", 50}, {"node", "absent"}};
  const auto reply = client.call(request, kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.value().error, wire::error::kNoSuchNode);
  EXPECT_FALSE(client.receive(300ms));
}

TEST_F(ControlServerTest, sends_a_subscription_again_and_again) {
  serve();
  Client client = connect();
  Request request{.method = wire::method::kStatsSubscribe, .more = true};
  request.parameters["interval_ms"] = 50;
  auto reply = client.call(request, kPatience);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reply);
    EXPECT_TRUE(reply.value().continues);
    reply = client.receive(kPatience);
  }
}

TEST_F(ControlServerTest, a_stats_connection_cannot_control) {
  serve();
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kControlReload).error, wire::error::kPermissionDenied);
  EXPECT_EQ(service_.reloads, 0);
}

TEST_F(ControlServerTest, a_control_connection_can) {
  serve({}, Rights::kControl);
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kControlReload).error, "");
  EXPECT_EQ(service_.reloads, 1);
}

TEST_F(ControlServerTest, a_wrong_field_is_an_error_and_the_connection_goes_on) {
  serve();
  Client client = connect();
  write(client, std::string_view{"{\"methods\":\"x\"}\0", 16});
  auto reply = client.receive(kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.value().error, wire::error::kInvalidParameter);
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
}

TEST_F(ControlServerTest, closes_after_what_is_no_request_and_serves_the_others) {
  serve({.requests_per_second = 1e6, .burst = 1e6});
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& bad :
       {std::string{"not json"}, std::string{"[]"}, std::string{"\xff\xfe{}"}, deep,
        std::string{"{\"method\":"}, std::string{}}) {
    Client client = connect();
    write(client, bad + std::string(1, '\0'));
    EXPECT_NE(read_to_end(client).find("InvalidParameter"), std::string::npos) << bad;
  }
  expect_service();
}

TEST_F(ControlServerTest, closes_after_a_request_that_is_too_long) {
  serve();
  Client client = connect();
  const std::string flood(wire::kMaxRequestBytes + 100'000, 'x');
  for (std::size_t at = 0; at < flood.size(); at += 4096) write(client, flood.substr(at, 4096));
  read_to_end(client);
  expect_service();
}

TEST_F(ControlServerTest, survives_thousands_of_random_messages) {
  serve({.requests_per_second = 1e9, .burst = 1e9});
  std::mt19937 random{7};
  const std::string good = R"({"method":"io.horus.Stats.Get","parameters":{"node":"imu"}})";
  for (int i = 0; i < 200; ++i) {
    Client client = connect();
    for (int j = 0; j < 20; ++j) {
      std::string message = good;
      for (std::size_t k = random() % 4; k > 0; --k) {
        message[random() % message.size()] = static_cast<char>(random());
      }
      write(client, message + std::string(1, '\0'));
    }
  }
  expect_service();
}

TEST_F(ControlServerTest, a_flood_of_zeros_meets_the_rate_limit) {
  serve({.burst = 10});
  Client client = connect();
  write(client, std::string(60'000, '\0'));
  read_to_end(client);
}

TEST_F(ControlServerTest, too_many_requests_are_refused) {
  serve({.requests_per_second = 0.001, .burst = 2});
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, wire::error::kTooManyRequests);
  EXPECT_EQ(read_to_end(client), "");
}

TEST_F(ControlServerTest, no_limit_keeps_an_emergency_stop_out) {
  serve({.requests_per_second = 0.001, .burst = 1}, Rights::kStop);
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call(client, wire::method::kControlEstop).error, "");
  EXPECT_EQ(service_.stops, 3);
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, wire::error::kTooManyRequests);
}

TEST_F(ControlServerTest, who_may_not_stop_is_held_to_the_limit_whatever_is_asked) {
  serve({.requests_per_second = 0.001, .burst = 1});
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kControlEstop).error, wire::error::kPermissionDenied);
  EXPECT_EQ(call(client, wire::method::kControlEstop).error, wire::error::kTooManyRequests);
  EXPECT_EQ(service_.stops, 0);
}

TEST_F(ControlServerTest, who_may_stop_has_places_of_its_own) {
  serve({.connections = 0, .for_root = 0, .per_user = 2, .stops = 2}, Rights::kStop);
  Client first = connect();
  EXPECT_EQ(call(first, wire::method::kControlEstop).error, "");
  Client second = connect();
  EXPECT_EQ(call(second, wire::method::kControlEstop).error, "");
  Client third = connect();
  EXPECT_NE(read_to_end(third).find("TooManyRequests"), std::string::npos);
}

TEST_F(ControlServerTest, too_many_connections_are_refused_and_their_places_come_back) {
  serve({.connections = 4, .for_root = 0, .per_user = 4});
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(call(clients.back(), wire::method::kGetInfo).error, "");
  }
  Client fifth = connect();
  EXPECT_NE(read_to_end(fifth).find("TooManyRequests"), std::string::npos);
  clients.clear();
  // The server hears of the closed ones on its own time.
  bool served = false;
  for (const TimePoint end = MonotonicClock::now() + kPatience;
       !served && MonotonicClock::now() < end;) {
    Client client = connect();
    served = call(client, wire::method::kGetInfo).error.empty();
  }
  EXPECT_TRUE(served);
}

TEST_F(ControlServerTest, a_client_that_says_nothing_is_closed) {
  serve({.first_byte = 1ms});
  Client client = connect();
  EXPECT_EQ(read_to_end(client), "");
}

TEST_F(ControlServerTest, a_request_that_is_never_complete_is_closed) {
  serve({.complete = 1ms});
  Client client = connect();
  write(client, "{\"method\":");
  EXPECT_EQ(read_to_end(client), "");
}

TEST_F(ControlServerTest, a_request_that_goes_on_byte_by_byte_is_closed_as_well) {
  serve({.complete = 300ms});
  Client client = connect();
  const TimePoint give_up = MonotonicClock::now() + kPatience;
  while (::send(client.fd(), "{", 1, MSG_NOSIGNAL) == 1) {
    ASSERT_LT(MonotonicClock::now(), give_up) << "each byte gives it more time";
    ::poll(nullptr, 0, 10);
  }
}

TEST_F(ControlServerTest, a_client_that_does_not_read_is_closed_and_holds_nobody_up) {
  service_.padding = std::string(1U << 20U, 'x');
  serve({.stuck = 1ms});
  Client client = connect();
  ASSERT_TRUE(client.send({.method = wire::method::kStatsGet}, kPatience));
  expect_service();
  // Its reply does not fit the socket's buffer; the server gives up before all of it is out.
  pollfd pfd{.fd = client.fd(), .events = 0, .revents = 0};
  EXPECT_EQ(::poll(&pfd, 1, 20'000), 1);
  EXPECT_NE(pfd.revents & POLLHUP, 0);
}

TEST_F(ControlServerTest, f33_a_client_that_sends_descriptors_is_closed_and_leaks_none) {
  serve();
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {});
  };
  Client client = connect();
  EXPECT_EQ(call(client, wire::method::kGetInfo).error, "");
  const auto before = count();
  constexpr std::size_t kPassed = 28;
  std::array<char, CMSG_SPACE(kPassed * sizeof(int))> control{};
  char byte = '\0';  // A whole message: without descriptors it would have an answer.
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kPassed * sizeof(int));
  std::array<int, kPassed> passed{};
  passed.fill(STDIN_FILENO);
  std::memcpy(CMSG_DATA(header), passed.data(), sizeof passed);
  ASSERT_EQ(::sendmsg(client.fd(), &message, MSG_NOSIGNAL), 1);
  EXPECT_EQ(read_to_end(client), "");
  EXPECT_LE(count(), before);
}

TEST(Access, is_for_root_the_own_user_and_the_group) {
  const Access access{.group = 4242};
  EXPECT_TRUE(access.granted({.uid = 0}));
  EXPECT_TRUE(access.granted({.uid = ::geteuid()}));
  EXPECT_TRUE(access.granted({.uid = 77777, .gid = 4242}));
  EXPECT_TRUE(access.granted({.uid = 77777, .gid = 1, .groups = {7, 4242}}));
  EXPECT_FALSE(access.granted({.uid = 77777, .gid = 1, .groups = {7}}));
  EXPECT_FALSE(Access{}.granted({.uid = 77777, .gid = 1, .groups = {7}}));
}

}  // namespace
}  // namespace horus::service
