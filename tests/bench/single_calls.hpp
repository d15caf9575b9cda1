// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <pthread.h>
#include <sys/inotify.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <horus/image.hpp>

#include "rt/base/seqlock.hpp"
#include "rt/base/unique_fd.hpp"
#include "tests/bench/hops.hpp"
#include "tests/bench/report.hpp"

/// Calls that come one by one: with cold caches, or once in a topic's life.
namespace horus::bench {

/// Medians, in nanoseconds.
struct Cost {
  std::string what;
  double ours = 0;
  double floor = 0;
};

inline constexpr int kSingleCalls = 200;

template <typename Work>
double ns_once(Work work) {
  const TimePoint begin = MonotonicClock::now();
  work();
  return static_cast<double>(to_ns(MonotonicClock::now() - begin));
}

/// What `first` and then `second` cost where both were last done 2 ms ago.
template <typename First, typename Second>
std::pair<double, double> one_by_one(First first, Second second) {
  std::vector<double> firsts;
  std::vector<double> seconds;
  for (int i = 0; i < kSingleCalls; ++i) {
    std::this_thread::sleep_for(2ms);
    firsts.push_back(ns_once(first));
    seconds.push_back(ns_once(second));
  }
  return {median(firsts), median(seconds)};
}

/// The least: a seqlock's value stored and loaded.
inline std::pair<double, double> cold_seqlock() {
  using Value = std::array<std::byte, 64>;
  const auto lock = std::make_unique<Seqlock<Value>>();
  Value value{};
  const auto keep = [](const auto& what) { asm volatile("" : : "m"(what) : "memory"); };
  return one_by_one(
      [&] {
        keep(value);
        lock->store(value);
      },
      [&] { keep(lock->load()); });
}

inline std::vector<Cost> costs_of(std::pair<double, double> ours, std::pair<double, double> floor) {
  return {{.what = "/send", .ours = ours.first, .floor = floor.first},
          {.what = "/take", .ours = ours.second, .floor = floor.second}};
}

inline std::vector<Cost> cold_message_costs(shm::Session& session, const std::string& name) {
  TopicEnd end{session, {.name = name}, Side::kBoth};
  if (!end.connected()) return {};
  bool all = true;
  const auto ours = one_by_one([&] { end.send(); }, [&] { all = end.receive() && all; });
  return all ? costs_of(ours, cold_seqlock()) : std::vector<Cost>{};
}

/// A frame that was filled before: the send, and the take of who looks at it.
inline std::vector<Cost> cold_frame_costs(shm::Session& session, const std::string& name) {
  auto publisher = session.publisher<shm::Image>(name, {.size = kFrame});
  auto subscriber = session.subscriber<shm::Image>(name);
  if (!publisher || !subscriber) return {};
  bool all = true;
  const auto ours = one_by_one(
      [&] {
        if (auto image = shm::Image::make(session, 1080, 1920, shm::Encoding::kRgb8)) {
          publisher.value().send(std::move(image).value());
        }
      },
      [&] { all = subscriber.value().take() && all; });
  return all ? costs_of(ours, cold_seqlock()) : std::vector<Cost>{};
}

/// The least: a file is named in a folder, and a thread that watches it has heard.
inline double named_and_heard(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const UniqueFd watch{::inotify_init1(IN_CLOEXEC)};
  ::inotify_add_watch(watch.get(), folder.c_str(), IN_CREATE);
  std::atomic<int> heard{0};
  std::thread listener{[&] {
    std::array<char, 4096> events{};
    while (heard < kSingleCalls) {
      const ssize_t size = ::read(watch.get(), events.data(), events.size());
      for (ssize_t at = 0; at < size; ++heard) {
        const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  }};
  std::vector<double> times;
  for (int i = 0; i < kSingleCalls; ++i) {
    std::this_thread::sleep_for(2ms);
    times.push_back(ns_once([&] {
      const std::string file = folder + "/" + std::to_string(i);
      const UniqueFd made{::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
      while (heard <= i) relax();
    }));
  }
  listener.join();
  std::filesystem::remove_all(folder);
  return median(times);
}

/// From the moment that a publisher is opened until a subscriber of another session has found it.
inline std::vector<Cost> attach_cost(shm::Session& session, const std::string& name) {
  auto other = shm::Session::open(session.base());
  if (!other) return {};
  std::vector<double> times;
  for (int i = 0; i < kSingleCalls; ++i) {
    const std::string topic = name + "/" + std::to_string(i);
    auto subscriber = other.value()->subscribe(topic, type_of_size(64));
    std::optional<shm::RawPublisher> publisher;
    if (!subscriber) return {};
    std::this_thread::sleep_for(2ms);
    bool found = false;
    times.push_back(ns_once([&] {
      if (auto made = session.publish(topic, type_of_size(64))) publisher = std::move(made).value();
      found = patiently([&] { return subscriber.value().publishers() == 1; });
    }));
    if (!found) return {};
  }
  return {{.what = "", .ours = median(times), .floor = named_and_heard(session.base() + "/floor")}};
}

/// A camera: a session of its own, as another process has, which films as long as `filming`.
inline void film(const std::string& base, const std::string& topic,
                 const std::atomic<bool>& filming) {
  auto session = shm::Session::open(base);
  if (!session) return;
  auto publisher = session.value()->publisher<shm::Image>(topic);
  while (publisher && filming) {
    if (auto image = shm::Image::make(*session.value(), 480, 640, shm::Encoding::kRgb8)) {
      publisher.value().send(std::move(image).value());
    }
    std::this_thread::sleep_for(16ms);
  }
}

/// The longest take of a thread that takes each millisecond, before all others where this user may
/// have real-time priorities, while `work` is done beside it.
template <typename Work>
double longest_take(shm::ImageSubscriber& frames, Work work) {
  std::atomic<bool> taking{true};
  double longest = 0;
  std::thread taker{[&] {
    const sched_param priority{.sched_priority = 50};
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority);
    while (taking) {
      longest = std::max(longest, ns_once([&frames] { frames.take(); }));
      std::this_thread::sleep_for(1ms);
    }
  }};
  work();
  taking = false;
  taker.join();
  return longest;
}

/// Three cameras that start in turn beside one that films on; the least: that one alone.
inline std::vector<Cost> cameras_cost(shm::Session& session, const std::string& name) {
  constexpr int kCameras = 3;
  constexpr Nanos kFilmed = 500ms;
  auto frames = session.subscriber<shm::Image>(name);
  if (!frames) return {};
  std::atomic<bool> filming{true};
  std::thread first{[&] { film(session.base(), name, filming); }};
  const bool came = patiently([&] { return static_cast<bool>(frames.value().take()); });
  double alone = 0;
  double beside = 0;
  if (came) {
    alone = longest_take(frames.value(), [&] { std::this_thread::sleep_for(kCameras * kFilmed); });
    beside = longest_take(frames.value(), [&] {
      for (int i = 0; i < kCameras; ++i) {
        std::atomic<bool> one{true};
        std::thread camera{[&] { film(session.base(), name, one); }};
        std::this_thread::sleep_for(kFilmed);
        one = false;
        camera.join();
      }
    });
  }
  filming = false;
  first.join();
  if (!came) return {};
  return {{.what = "/longest_take", .ours = beside, .floor = alone}};
}

}  // namespace horus::bench
