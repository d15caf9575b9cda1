// SPDX-License-Identifier: Apache-2.0
#include "service/stop_key.hpp"

#include <fcntl.h>
#include <linux/input.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/scheduler_fixture.hpp"

namespace horus::service {
namespace {

/// A FIFO in place of the device: it gives the same records, and ends when its writer does.
class StopKeyTest : public testing::Test {
 protected:
  StopKeyTest() {
    std::filesystem::remove_all(path);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  }
  ~StopKeyTest() override {
    watched.reset();
    std::filesystem::remove_all(path);
  }

  void watch(int key = 0) {
    watched = std::make_unique<StopKey>(
        StopKey::Options{.device = path,
                         .key = key,
                         .stop = [this](const std::string& why) { keep(stops, why); },
                         .tell = [this](const std::string& text) { keep(told, text); }});
    ASSERT_TRUE(watched->start());
  }
  void plug() {
    device = UniqueFd{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
    ASSERT_TRUE(device);
  }
  void write(std::vector<std::pair<int, int>> keys) {
    std::vector<input_event> events;
    for (const auto& [code, value] : keys) {
      input_event event{};
      event.type = EV_KEY;
      event.code = static_cast<std::uint16_t>(code);
      event.value = value;
      events.push_back(event);
    }
    const auto bytes = events.size() * sizeof(input_event);
    ASSERT_EQ(::write(device.get(), events.data(), bytes), static_cast<ssize_t>(bytes));
  }
  std::vector<std::string> stopped() {
    const std::scoped_lock lock{mutex};
    return stops;
  }
  std::vector<std::string> said() {
    const std::scoped_lock lock{mutex};
    return told;
  }

  const std::string path = testing::TempDir() + "stop_key_" + std::to_string(::getpid());
  UniqueFd device;
  std::mutex mutex;
  std::vector<std::string> stops;
  std::vector<std::string> told;
  std::unique_ptr<StopKey> watched;

 private:
  void keep(std::vector<std::string>& list, const std::string& text) {
    const std::scoped_lock lock{mutex};
    list.push_back(text);
  }
};

TEST_F(StopKeyTest, a_key_that_is_pressed_stops_and_holds_until_it_is_let_go) {
  watch();
  plug();
  EXPECT_FALSE(watched->holds());
  write({{KEY_ENTER, 1}});
  test::wait_until([&] { return stopped().size() == 1; });
  EXPECT_EQ(stopped()[0], "the key of " + path + " was pressed");
  EXPECT_TRUE(watched->holds());
  write({{KEY_ENTER, 2}, {KEY_ENTER, 0}});
  test::wait_until([&] { return !watched->holds(); });
  EXPECT_EQ(stopped().size(), 1U) << "what is held repeats itself";
  write({{KEY_A, 1}});
  test::wait_until([&] { return stopped().size() == 2; });
}

TEST_F(StopKeyTest, only_the_key_that_was_named_stops) {
  watch(KEY_F12);
  plug();
  write({{KEY_ENTER, 1}, {KEY_F12, 0}, {KEY_F12, 1}});
  test::wait_until([&] { return !stopped().empty(); });
  EXPECT_EQ(stopped().size(), 1U);
  EXPECT_TRUE(watched->holds());
  write({{KEY_ENTER, 0}, {KEY_F12, 0}});
  test::wait_until([&] { return !watched->holds(); });
}

TEST_F(StopKeyTest, a_device_that_goes_is_a_stop_once_and_is_opened_again) {
  watch();
  plug();
  write({{KEY_A, 1}, {KEY_A, 0}});
  test::wait_until([&] { return stopped().size() == 1; });
  ASSERT_EQ(std::rename(path.c_str(), (path + ".gone").c_str()), 0);
  device.reset();
  test::wait_until([&] { return stopped().size() == 2; });
  EXPECT_EQ(stopped()[1], path + ", which has the key that stops the robot, has ended");
  EXPECT_TRUE(watched->holds());
  ASSERT_EQ(std::rename((path + ".gone").c_str(), path.c_str()), 0);
  test::wait_until([&] { return !said().empty(); });
  EXPECT_EQ(said()[0], path + " is there again");
  EXPECT_FALSE(watched->holds());
  EXPECT_EQ(stopped().size(), 2U);
  plug();
  write({{KEY_A, 1}});
  test::wait_until([&] { return stopped().size() == 3; });
}

TEST_F(StopKeyTest, a_device_that_is_not_there_is_a_stop_before_start_returns) {
  ASSERT_EQ(::unlink(path.c_str()), 0);
  watch();
  ASSERT_EQ(stopped().size(), 1U);
  EXPECT_EQ(stopped()[0], path +
                              ", which has the key that stops the robot, cannot be opened (No such "
                              "file or directory)");
  EXPECT_TRUE(watched->holds());
}

TEST_F(StopKeyTest, a_folder_cannot_be_read) {
  ASSERT_EQ(::unlink(path.c_str()), 0);
  std::filesystem::create_directory(path);
  watch();
  test::wait_until([&] { return !stopped().empty(); });
  EXPECT_NE(stopped()[0].find("cannot be read (Is a directory)"), std::string::npos);
}

TEST_F(StopKeyTest, what_is_no_device_stops_once_however_often_it_is_opened) {
  for (const bool folder : {true, false}) {
    stops.clear();
    std::filesystem::remove_all(path);
    if (folder) {
      std::filesystem::create_directory(path);
    } else {
      std::ofstream{path} << "no device";
    }
    watch();
    // Another stop, or that it is back, would come with the next look, a second later.
    const TimePoint end = MonotonicClock::now() + 1500ms;
    while (MonotonicClock::now() < end) EXPECT_TRUE(watched->holds());
    EXPECT_EQ(stopped().size(), 1U);
    EXPECT_TRUE(said().empty());
    watched.reset();
  }
}

TEST_F(StopKeyTest, what_the_kernel_left_out_is_looked_up) {
  watch();
  plug();
  write({{KEY_A, 1}});
  test::wait_until([&] { return watched->holds(); });
  input_event dropped{};
  dropped.type = EV_SYN;
  dropped.code = SYN_DROPPED;
  ASSERT_EQ(::write(device.get(), &dropped, sizeof dropped), static_cast<ssize_t>(sizeof dropped));
  // Opened anew it does not say that a key is pressed.
  test::wait_until([&] { return !watched->holds(); });
  EXPECT_EQ(stopped().size(), 1U);
}

}  // namespace
}  // namespace horus::service
