// SPDX-License-Identifier: Apache-2.0
// A service is another program under another user: whatever it answers, the reader's terminal and
// its exit code are safe.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/fake_server.hpp"
#include "tests/cli/run_cli.hpp"

namespace horus::cli {
namespace {

using test::Ran;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

bool is_fit_for_a_terminal(const std::string& text) {
  const bool controls = std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f';
  });
  return !controls && text.find("\xc2\x9b") == text.npos;
}

/// Runs `words` beside a service that gives `answer` to everything.
Ran run_beside(const std::string& answer, std::vector<const char*> words) {
  const test::Folder folder;
  const std::string directory = folder.path();
  const test::FakeServer stats{directory + "/stats.sock", answer};
  const test::FakeServer control{directory + "/control.sock", answer};
  words.insert(words.begin(), {"--socket-dir", directory.c_str()});
  return test::run_cli(words);
}

const std::vector<std::vector<const char*>> kQueries{
    {"stats"},
    {"stats", "--json"},
    {"stats", "--openmetrics"},
    {"stats", "--node", "x"},
    {"status"},
    {"status", "--json"},
    {"node", "list"},
    {"node", "list", "--json"},
    {"reload", "--wait"},
    {"version"},
    {"version", "--json"},
};

TEST(HostileService, a_reply_that_is_none_is_an_error_in_one_line) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']') + '\0';
  for (const std::string& answer :
       {std::string{"\0", 1}, std::string{"[]\0", 3}, std::string{"{\0", 2}, deep,
        std::string{"{\"parameters\":1}\0", 17}, std::string{"\xff\xfe\0", 3}}) {
    for (const auto& query : {kQueries[0], kQueries[4], kQueries[6], kQueries[8]}) {
      const Ran ran = run_beside(answer, query);
      EXPECT_EQ(ran.code, kError) << ran.err;
      EXPECT_EQ(ran.out, "");
      EXPECT_THAT(ran.err, StartsWith("horusctl: "));
      EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1);
    }
  }
}

TEST(HostileService, one_that_hangs_up_is_not_running) {
  EXPECT_EQ(run_beside("", {"stats"}).code, kNotRunning);
}

TEST(HostileService, fields_of_the_wrong_type_are_named) {
  const Ran ran = run_beside(test::reply(R"({"hosts":[{"nodes":[{"ticks":"many"}]}]})"), {"stats"});
  EXPECT_EQ(ran.code, kError);
  EXPECT_THAT(ran.err, HasSubstr("'ticks'"));
}

TEST(HostileService, an_error_with_control_characters_is_shown_harmless) {
  const std::string answer = std::string{R"({"error":"\u001b[2J\u009b\n","parameters":{}})"} + '\0';
  for (const auto& query : kQueries) {
    const Ran ran = run_beside(answer, query);
    EXPECT_TRUE(is_fit_for_a_terminal(ran.out + ran.err)) << ran.out << ran.err;
  }
}

TEST(HostileService, names_with_control_characters_do_not_reach_the_terminal) {
  const std::string evil = R"("\u001b]0;owned\u0007\u009b31m\n\u007f")";
  const std::string answer =
      test::reply(R"({"version":)" + evil + R"(,"message":)" + evil + R"(,"hosts":[{"name":)" +
                  evil + R"(,"alive":true,"kind":)" + evil + R"(,"degradations":[{"feature":)" +
                  evil + R"(,"reason":)" + evil + R"(,"fix":)" + evil + R"(,"severity":)" + evil +
                  R"(}],"gc":[{}],"nodes":[{"name":)" + evil + R"(,"class":)" + evil +
                  R"(,"state":)" + evil + "}]}]}");
  for (const auto& query : kQueries) {
    const Ran ran = run_beside(answer, query);
    EXPECT_TRUE(is_fit_for_a_terminal(ran.out + ran.err)) << query[0] << ran.out << ran.err;
  }
}

TEST(HostileService, huge_numbers_are_shown_and_break_nothing) {
  const std::string histogram =
      R"({"count":18446744073709551615,"p50":1e308,"p99":-1e308,"max":1e308,"mean":1e308,)"
      R"("buckets":[[18446744073709551615,18446744073709551615],[1023,18446744073709551615],)"
      R"([0,18446744073709551615]]})";
  const std::string answer = test::reply(
      R"({"hosts":[{"name":"h","alive":true,"ready":true,"kind":"python","uptime_s":-1e308,)"
      R"("lives":18446744073709551615,"pid":-9223372036854775808,"gc":[{"generation":-1,)"
      R"("collections":1,"longest_us":1e308,"pause_us":)" +
      histogram + R"(}],"nodes":[{"name":"n","rate_hz":1e308,"ticks":18446744073709551615,)" +
      R"("lateness_us":)" + histogram + R"(,"gil_wait_us":)" + histogram + "}]}]}");
  for (const auto& query : kQueries) {
    const Ran ran = run_beside(answer, query);
    EXPECT_TRUE(is_fit_for_a_terminal(ran.out + ran.err)) << query[0];
    EXPECT_THAT(ran.code, AnyOf(kOk, kError));
  }
}

TEST(HostileService, an_empty_reply_is_a_robot_without_hosts_and_no_verdict) {
  EXPECT_EQ(run_beside(test::reply("{}"), {"stats"}).code, kOk);
  EXPECT_EQ(run_beside(test::reply("{}"), {"node", "list"}).out, "no nodes\n");
  const Ran status = run_beside(test::reply("{}"), {"status"});
  EXPECT_EQ(status.code, kError);
  EXPECT_EQ(status.out, "");
}

TEST(HostileService, a_refusal_is_no_permission) {
  const std::string answer =
      std::string{R"({"error":"org.varlink.service.PermissionDenied"})"} + '\0';
  for (const auto& query : {kQueries[0], kQueries[4], kQueries[6], kQueries[8]}) {
    EXPECT_EQ(run_beside(answer, query).code, kNoPermission) << query[0];
  }
}

TEST(HostileService, a_reload_that_was_rejected_says_why_and_that_nothing_changed) {
  const std::string answer = std::string{R"({"error":"io.horus.Control.ReloadRejected",)"
                                         R"("parameters":{"message":"rover.toml:3: rate"}})"} +
                             '\0';
  const Ran ran = run_beside(answer, {"reload", "--wait"});
  EXPECT_EQ(ran.code, kError);
  EXPECT_EQ(ran.err,
            "horusctl: reload rejected, the running configuration stays: rover.toml:3: rate\n");
}

}  // namespace
}  // namespace horus::cli
