# SPDX-License-Identifier: Apache-2.0
"""Methods of keyboards, joysticks and sound."""
import math

import numpy as np
import pytest

import horus
from horus import KeyModifier

KINDS = ["is_button", "is_axis", "is_hat", "is_connection_event"]


@pytest.mark.parametrize("event, kind, element, value, pressed", [
    (horus.JoystickInput.new_button(1, 2, "fire", True), "is_button", (2, "fire"), 1.0, True),
    (horus.JoystickInput.new_button(1, 2, "fire", False), "is_button", (2, "fire"), 0.0, False),
    (horus.JoystickInput.new_axis(1, 3, "x", -0.5), "is_axis", (3, "x"), -0.5, False),
    (horus.JoystickInput.new_hat(1, 0, "up", 1.0), "is_hat", (0, "up"), 1.0, False),
    (horus.JoystickInput(1, 3, -0.5), "is_axis", (3, ""), -0.5, False),
    (horus.JoystickInput.new_connection(1, True), "is_connection_event", (0, "Connected"), 1.0,
     False),
    (horus.JoystickInput.new_connection(1, False), "is_connection_event", (0, "Disconnected"), 0.0,
     False)])
def test_an_event_of_a_joystick_is_of_one_kind(event, kind, element, value, pressed):
    assert event.joystick_id == 1 and (event.element_id, event.element_name) == element
    assert (event.value, event.pressed) == (value, pressed)
    assert [getattr(event, each)() for each in KINDS] == [each == kind for each in KINDS]
    assert event.is_connected() is (kind == "is_connection_event" and value == 1.0)


def test_an_event_from_elsewhere_may_be_of_no_kind():
    event = horus.JoystickInput()
    event.event_type = "touch"
    assert not any(getattr(event, each)() for each in KINDS)


@pytest.mark.parametrize("value", [-1.01, 2, math.nan])
def test_an_axis_goes_from_minus_1_to_1(value):
    for make in (horus.JoystickInput.new_axis, horus.JoystickInput.new_hat):
        with pytest.raises(ValueError, match=f"value: {value} is not within -1.0 to 1.0"):
            make(0, 0, "x", value)


def test_the_name_of_an_element_is_not_cut():
    with pytest.raises(ValueError, match="JoystickInput.element_name: 32 bytes"):
        horus.JoystickInput.new_button(0, 0, "x" * 32, True)


@pytest.mark.parametrize("method, modifier", [
    ("is_ctrl", KeyModifier.CTRL), ("is_shift", KeyModifier.SHIFT), ("is_alt", KeyModifier.ALT)])
def test_a_key_knows_what_was_held_with_it(method, modifier):
    others = KeyModifier(63) & ~modifier
    for flags, held in ((modifier, True), (others, False), (0, False), (63, True)):
        assert getattr(horus.KeyboardInput("a", 97, True, flags), method)() is held


@pytest.mark.parametrize("frame, channels, count, milliseconds", [
    (horus.AudioFrame.mono(16_000, [0.0] * 320), 1, 320, 20.0),
    (horus.AudioFrame.stereo(48_000, [0.0] * 960), 2, 480, 10.0),
    (horus.AudioFrame.multi_channel(8_000, 4, np.zeros(32)), 4, 8, 1.0),
    (horus.AudioFrame.mono(16_000, []), 1, 0, 0.0),
    (horus.AudioFrame.mono(48_000, np.zeros(4800, np.float32)), 1, 4800, 100.0),
    (horus.AudioFrame(0, 1, [0.0] * 8), 1, 8, 0.0), (horus.AudioFrame(8_000, 0, [0.0]), 0, 0, 0.0)])
def test_sound_lasts_as_long_as_its_samples(frame, channels, count, milliseconds):
    assert (frame.channels, frame.frame_count) == (channels, count)
    assert frame.duration_ms == milliseconds


def test_the_samples_of_one_instant_stand_side_by_side():
    frame = horus.AudioFrame.stereo(8_000, [0.25, -0.25, 0.5, -0.5])
    assert frame.samples.reshape(-1, 2)[:, 0].tolist() == [0.25, 0.5]
    assert frame.num_samples == 4


@pytest.mark.parametrize("call, says", [
    (lambda: horus.AudioFrame.stereo(8_000, [0.0] * 3), "3 values are no multiple of 2 channels"),
    (lambda: horus.AudioFrame.multi_channel(8_000, 0, []), "channels: 0 is not within 1 to 255"),
    (lambda: horus.AudioFrame.multi_channel(8_000, 256, []), "channels: 256 is not within"),
    (lambda: horus.AudioFrame.mono(8_000, [0.0] * 4801), "AudioFrame.samples: 4801 values")])
def test_samples_that_do_not_fit_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("name", ["duration_ms", "frame_count"])
def test_what_is_computed_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(horus.AudioFrame(), name, 3)
