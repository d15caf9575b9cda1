// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include <horus/msg/control.hpp>
#include <horus/topic.hpp>

#include "shm/stats_page.hpp"
#include "tests/cli/fake_server.hpp"
#include "tests/cli/run_cli.hpp"
#include "tools/cli/service_client.hpp"
#include "tools/cli/source.hpp"

namespace horus::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

/// A user with an own base in shared memory and an own runtime directory, both empty.
class WhereTest : public testing::Test {
 protected:
  WhereTest() {
    ::setenv("HORUS_BASE", base_.path().c_str(), 1);
    ::setenv("RUNTIME_DIRECTORY", runtime_.path().c_str(), 1);
  }
  ~WhereTest() override {
    ::unsetenv("HORUS_BASE");
    ::unsetenv("RUNTIME_DIRECTORY");
  }

  shm::StatsPage page_of(const std::string& host) {
    const std::vector<std::string> nodes{"worker"};
    auto page = shm::StatsPage::create(base_.path(), host, nodes);
    EXPECT_TRUE(page);
    page.value().host().name = NodeName::clipped(host);
    page.value().nodes()[0].name = NodeName::clipped("worker");
    return std::move(page).value();
  }
  std::string stats_socket() const { return runtime_.path() + "/stats.sock"; }

  test::Folder base_;
  test::Folder runtime_;
  Places places_{.socket_dir = runtime_.path()};
};

TEST_F(WhereTest, a_directory_that_was_named_is_the_only_one) {
  EXPECT_THAT(socket_directories({.socket_dir = "/x"}), ElementsAre("/x"));
}

TEST_F(WhereTest, the_services_own_directory_comes_first_and_the_systems_last) {
  const auto directories = socket_directories({});
  EXPECT_EQ(directories.front(), runtime_.path());
  EXPECT_EQ(directories[1], base_.path() + "/run");
  EXPECT_EQ(directories.back(), "/run/horus");
}

TEST_F(WhereTest, of_several_runtime_directories_the_first_counts) {
  ::setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
  EXPECT_EQ(socket_directories({}).front(), "/run/one");
}

TEST_F(WhereTest, a_base_that_was_named_is_the_only_one) {
  EXPECT_THAT(base_directories(), ElementsAre(base_.path()));
  ::unsetenv("HORUS_BASE");
  EXPECT_THAT(base_directories(), Contains("/dev/shm/horus"));
}

TEST_F(WhereTest, nothing_runs_where_nobody_listens_and_no_page_lives) {
  const auto stats = fetch_stats(places_);
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().code, Errc::kNotFound);
}

TEST_F(WhereTest, without_a_service_the_pages_of_living_hosts_are_shown) {
  const shm::StatsPage page = page_of("program");
  const auto stats = fetch_stats({});
  ASSERT_TRUE(stats);
  ASSERT_EQ(stats.value().hosts.size(), 1U);
  EXPECT_EQ(stats.value().hosts[0].name, "program");
  EXPECT_TRUE(stats.value().hosts[0].alive);
  EXPECT_EQ(stats.value().hosts[0].nodes[0].name, "worker");
}

TEST_F(WhereTest, a_page_that_its_owner_left_is_dead_and_alone_is_nothing_that_runs) {
  static_cast<void>(page_of("program"));
  ASSERT_EQ(read_pages().size(), 1U);
  EXPECT_FALSE(read_pages()[0].alive);
  EXPECT_FALSE(fetch_stats(places_));
}

TEST_F(WhereTest, beside_a_service_ones_own_hosts_are_shown_too) {
  const shm::StatsPage page = page_of("program");
  const test::FakeServer server{stats_socket(), test::reply(R"({"hosts":[{"name":"rover"}]})")};
  const auto stats = fetch_stats({});
  ASSERT_TRUE(stats);
  ASSERT_EQ(stats.value().hosts.size(), 2U);
  EXPECT_EQ(stats.value().hosts[1].name, "program");
  EXPECT_EQ(fetch_stats(places_).value().hosts.size(), 1U);  // Only what was asked for.
}

TEST_F(WhereTest, a_host_that_the_service_spoke_of_is_shown_once) {
  shm::StatsPage page = page_of("rover");
  page.host().pid.set(42);
  const test::FakeServer server{stats_socket(),
                                test::reply(R"({"hosts":[{"name":"rover","pid":42}]})")};
  EXPECT_EQ(fetch_stats({}).value().hosts.size(), 1U);
}

TEST_F(WhereTest, the_verdict_is_the_services_own) {
  const test::FakeServer server{
      stats_socket(), test::reply(R"({"status":"degraded","ready":true,"reasons":[],"notes":[],)"
                                  R"("hosts":[],"version":"9"})")};
  const auto health = fetch_health(places_);
  ASSERT_TRUE(health);
  EXPECT_EQ(health.value().health, wire::Health::kDegraded);
  EXPECT_EQ(service_version(places_), "9");
}

TEST_F(WhereTest, a_verdict_that_is_none_is_an_error_and_not_healthy) {
  for (const char* text : {"{}", R"({"status":"well"})", R"({"status":1})"}) {
    const test::FakeServer server{stats_socket(), test::reply(text)};
    EXPECT_FALSE(fetch_health(places_)) << text;
    ::unlink(stats_socket().c_str());
  }
}

TEST_F(WhereTest, without_a_service_we_judge_what_lives_and_what_died) {
  EXPECT_EQ(fetch_health({}).error().code, Errc::kNotFound);
  {
    auto page = page_of("program");
    page.host().ready.set(1);
    EXPECT_EQ(fetch_health({}).value().health, wire::Health::kHealthy);
  }
  EXPECT_EQ(fetch_health({}).value().health, wire::Health::kFailed);
}

TEST_F(WhereTest, of_a_robot_that_was_named_and_does_not_run_no_other_is_told) {
  auto page = page_of("program");
  page.host().ready.set(1);
  EXPECT_EQ(fetch_health(places_).error().code, Errc::kNotFound);
  EXPECT_EQ(fetch_stats(places_).error().code, Errc::kNotFound);
  const auto ran = test::run_cli(
      {"--socket-dir", places_.socket_dir.c_str(), "node", "log-level", "worker", "debug"});
  EXPECT_EQ(ran.code, kNotRunning);
  EXPECT_THAT(ran.err, HasSubstr("no service answers in " + places_.socket_dir));
}

TEST_F(WhereTest, a_service_that_cannot_be_read_is_told_beside_the_own_hosts) {
  constexpr uid_t kNobody = 65534;
  const test::FakeServer server{stats_socket(), test::reply("{}")};
  ASSERT_EQ(::chmod(stats_socket().c_str(), 0), 0);
  ASSERT_EQ(::chmod(runtime_.path().c_str(), 0755), 0);
  const uid_t before = ::geteuid();
  if (before == 0) {  // Root is never refused.
    ASSERT_EQ(::chown(base_.path().c_str(), kNobody, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  auto page = page_of("program");
  page.host().ready.set(1);
  const auto health = fetch_health({});
  ASSERT_EQ(::seteuid(before), 0);
  ASSERT_TRUE(health);
  EXPECT_THAT(health.value().notes, Contains(HasSubstr("a service that you may not read")));
}

TEST_F(WhereTest, what_a_service_answered_to_an_order_is_not_put_as_no_such_node) {
  const test::FakeServer server{runtime_.path() + "/control.sock",
                                std::string{R"({"error":"io.horus.Full","parameters":{}})"} + '\0'};
  const auto ran = test::run_cli({"node", "log-level", "worker", "debug"});
  EXPECT_EQ(ran.code, kError);
  EXPECT_THAT(ran.err, HasSubstr("the service answered with io.horus.Full"));
}

TEST_F(WhereTest, a_socket_that_refuses_this_user_is_no_permission_with_the_way_out) {
  constexpr uid_t kNobody = 65534;
  const test::FakeServer server{stats_socket(), test::reply("{}")};
  ASSERT_EQ(::chmod(stats_socket().c_str(), 0), 0);
  const uid_t before = ::geteuid();
  // Root is never refused.
  ASSERT_EQ(::seteuid(before == 0 ? kNobody : before), 0);
  const auto stats = fetch_stats(places_);
  ASSERT_EQ(::seteuid(before), 0);
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().code, Errc::kPermission);
}

TEST_F(WhereTest, why_nothing_was_reached_has_an_exit_code_and_a_way_out) {
  const auto said = [](Errc code) {
    const test::Caught err{STDERR_FILENO};
    const int exit_code = fail_to_reach({code, "find a service", 0, {}});
    return std::pair{exit_code, err.text()};
  };
  EXPECT_EQ(said(Errc::kNotFound).first, kNotRunning);
  EXPECT_THAT(said(Errc::kNotFound).second, HasSubstr(base_.path()));
  EXPECT_THAT(said(Errc::kNotFound).second, HasSubstr("systemctl start horus"));
  EXPECT_EQ(said(Errc::kPermission).first, kNoPermission);
  EXPECT_THAT(said(Errc::kPermission).second, HasSubstr("horus-stats"));
  EXPECT_EQ(said(Errc::kBusy).first, kError);
}

TEST_F(WhereTest, a_topic_tells_when_a_message_was_sent_and_not_when_it_was_taken) {
  auto session = shm::Session::open(base_.path());
  ASSERT_TRUE(session) << session.error().what;
  auto publisher = session.value()->publish("drive", type_info(shm::Tag<msg::CmdVel>{}));
  ASSERT_TRUE(publisher) << publisher.error().what;
  auto source = open_source("drive");
  ASSERT_TRUE(source) << source.error().what;
  const auto send = [&] {
    const msg::CmdVel message{};
    ASSERT_TRUE(publisher.value().send(std::as_bytes(std::span{&message, 1})));
  };
  send();
  const TimePoint between = MonotonicClock::now();
  ::poll(nullptr, 0, 200);  // What is measured: time that passes between the two.
  send();
  ASSERT_TRUE(source.value().wait(between + 60s));
  ASSERT_TRUE(source.value().take(false));
  const TimePoint first = source.value().sent_at();
  ASSERT_TRUE(source.value().take(false));
  EXPECT_GE(source.value().sent_at() - first, 100ms);
}

}  // namespace
}  // namespace horus::cli
