// SPDX-License-Identifier: Apache-2.0
#include "camera.hpp"

#include <chrono>
#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>

#include <horus/log.hpp>

#include "support.hpp"

namespace rover {
namespace {

// The pan's two periods have no common multiple worth waiting for: it never repeats.
constexpr double kAcrossSeconds = 11.0;
constexpr double kDownSeconds = 7.3;

/// From 0 to `room` and back, once in `period` seconds.
std::size_t swing(double seconds, double period, std::size_t room) noexcept {
  const double phase = 2.0 * std::numbers::pi * seconds / period;
  return static_cast<std::size_t>((1.0 - std::cos(phase)) / 2.0 * static_cast<double>(room));
}

}  // namespace

Camera::Camera(horus::PluginContext& context)
    : topics_{context.topics()},
      frames_{horus::or_throw(topics_.publisher<horus::shm::Image>("camera"))},
      photo_{decode_jpeg(embedded_jpeg())} {
  if (photo_.width < kWidth || photo_.height < kHeight) {
    throw std::runtime_error{"the photograph is smaller than a frame"};
  }
  // The pool is made by the first frame; here, so that no tick pays for it.
  horus::or_throw(horus::shm::Image::make(topics_, kHeight, kWidth, horus::shm::Encoding::kRgb8));
}

void Camera::tick(const horus::Tick& tick) {
  auto loan = horus::shm::Image::make(topics_, kHeight, kWidth, horus::shm::Encoding::kRgb8);
  if (!loan) {
    horus::log(horus::LogLevel::kWarning, "every frame is in use, this one is left out");
    return;
  }
  horus::shm::Image& frame = loan.value();
  const double seconds = std::chrono::duration<double>(tick.release.time_since_epoch()).count();
  const std::size_t left = swing(seconds, kAcrossSeconds, photo_.width - kWidth);
  const std::size_t top = swing(seconds, kDownSeconds, photo_.height - kHeight);
  std::byte* to = frame.writable().data();
  for (std::size_t y = 0; y < kHeight; ++y, to += frame.step()) {
    std::memcpy(to, photo_.row(top + y) + left * Photo::kChannels, kWidth * Photo::kChannels);
  }
  frame.set_timestamp_ns(wall_clock_ns());
  frame.set_frame_id("camera");
  frames_.send(frame);
}

}  // namespace rover
