// SPDX-License-Identifier: Apache-2.0
// A supervisor whose kernel watches nothing more for it.
#include "service/supervisor.hpp"

#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "shm/log_page.hpp"

namespace {
int watches_left = -1;  // Below 0: any number.
}  // namespace

/// In the place of the C library's.
extern "C" int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  if (what == EPOLL_CTL_ADD && watches_left == 0) {
    errno = ENOSPC;
    return -1;
  }
  if (what == EPOLL_CTL_ADD && watches_left > 0) --watches_left;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, what, fd, event));
}

namespace horus::service {
namespace {

/// One host, a program that says its arguments and ends.
Config config_of_echo() {
  Config config;
  HostEntry host;
  host.name = "arm";
  host.module = "told";
  host.python = "/bin/echo";
  host.script = true;
  host.restart = RestartPolicy::kNever;
  config.hosts.push_back(host);
  return config;
}

class WatchRefused : public ::testing::TestWithParam<int> {
 protected:
  ~WatchRefused() override {
    watches_left = -1;
    std::filesystem::remove_all(base_);
  }
  /// Whether the log has such a line of that node or host by and by.
  bool keeps_line_of(std::string_view whom, std::string_view start) const {
    for (const TimePoint end = MonotonicClock::now() + 60s; MonotonicClock::now() < end;) {
      for (const shm::LogPage& page : shm::LogPage::open_all(base_)) {
        for (const shm::LogLine& line : page.after(0)) {
          if (line.node.view() == whom && line.text.view().starts_with(start)) return true;
        }
      }
      std::this_thread::yield();
    }
    return false;
  }

  const std::string base_ = "/dev/shm/horus-watch-test-" + std::to_string(::getpid());
};

TEST_P(WatchRefused, is_said_and_the_host_is_heard_all_the_same) {
  auto loop = std::move(EventLoop::create()).value();
  bool late = false;
  ASSERT_TRUE(loop->every(60s, [&] {
    late = true;
    loop->stop();
  }));
  ::testing::internal::CaptureStderr();
  {
    Journal journal{"test"};
    journal.keep(base_, "supervisor");
    Supervisor hosts{config_of_echo(), base_, *loop, journal};
    // The timer of the rounds is the first; then come those of the host.
    watches_left = 1 + GetParam();
    ASSERT_TRUE(hosts.start());
    ASSERT_TRUE(loop->run());
    EXPECT_FALSE(late) << "its end was not heard";
    EXPECT_FALSE(hosts.failed());
    EXPECT_TRUE(keeps_line_of("arm", "host 'arm' is looked at every")) << "under its name";
  }
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, ::testing::HasSubstr("-m horus.host arm --module told"));
  EXPECT_THAT(said, ::testing::HasSubstr("host 'arm' is looked at every 0.1 s, as its end cannot "
                                         "be watched: "));
}

INSTANTIATE_TEST_SUITE_P(After, WatchRefused, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace horus::service
