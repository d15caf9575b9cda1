// SPDX-License-Identifier: Apache-2.0
#include "service/wire/client.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::wire {
namespace {

constexpr Nanos kGenerous = 30s;

/// Those of this program on a socket that waits for who listens.
std::atomic<std::size_t>& connects_that_wait() {
  static std::atomic<std::size_t> count{0};
  return count;
}

/// A listening socket in a directory of its own.
class Listener {
 public:
  explicit Listener(int backlog = 8) {
    std::array<char, 32> name{"/tmp/horus-wire-XXXXXX"};
    directory_ = ::mkdtemp(name.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), backlog), 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/s"; }
  UniqueFd accept() const { return UniqueFd{::accept(fd_.get(), nullptr, nullptr)}; }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_{::socket(AF_UNIX, SOCK_STREAM, 0)};
  std::string directory_;
};

void write_all(const UniqueFd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_message(const UniqueFd& fd) {
  std::string message;
  for (char byte = 0; ::recv(fd.get(), &byte, 1, 0) == 1 && byte != '\0';) message += byte;
  return message;
}

TEST(Client, a_call_gets_its_reply_and_a_stream_its_replies_in_order) {
  const Listener listener;
  std::thread service{[&] {
    const UniqueFd peer = listener.accept();
    const auto request = parse_request(read_message(peer));
    ASSERT_TRUE(request);
    EXPECT_TRUE(request.value().more);
    // In pieces that have nothing to do with the messages.
    const std::string bytes =
        encode(Reply{.parameters = {{"n", 1}}, .error = {}, .continues = true}) +
        encode(Reply{.parameters = {{"n", 2}}, .error = {}, .continues = false});
    write_all(peer, std::string_view{bytes}.substr(0, 5));
    write_all(peer, std::string_view{bytes}.substr(5));
  }};
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  const auto first = client.value().call({.method = "a.b", .more = true}, kGenerous);
  ASSERT_TRUE(first);
  EXPECT_EQ(first.value().parameters["n"], 1);
  EXPECT_TRUE(first.value().continues);
  const auto second = client.value().receive(kGenerous);
  ASSERT_TRUE(second);
  EXPECT_EQ(second.value().parameters["n"], 2);
  EXPECT_FALSE(second.value().continues);
  service.join();
}

TEST(Client, the_last_word_of_who_hung_up_before_the_request_is_its_reply) {
  const Listener listener;
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  write_all(listener.accept(),
            encode(Reply{.parameters = {{"n", 1}}, .error = "a.Full", .continues = false}));
  const auto reply = client.value().call({.method = "a.b"}, kGenerous);
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(reply.value().error, "a.Full");
  EXPECT_EQ(client.value().call({.method = "a.b"}, kGenerous).error().code, Errc::kNotFound);
}

TEST(Client, a_reply_of_a_mebibyte_arrives_whole) {
  const Listener listener;
  const std::string text(1 << 20, 'x');
  std::thread service{[&] {
    const UniqueFd peer = listener.accept();
    read_message(peer);
    write_all(peer, encode(Reply{.parameters = {{"text", text}}, .error = {}, .continues = false}));
  }};
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  const auto reply = client.value().call({.method = "a.b"}, kGenerous);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.value().parameters["text"], text);
  service.join();
}

TEST(Client, an_error_of_the_service_is_a_reply) {
  const Listener listener;
  std::thread service{[&] {
    const UniqueFd peer = listener.accept();
    read_message(peer);
    write_all(peer, encode(Reply{.error = "a.Refused"}));
  }};
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  const auto reply = client.value().call({.method = "a.b"}, kGenerous);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.value().error, "a.Refused");
  service.join();
}

TEST(Client, no_socket_and_a_socket_that_nobody_serves_are_not_found) {
  EXPECT_EQ(Client::connect("/nonexistent/stats.sock", kGenerous).error().code, Errc::kNotFound);
  Listener listener;
  listener.close();
  EXPECT_EQ(Client::connect(listener.path(), kGenerous).error().code, Errc::kNotFound);
}

TEST(Client, a_path_longer_than_an_address_is_refused) {
  const auto client = Client::connect("/" + std::string(200, 'x'), kGenerous);
  EXPECT_EQ(client.error().code, Errc::kInvalidArgument);
}

TEST(Client, a_service_that_hangs_up_is_not_found) {
  const Listener listener;
  std::thread service{[&] { read_message(listener.accept()); }};
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  const auto reply = client.value().call({.method = "a.b"}, kGenerous);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kNotFound);
  service.join();
}

TEST(Client, a_service_that_says_nothing_is_busy_after_the_timeout) {
  const Listener listener;
  auto client = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(client);
  const auto reply = client.value().call({.method = "a.b"}, 20ms);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kBusy);
}

TEST(Client, a_full_backlog_is_busy_after_the_timeout) {
  const Listener listener{0};
  const auto first = Client::connect(listener.path(), kGenerous);
  ASSERT_TRUE(first);
  const auto second = Client::connect(listener.path(), 20ms);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kBusy);
}

TEST(Client, a_reply_without_end_is_given_up) {
  const Listener listener;
  std::thread service{[&] {
    const UniqueFd peer = listener.accept();
    read_message(peer);
    const std::string chunk(1 << 20, '{');
    for (std::size_t sent = 0; sent < kMaxReplyBytes + 4 * chunk.size(); sent += chunk.size()) {
      write_all(peer, chunk);
    }
  }};
  {
    auto client = Client::connect(listener.path(), kGenerous);
    ASSERT_TRUE(client);
    const auto reply = client.value().call({.method = "a.b"}, kGenerous);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::kExhausted);
  }
  service.join();
}

TEST(HostControl, a_host_is_asked_and_a_link_in_the_place_of_its_socket_is_not_followed) {
  const Listener listener;
  const std::string folder = listener.path().substr(0, listener.path().size() - 2);
  std::string asked;
  std::thread host{[&] {
    const UniqueFd client = listener.accept();
    asked = read_message(client);
    write_all(client, std::string_view{"{\"parameters\":{}}\0", 18});
  }};
  EXPECT_TRUE(set_log_level(folder, "s", "arm", LogLevel::kDebug, kGenerous));
  host.join();
  EXPECT_NE(asked.find("\"arm\""), std::string::npos);
  EXPECT_NE(asked.find("\"debug\""), std::string::npos);

  const std::string link = folder + "/link";
  ASSERT_EQ(::symlink(listener.path().c_str(), link.c_str()), 0);
  EXPECT_FALSE(set_log_level(folder, "link", "arm", LogLevel::kDebug, kGenerous));
  EXPECT_FALSE(set_log_level(folder, "none", "arm", LogLevel::kDebug, kGenerous));
  ::unlink(link.c_str());
}

TEST(HostControl, a_host_that_does_not_answer_is_waited_for_no_longer_than_asked) {
  const Listener listener;
  const std::string folder = listener.path().substr(0, listener.path().size() - 2);
  EXPECT_FALSE(set_log_level(folder, "s", "arm", LogLevel::kDebug, 50ms));
}

TEST(HostControl, tells_recorders_from_hosts_of_nodes) {
  for (const char* host : {"recorder", "recorder-2", "recorder-64"}) EXPECT_TRUE(is_recorder(host));
  for (const char* host : {"", "record", "recorders", "recorder-", "recorder-x", "recorder-2b"}) {
    EXPECT_FALSE(is_recorder(host)) << host;
  }
}

TEST(HostControl, calls_all_hosts_at_once_and_waits_for_none_but_the_patience) {
  const Listener silent;
  const Listener answers;
  const Listener refuses;
  const auto place = [](const std::string& path) {
    return HostPlace{.folders = {"/nonexistent", path.substr(0, path.rfind('/'))}, .file = "s"};
  };
  const std::array hosts{place(silent.path()), place(answers.path()), place("/nonexistent/s"),
                         place(refuses.path())};
  std::thread services{[&] {
    const UniqueFd answering = answers.accept();
    const auto request = parse_request(read_message(answering));
    EXPECT_TRUE(request && request.value().method == "a.b");
    write_all(answering, encode(Reply{}));
    // It was asked before anybody had answered.
    const UniqueFd refusing = refuses.accept();
    write_all(refusing, encode(Reply{.parameters = {{"message", "it is at rest"}},
                                     .error = error::kSafetyRefused}));
    silent.accept();
  }};
  const auto results = call_hosts(hosts, {.method = "a.b"}, 2s);
  services.join();
  ASSERT_EQ(results.size(), hosts.size());
  ASSERT_FALSE(results[0]) << "nobody answers";
  EXPECT_EQ(results[0].error().code, Errc::kPermission) << "it hung up";
  EXPECT_TRUE(results[1]);
  ASSERT_FALSE(results[2]);
  EXPECT_EQ(results[2].error().code, Errc::kNotFound);
  ASSERT_FALSE(results[3]);
  EXPECT_EQ(results[3].error().subject, "it is at rest");
}

TEST(HostControl, connecting_to_hosts_that_take_no_calls_never_waits) {
  const Listener deaf{0};
  const auto waiting = Client::connect(deaf.path(), kGenerous);
  ASSERT_TRUE(waiting);
  const std::string folder = deaf.path().substr(0, deaf.path().rfind('/'));
  const std::vector<HostPlace> hosts(100, {.folders = {folder}, .file = "s"});
  const std::size_t before = connects_that_wait().load();
  const auto results = call_hosts(hosts, {.method = "a.b"}, Nanos{});
  EXPECT_EQ(connects_that_wait().load(), before);
  ASSERT_EQ(results.size(), hosts.size());
  for (const Status& result : results) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::kBusy);
  }
  EXPECT_FALSE(set_log_level(folder, "s", "arm", LogLevel::kDebug, 50ms));
  EXPECT_EQ(connects_that_wait().load(), before);
}

TEST(HostControl, a_host_that_answers_with_more_than_a_line_is_not_read_to_its_end) {
  const Listener listener;
  const std::string folder = listener.path().substr(0, listener.path().rfind('/'));
  std::thread host{[&] {
    const UniqueFd client = listener.accept();
    write_all(client, std::string(1 << 20, '{'));
  }};
  const std::array hosts{HostPlace{.folders = {folder}, .file = "s"}};
  const auto results = call_hosts(hosts, {.method = "a.b"}, kGenerous);
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, Errc::kExhausted);
  host.join();
}

}  // namespace
}  // namespace horus::wire

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
extern "C" int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const kReal = reinterpret_cast<decltype(&connect)>(::dlsym(RTLD_NEXT, "connect"));
  if ((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) ++horus::wire::connects_that_wait();
  return kReal(fd, address, size);
}
