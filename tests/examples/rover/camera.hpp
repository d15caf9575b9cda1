// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <horus/plugin.hpp>

#include "photo.hpp"

namespace rover {

/// A camera that pans over a photograph: frames of 640 x 480 on `camera`, written once, where every
/// subscriber reads them.
class Camera final : public horus::Node {
 public:
  explicit Camera(horus::PluginContext& context);
  void tick(const horus::Tick& tick) override;

 private:
  static constexpr std::uint32_t kWidth = 640;
  static constexpr std::uint32_t kHeight = 480;

  horus::Topics topics_;
  horus::shm::ImagePublisher frames_;
  Photo photo_;
};

}  // namespace rover
