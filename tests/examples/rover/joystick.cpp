// SPDX-License-Identifier: Apache-2.0
#include "joystick.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "support.hpp"

namespace rover {
namespace {

constexpr double kFastest = 0.8;      // m/s
constexpr double kFastestTurn = 1.5;  // rad/s
constexpr int kReopenMilliseconds = 500;

}  // namespace

void StickState::calibrate(std::uint16_t axis, int least, int most) noexcept {
  if (most <= least) return;
  Axis& target = axis == ABS_X ? across_ : down_;
  target.least = least;
  target.most = most;
}

bool StickState::apply(const input_event& event) noexcept {
  if (event.type == EV_SYN) return event.code == SYN_REPORT;
  if (event.type == EV_KEY) key(event.code, event.value != 0 ? 1.0 : 0.0);
  if (event.type != EV_ABS || (event.code != ABS_X && event.code != ABS_Y)) return false;
  Axis& axis = event.code == ABS_X ? across_ : down_;
  const double middle = (static_cast<double>(axis.least) + axis.most) / 2.0;
  const double reach = (static_cast<double>(axis.most) - axis.least) / 2.0;
  axis.value = std::clamp((event.value - middle) / reach, -1.0, 1.0);
  return false;
}

void StickState::key(std::uint16_t code, double pressed) noexcept {
  switch (code) {
    case KEY_LEFT: across_.value = -pressed; break;
    case KEY_RIGHT: across_.value = pressed; break;
    case KEY_UP: down_.value = -pressed; break;
    case KEY_DOWN: down_.value = pressed; break;
    default: break;
  }
}

horus::msg::CmdVel StickState::order() const noexcept {
  // Forward is a stick's negative direction; a turn to the left is a positive one.
  horus::msg::CmdVel order{};
  order.linear = static_cast<float>(-down_.value * kFastest);
  order.angular = static_cast<float>(-across_.value * kFastestTurn);
  order.timestamp_ns = wall_clock_ns();
  return order;
}

Joystick::Joystick(horus::PluginContext& context)
    : path_{context.params().get<std::string>("device")},
      orders_{horus::or_throw(context.topics().publisher<horus::msg::CmdVel>("joy_vel"))},
      stop_{::eventfd(0, EFD_CLOEXEC)} {
  if (!stop_) throw std::system_error(errno, std::system_category(), "make an eventfd");
  // Here and not in init(), which runs on the executor: this thread must not inherit its CPU and
  // its priority.
  companion_ = std::thread{[this] { run(); }};
}

Joystick::~Joystick() {
  const std::uint64_t one = 1;
  // The write cannot fail: the counter is 0, and the descriptor is open.
  if (::write(stop_.get(), &one, sizeof one) == sizeof one) companion_.join();
}

void Joystick::tick(const horus::Tick&) {
  for (horus::msg::CmdVel order; reports_.pop(order);) orders_.send(order);
}

void Joystick::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "rover-joystick");
  int patience = 0;
  while (!stopped_within(patience)) {
    const Descriptor device{::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (device) follow(device.get());
    patience = kReopenMilliseconds;
  }
}

/// Until the device goes, or it is time to stop.
void Joystick::follow(int device) noexcept {
  StickState stick;
  for (const std::uint16_t axis : {std::uint16_t{ABS_X}, std::uint16_t{ABS_Y}}) {
    input_absinfo range{};
    if (::ioctl(device, EVIOCGABS(axis), &range) == 0) {
      stick.calibrate(axis, range.minimum, range.maximum);
    }
  }
  std::array<pollfd, 2> events{{{.fd = device, .events = POLLIN, .revents = 0},
                                {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  while (::poll(events.data(), events.size(), -1) >= 0 || errno == EINTR) {
    if (events[1].revents != 0) return;
    input_event event{};
    ssize_t got = 0;
    while ((got = ::read(device, &event, sizeof event)) == sizeof event) {
      // Full: nobody ticks. The stick's state is kept, only this report of it is lost.
      if (stick.apply(event)) reports_.push(stick.order());
    }
    if (got == 0 || errno != EAGAIN) return;
  }
}

bool Joystick::stopped_within(int milliseconds) const noexcept {
  pollfd event{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, milliseconds) > 0;
}

}  // namespace rover
