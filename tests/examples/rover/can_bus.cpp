// SPDX-License-Identifier: Apache-2.0
#include "can_bus.hpp"

#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

#include <horus/time.hpp>

namespace rover {
namespace {

[[noreturn]] void fail(const char* what, const std::string& interface) {
  throw std::system_error(errno, std::system_category(), what + (" " + interface));
}

Descriptor open_socket(const std::string& interface, std::uint32_t receive_id) {
  Descriptor socket{::socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW)};
  if (!socket) fail("open a CAN socket for", interface);
  const can_filter filter{.can_id = receive_id,
                          .can_mask = CAN_SFF_MASK | CAN_EFF_FLAG | CAN_RTR_FLAG};
  if (::setsockopt(socket.get(), SOL_CAN_RAW, CAN_RAW_FILTER, &filter, sizeof filter) != 0) {
    fail("filter frames of", interface);
  }
  sockaddr_can address{};
  address.can_family = AF_CAN;
  address.can_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (address.can_ifindex == 0) fail("find the CAN interface", interface);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("bind to", interface);
  }
  return socket;
}

}  // namespace

CanBus::CanBus(const std::string& interface, std::uint32_t receive_id, horus::Nanos patience)
    : patience_{patience},
      socket_{open_socket(interface, receive_id)},
      stop_{::eventfd(0, EFD_CLOEXEC)} {
  if (!stop_) fail("make an eventfd for", interface);
  companion_ = std::thread{[this] { run(); }};
}

CanBus::~CanBus() {
  const std::uint64_t one = 1;
  // The write cannot fail: the counter is 0, and the descriptor is open.
  if (::write(stop_.get(), &one, sizeof one) == sizeof one) companion_.join();
}

void CanBus::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "rover-can");
  std::array<pollfd, 2> events{{{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  const timespec patience{.tv_sec = 0, .tv_nsec = patience_.count()};
  while ((events[1].revents & POLLIN) == 0) {
    ::ppoll(events.data(), events.size(), &patience, nullptr);
    read_all();
    write_all();
  }
}

void CanBus::read_all() noexcept {
  // Any error ends the round: an interface that went down says so once and then stays silent.
  can_frame raw{};
  while (::read(socket_.get(), &raw, sizeof raw) == sizeof raw) {
    Frame frame{.id = raw.can_id, .bytes = {}, .at = horus::MonotonicClock::now()};
    if (raw.can_dlc != frame.bytes.size()) continue;
    std::copy_n(raw.data, frame.bytes.size(), frame.bytes.begin());
    // Full: the loop stands still. What it will find then is the older half of a history.
    incoming_.push(frame);
  }
}

void CanBus::hold(const Frame& frame) noexcept {
  // relaxed: published by the identifier.
  held_bytes_.store(std::bit_cast<std::uint64_t>(frame.bytes), std::memory_order_relaxed);
  // release: whoever sees the identifier also sees the bytes.
  held_id_.store(frame.id, std::memory_order_release);
}

void CanBus::let_go() noexcept {
  // release: as in hold().
  held_id_.store(0, std::memory_order_release);
}

void CanBus::write_all() noexcept {
  // acquire: shows us the bytes that were stored before the identifier.
  const std::uint32_t held = held_id_.load(std::memory_order_acquire);
  for (Frame frame; outgoing_.pop(frame);) {
    // A set-point that the bus does not take is out of date by the next one: it is not repeated.
    if (held == 0 && !write(frame)) return;
  }
  if (held == 0) return;
  // relaxed: ordered by the acquire above.
  const auto bytes = held_bytes_.load(std::memory_order_relaxed);
  write({.id = held, .bytes = std::bit_cast<decltype(Frame::bytes)>(bytes), .at = {}});
}

bool CanBus::write(const Frame& frame) noexcept {
  can_frame raw{};
  raw.can_id = frame.id;
  raw.can_dlc = static_cast<std::uint8_t>(frame.bytes.size());
  std::copy(frame.bytes.begin(), frame.bytes.end(), raw.data);
  return ::write(socket_.get(), &raw, sizeof raw) == sizeof raw;
}

}  // namespace rover
