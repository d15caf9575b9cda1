// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct KeyboardInput {
  std::uint8_t key_name[32]{};
  std::uint32_t code{};
  std::uint32_t modifier_flags{};
  shm::Flag pressed{true};
  std::uint64_t timestamp_ms{};
  std::uint8_t _padding[16]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<KeyboardInput>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(KeyboardInput, key_name, "", "What the key is called.", 0),
      HORUS_FIELD(KeyboardInput, code, "", "Of the key.", 32),
      HORUS_FIELD(KeyboardInput, modifier_flags, "",
                  "Sum of ctrl 1, alt 2, shift 4, super 8, hyper 16, meta 32.", 36),
      HORUS_FIELD(KeyboardInput, pressed, "", "False: let go.", 40),
      HORUS_FIELD(KeyboardInput, timestamp_ms, "ms", "Milliseconds since 1970.", 48),
      HORUS_PADDING(KeyboardInput, _padding, 56),
  };
  static constexpr std::array kArgs{shm::arg("key_name"), shm::arg("code"), shm::arg("pressed"),
                                    shm::arg("modifiers", "modifier_flags")};
  static const shm::TypeInfo kType =
      shm::stamped(shm::make_type<KeyboardInput, 72, 8>("KeyboardInput", "keyboard",
                                                        "A key pressed or let go.", kFields, kArgs),
                   "timestamp_ms");
  return kType;
}

struct JoystickInput {
  std::uint32_t joystick_id{};
  std::uint8_t event_type[16]{'a', 'x', 'i', 's'};
  std::uint32_t element_id{};
  std::uint8_t element_name[32]{};
  float value{};
  shm::Flag pressed{};
  std::uint64_t timestamp_ms{};
};

inline const shm::TypeInfo& type_info(shm::Tag<JoystickInput>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(JoystickInput, joystick_id, "", "Which joystick.", 0),
      HORUS_TEXT(JoystickInput, event_type, "", "\"button\", \"axis\", \"hat\", \"connection\".",
                 4),
      HORUS_FIELD(JoystickInput, element_id, "", "Which button, axis or hat.", 20),
      HORUS_TEXT(JoystickInput, element_name, "", "What the button, axis or hat is called.", 24),
      HORUS_FIELD(JoystickInput, value, "", "-1 to 1.", 56),
      HORUS_FIELD(JoystickInput, pressed, "", "Of a button; False: let go.", 60),
      HORUS_FIELD(JoystickInput, timestamp_ms, "ms", "Milliseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("joystick_id"), shm::arg("element_id"),
                                    shm::arg("value"), shm::arg("pressed")};
  static const shm::TypeInfo kType =
      shm::stamped(shm::make_type<JoystickInput, 72, 8>("JoystickInput", "joystick",
                                                        "An event of a joystick.", kFields, kArgs),
                   "timestamp_ms");
  return kType;
}

}  // namespace horus::msg
