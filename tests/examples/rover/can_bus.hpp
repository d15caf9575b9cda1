// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include <horus/time.hpp>

#include "support.hpp"

namespace rover {

/// A CAN interface for a real-time loop: the socket belongs to a companion thread, and two rings
/// join it to the loop, which makes no system call.
///
/// Thread safety: send() and receive() from one thread, the loop's; hold() from any. Construct it
/// where the thread may inherit CPUs and policy, that is not on an executor.
class CanBus {
 public:
  struct Frame {
    std::uint32_t id = 0;
    std::array<std::uint8_t, 8> bytes{};
    horus::TimePoint at{};  ///< When it was read.
  };

  /// Receives frames of eight bytes with `receive_id` only; looks for frames to send once in
  /// `patience`. Throws std::system_error where the interface does not exist.
  CanBus(const std::string& interface, std::uint32_t receive_id, horus::Nanos patience);
  ~CanBus();
  CanBus(const CanBus&) = delete;
  CanBus& operator=(const CanBus&) = delete;

  /// RT-safe. False when the bus has fallen a Ring's depth behind. The companion sends it within
  /// its patience.
  bool send(const Frame& frame) noexcept { return outgoing_.push(frame); }
  /// RT-safe, from any thread, also while the loop hangs. From now on this frame goes out once in
  /// the companion's patience, and no other.
  void hold(const Frame& frame) noexcept;
  /// RT-safe, from any thread. Ends hold(): what is sent goes out again.
  void let_go() noexcept;
  /// RT-safe. False when there is none.
  bool receive(Frame& frame) noexcept { return incoming_.pop(frame); }

 private:
  void run() noexcept;
  void read_all() noexcept;
  void write_all() noexcept;
  bool write(const Frame& frame) noexcept;

  const horus::Nanos patience_;
  Descriptor socket_;
  Descriptor stop_;
  Ring<Frame> outgoing_;
  Ring<Frame> incoming_;
  std::atomic<std::uint64_t> held_bytes_{0};
  std::atomic<std::uint32_t> held_id_{0};  ///< 0: none.
  std::thread companion_;
};

}  // namespace rover
