// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct AudioFrame {
  float samples[4800]{};
  std::uint32_t num_samples{};
  std::uint32_t sample_rate{16000};
  std::uint8_t channels{1};
  std::uint8_t encoding{};
  std::uint8_t _pad[2]{};
  std::uint64_t timestamp_ns{};
  std::uint8_t frame_id[32]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<AudioFrame>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED(AudioFrame, samples, "", "-1 to 1, the channels of one instant side by side.",
                    "num_samples", 0),
      HORUS_FIELD(AudioFrame, num_samples, "", "Of all channels together, 0 to 4,800.", 19200),
      HORUS_FIELD(AudioFrame, sample_rate, "Hz", "Samples of each channel in a second.", 19204),
      HORUS_FIELD(AudioFrame, channels, "", "1 to 255.", 19208),
      HORUS_FIELD(AudioFrame, encoding, "", "Of the source: 0 f32, 1 i16.", 19209),
      HORUS_PADDING(AudioFrame, _pad, 19210),
      HORUS_FIELD(AudioFrame, timestamp_ns, "ns", "Nanoseconds since 1970.", 19216),
      HORUS_TEXT(AudioFrame, frame_id, "", "Coordinate frame of the microphone.", 19224),
  };
  static constexpr std::array kArgs{shm::arg("sample_rate"), shm::arg("channels"),
                                    shm::arg("samples"), shm::arg("timestamp_ns"),
                                    shm::arg("frame_id")};
  static const shm::TypeInfo kType = shm::make_type<AudioFrame, 19256, 8>(
      "AudioFrame", "", "Up to 4,800 samples of sound.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
