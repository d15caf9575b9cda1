# SPDX-License-Identifier: Apache-2.0
"""Methods of what people do at keyboards and joysticks, and of sound."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING

from .._enums import KeyModifier
from .._extend import extend
from .._horus import AudioFrame, JoystickInput, KeyboardInput
from ._numbers import within

if TYPE_CHECKING:
    import numpy.typing as npt


@extend(JoystickInput)
class _JoystickInput:
    @staticmethod
    def new_button(
        joystick_id: int, button_id: int, button_name: str, pressed: bool
    ) -> JoystickInput:
        """A button that was pressed or let go; value 1 or 0."""
        return _event("button", joystick_id, button_id, button_name, float(pressed), pressed)

    @staticmethod
    def new_axis(
        joystick_id: int, axis_id: int, axis_name: str, value: float
    ) -> JoystickInput:
        """An axis that was moved, to -1 to 1."""
        within("value", value, -1.0, 1.0)
        return _event("axis", joystick_id, axis_id, axis_name, value, False)

    @staticmethod
    def new_hat(joystick_id: int, hat_id: int, hat_name: str, value: float) -> JoystickInput:
        """A hat switch that was moved, to -1 to 1 along the direction that the name says."""
        within("value", value, -1.0, 1.0)
        return _event("hat", joystick_id, hat_id, hat_name, value, False)

    @staticmethod
    def new_connection(joystick_id: int, connected: bool) -> JoystickInput:
        """A joystick that was plugged in or pulled out: value 1 or 0, and "Connected" or
        "Disconnected" as the element's name."""
        name = "Connected" if connected else "Disconnected"
        return _event("connection", joystick_id, 0, name, float(connected), False)

    def is_button(self: JoystickInput) -> bool:
        """Whether it is about a button."""
        return self.event_type == "button"

    def is_axis(self: JoystickInput) -> bool:
        """Whether it is about an axis."""
        return self.event_type == "axis"

    def is_hat(self: JoystickInput) -> bool:
        """Whether it is about a hat switch."""
        return self.event_type == "hat"

    def is_connection_event(self: JoystickInput) -> bool:
        """Whether it is about the joystick being there."""
        return self.event_type == "connection"

    def is_connected(self: JoystickInput) -> bool:
        """Whether the joystick was plugged in."""
        return self.event_type == "connection" and self.value > 0


def _event(
    kind: str, joystick_id: int, element_id: int, name: str, value: float, pressed: bool
) -> JoystickInput:
    event = JoystickInput(joystick_id, element_id, value, bool(pressed))
    event.event_type = kind
    event.element_name = name
    return event


@extend(KeyboardInput)
class _KeyboardInput:
    def is_ctrl(self: KeyboardInput) -> bool:
        """Whether a control key was held."""
        return bool(self.modifier_flags & KeyModifier.CTRL)

    def is_shift(self: KeyboardInput) -> bool:
        """Whether a shift key was held."""
        return bool(self.modifier_flags & KeyModifier.SHIFT)

    def is_alt(self: KeyboardInput) -> bool:
        """Whether an alt key was held."""
        return bool(self.modifier_flags & KeyModifier.ALT)


@extend(AudioFrame)
class _AudioFrame:
    @staticmethod
    def mono(sample_rate: int, samples: npt.ArrayLike) -> AudioFrame:
        """One channel at `sample_rate` Hz: up to 4,800 samples within -1 to 1."""
        return AudioFrame.multi_channel(sample_rate, 1, samples)

    @staticmethod
    def stereo(sample_rate: int, samples: npt.ArrayLike) -> AudioFrame:
        """Two channels; the samples of one instant are left, right."""
        return AudioFrame.multi_channel(sample_rate, 2, samples)

    @staticmethod
    def multi_channel(sample_rate: int, channels: int, samples: npt.ArrayLike) -> AudioFrame:
        """1 to 255 channels at a rate in Hz; the samples of one instant stand side by side.

        Raises ValueError when the channels have not all the same number of samples, or there are
        more than 4,800.
        """
        within("channels", channels, 1, 255)
        frame = AudioFrame(sample_rate, channels, samples)
        if frame.num_samples % channels:
            raise ValueError(
                f"samples: {frame.num_samples} values are no multiple of {channels} channels")
        return frame

    @property
    def frame_count(self: AudioFrame) -> int:
        """Instants, each with one sample a channel; 0 without channels."""
        return self.num_samples // self.channels if self.channels else 0

    @property
    def duration_ms(self: AudioFrame) -> float:
        """How long it sounds, in ms; 0 when the sample rate is 0."""
        return 1000 * self.frame_count / self.sample_rate if self.sample_rate else 0.0
