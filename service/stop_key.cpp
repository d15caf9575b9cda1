// SPDX-License-Identifier: Apache-2.0
#include "service/stop_key.hpp"

#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <horus/time.hpp>

#include "service/describe.hpp"

namespace horus::service {
namespace {

constexpr Nanos kOpenAgain = std::chrono::seconds{1};

/// A bit for each key: whether it is down now. Nothing: the device does not say.
std::optional<std::array<std::uint8_t, KEY_CNT / 8 + 1>> pressed_keys(int device) noexcept {
  std::array<std::uint8_t, KEY_CNT / 8 + 1> keys{};
  if (::ioctl(device, EVIOCGKEY(keys.size()), keys.data()) < 0) return std::nullopt;
  return keys;
}

}  // namespace

StopKey::StopKey(Options options) : options_{std::move(options)} {}

StopKey::~StopKey() {
  if (!thread_) return;
  const std::uint64_t one = 1;
  static_cast<void>(::write(ended_.get(), &one, sizeof one));
  thread_.reset();
}

Status StopKey::start() {
  ended_ = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
  if (!ended_) return Error{errc_of(errno), "make an eventfd", errno, {}};
  open();
  auto started = RtThread::start(
      {.name = ThreadName::clipped("horus-stop-key"), .slice = kShortSlice},
      [](void* self) { static_cast<StopKey*>(self)->watch(); }, this);
  if (!started) return started.error();
  thread_.emplace(std::move(started).value());
  return {};
}

bool StopKey::means(int code) const noexcept {
  return options_.key == 0 || code == options_.key;
}

/// Opens the device, at first or again, and takes over the state of its key.
void StopKey::open() {
  device_ = UniqueFd{::open(options_.device.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)};
  if (!device_) return lose("cannot be opened (" + errno_text(errno) + ")");
  // A folder or a plain file opens, but no key press would ever be read from it.
  struct stat status {};
  if (::fstat(device_.get(), &status) != 0)
    return lose("cannot be read (" + errno_text(errno) + ")");
  if (S_ISDIR(status.st_mode)) return lose("cannot be read (" + errno_text(EISDIR) + ")");
  if (S_ISREG(status.st_mode)) return lose("is a file, and no input device");
  if (lost_.exchange(false)) options_.tell(options_.device + " is there again");
  // A button that latches may be down already.
  pressed_ = is_down();
  if (pressed_) stop();
}

/// Whether a key that counts is down now. False if the device does not say.
bool StopKey::is_down() const noexcept {
  const auto keys = pressed_keys(device_.get());
  for (int code = 1; keys && code < KEY_CNT; ++code) {
    const unsigned bits = (*keys)[static_cast<std::size_t>(code) / 8];
    if (means(code) && ((bits >> (code % 8)) & 1U) != 0) return true;
  }
  return false;
}

void StopKey::stop() const {
  options_.stop("the key of " + options_.device + " was pressed");
}

/// The device cannot be read: stops the robot, once until the device is back.
void StopKey::lose(const std::string& why) {
  device_.reset();
  if (lost_.exchange(true)) return;
  options_.stop(options_.device + ", which has the key that stops the robot, " + why);
}

void StopKey::read() {
  std::array<input_event, 64> events{};
  const ssize_t length = ::read(device_.get(), events.data(), sizeof events);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length < 0) return lose("cannot be read (" + errno_text(errno) + ")");
  if (length == 0) return lose("has ended");
  const auto count = static_cast<std::size_t>(length) / sizeof(input_event);
  for (std::size_t i = 0; i < count; ++i) {
    const input_event& event = events[i];
    // The kernel's queue was full and events were dropped, maybe of the key. Opening again reads
    // the key's state.
    if (event.type == EV_SYN && event.code == SYN_DROPPED) return open();
    // A value of 1 is a press, 0 a release, 2 the repetition of a key that is held.
    if (event.type != EV_KEY || event.value == 2 || !means(event.code)) continue;
    // At a release: if any key counts, another one may still be down.
    pressed_ = event.value == 1 || is_down();
    if (event.value == 1) stop();
  }
}

void StopKey::watch() {
  for (;;) {
    std::array<pollfd, 2> waits{
        pollfd{.fd = ended_.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = device_ ? device_.get() : -1, .events = POLLIN, .revents = 0}};
    const int patience = device_ ? -1 : static_cast<int>(kOpenAgain / std::chrono::milliseconds{1});
    const int ready = ::poll(waits.data(), waits.size(), patience);
    if (ready > 0 && waits[0].revents != 0) return;
    if (ready > 0 && waits[1].revents != 0) read();
    if (ready == 0) open();
  }
}

}  // namespace horus::service
