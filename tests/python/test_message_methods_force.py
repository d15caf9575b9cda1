# SPDX-License-Identifier: Apache-2.0
"""Methods of forces, compliance, contact and touch."""
import math
import time

import numpy as np
import pytest

import horus
from horus import ContactState, HapticPattern

NAN, INF = math.nan, math.inf
WRENCH = horus.WrenchStamped(2, 3, 6, 0, 3, 4, timestamp_ns=7)


def xyz(vector):
    return vector.x, vector.y, vector.z


def contact_from(start, end, state=ContactState.STABLE):
    contact = horus.ContactInfo(state, timestamp_ns=end)
    contact.contact_start_time = start
    return contact


def test_a_wrench_is_force_or_torque_alone():
    force = horus.WrenchStamped.force_only(1, 2, 3)
    torque = horus.WrenchStamped.torque_only(1, 2, 3)
    force.timestamp_ns = torque.timestamp_ns = 0
    assert force == horus.WrenchStamped(1, 2, 3)
    assert torque == horus.WrenchStamped(0, 0, 0, 1, 2, 3)


def test_a_wrench_has_two_magnitudes():
    assert WRENCH.force_magnitude() == 7 and WRENCH.torque_magnitude() == 5
    assert horus.WrenchStamped().force_magnitude() == 0


@pytest.mark.parametrize("force, torque, exceeds", [
    (7, 5, False), (6.9, 5, True), (7, 4.9, True), (100, 100, False), (INF, INF, False),
    (0, 0, True)])
def test_a_wrench_exceeds_either_limit(force, torque, exceeds):
    assert WRENCH.exceeds_limits(force, torque) is exceeds


def test_a_wrench_that_is_not_a_number_exceeds_every_limit():
    assert horus.WrenchStamped(NAN).exceeds_limits(INF, INF) is True
    assert horus.WrenchStamped(tz=NAN).exceeds_limits(INF, INF) is True
    assert horus.WrenchStamped().exceeds_limits(0, 0) is False


@pytest.mark.parametrize("alpha, force, torque", [
    (1.0, (2, 3, 6), (0, 3, 4)), (0.0, (10, 7, 0), (0, 1, 8)),
    (0.25, (8, 6, 1.5), (0, 1.5, 7))])
def test_a_low_pass_lies_between_the_wrench_and_the_one_before(alpha, force, torque):
    wrench = horus.WrenchStamped.from_bytes(bytes(WRENCH))
    previous = horus.WrenchStamped(10, 7, 0, 0, 1, 8)
    assert wrench.filter(previous, alpha) is None
    assert xyz(wrench.force) == force and xyz(wrench.torque) == torque
    assert wrench.timestamp_ns == 7 and previous == horus.WrenchStamped(10, 7, 0, 0, 1, 8)


def test_a_low_pass_comes_as_near_as_the_formula_says():
    smoothed = horus.WrenchStamped()
    for _ in range(10):
        wrench = horus.WrenchStamped(1.0)
        wrench.filter(smoothed, 0.25)
        smoothed = wrench
    assert smoothed.force.x == pytest.approx(1 - 0.75 ** 10)


@pytest.mark.parametrize("error, call, says", [
    (ValueError, lambda: horus.WrenchStamped().filter(WRENCH, 1.5), "alpha: 1.5 is not within 0.0"),
    (ValueError, lambda: horus.WrenchStamped().filter(WRENCH, NAN), "alpha: nan"),
    (TypeError, lambda: horus.WrenchStamped().filter(3, 1.5), "previous must be WrenchStamped, n"),
    (ValueError, lambda: WRENCH.exceeds_limits(-1, 1), "max_force: -1 is not within 0.0 to inf"),
    (ValueError, lambda: WRENCH.exceeds_limits(1, NAN), "max_torque: nan is not within"),
    (ValueError, lambda: horus.ForceCommand.surface_contact(-5), "normal_force: -5 is not within"),
    (ValueError, lambda: horus.ForceCommand.surface_contact(5, 0, 0, 0), "has no direction"),
    (ValueError, lambda: horus.ForceCommand.surface_contact(5, NAN), "has no direction"),
    (ValueError, lambda: horus.ForceCommand().with_timeout(-1), "seconds: -1 is not within"),
    (ValueError, lambda: horus.HapticFeedback.vibration(1.5, 100, 1), "intensity: 1.5 is not wit"),
    (ValueError, lambda: horus.HapticFeedback.vibration(1, -100, 1), "frequency: -100"),
    (ValueError, lambda: horus.HapticFeedback.pulse(1, 100, NAN), "duration: nan"),
    (ValueError, lambda: horus.HapticFeedback.force(1, 2, 3, -1), "duration: -1"),
])
def test_what_is_out_of_range_is_refused_by_name(error, call, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("made, linear, angular, damping_ratio", [
    (horus.ImpedanceParameters.compliant(), 100, 10, 1.0),
    (horus.ImpedanceParameters.stiff(), 5000, 500, 0.5 ** 0.5)])
def test_compliance_is_damped(made, linear, angular, damping_ratio):
    assert made.stiffness.tolist() == [linear] * 3 + [angular] * 3
    assert made.force_limits.tolist() == [50.0] * 3 + [5.0] * 3
    assert made.inertia.tolist() == [1.0] * 3 + [0.1] * 3
    ratio = made.damping / (2 * np.sqrt(made.stiffness * made.inertia))
    np.testing.assert_allclose(ratio, damping_ratio)
    assert made.enabled is False, "it waits for enable()"


def test_compliance_can_be_switched():
    parameters = horus.ImpedanceParameters()
    parameters.enable()
    assert parameters.enabled is True
    parameters.disable()
    assert parameters.enabled is False


def test_a_force_is_held_on_its_axes():
    command = horus.ForceCommand.force_only(1, -2, 3).with_timeout(4.5)
    assert xyz(command.target_force) == (1, -2, 3) and xyz(command.target_torque) == (0, 0, 0)
    assert command.force_mode.tolist() == [1, 1, 1, 0, 0, 0]
    assert command.timeout_seconds == 4.5


@pytest.mark.parametrize("normal, force, mode", [
    ((), (0, 0, -10), [0, 0, 1, 0, 0, 0]), ((0, 0, 1), (0, 0, 10), [0, 0, 1, 0, 0, 0]),
    ((5, 0, 0), (10, 0, 0), [1, 0, 0, 0, 0, 0]), ((3, 0, 4), (6, 0, 8), [1, 0, 1, 0, 0, 0])])
def test_a_surface_is_pressed_along_the_normal_into_it(normal, force, mode):
    command = horus.ForceCommand.surface_contact(10, *normal)
    assert xyz(command.target_force) == pytest.approx(force)
    assert command.force_mode.tolist() == mode


@pytest.mark.parametrize("state, touching", [
    (ContactState.NONE, False), (ContactState.INITIAL, True), (ContactState.STABLE, True),
    (ContactState.LOSS, False), (ContactState.SLIDING, True), (ContactState.IMPACT, True),
    (6, False)])
def test_contact_depends_on_the_state(state, touching):
    assert horus.ContactInfo(state).is_in_contact() is touching
    duration = contact_from(1_000_000_000, 3_500_000_000, state).contact_duration_seconds()
    assert duration == (2.5 if touching else 0.0)


@pytest.mark.parametrize("start, end", [(0, 5_000_000_000), (6_000_000_000, 5_000_000_000)])
def test_a_contact_without_a_start_has_no_duration(start, end):
    assert contact_from(start, end).contact_duration_seconds() == 0.0


def test_a_contact_without_a_timestamp_lasts_until_now():
    contact = contact_from(time.time_ns() - 100_000_000_000, 0)
    assert 100 <= contact.contact_duration_seconds() < 160


@pytest.mark.parametrize("made, pattern", [
    (horus.HapticFeedback.vibration(0.5, 120, 2), HapticPattern.STEADY),
    (horus.HapticFeedback.pulse(0.5, 120, 2), HapticPattern.PULSE)])
def test_a_vibration_is_steady_or_comes_and_goes(made, pattern):
    assert made.vibration_intensity == 0.5 and made.vibration_frequency == 120
    assert made.duration_seconds == 2 and made.enabled is True and made.pattern_type == pattern


def test_a_force_is_felt_without_vibration():
    feedback = horus.HapticFeedback.force(1, 2, 3, 0.5)
    assert xyz(feedback.force_feedback) == (1, 2, 3) and feedback.duration_seconds == 0.5
    assert feedback.vibration_intensity == feedback.vibration_frequency == 0
    assert feedback.enabled is True
