# SPDX-License-Identifier: Apache-2.0
"""Methods of forces, compliance, contact and touch."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math

from .._enums import ContactState, HapticPattern
from .._extend import extend
from .._horus import (
    ContactInfo, ForceCommand, HapticFeedback, ImpedanceParameters, Vector3, WrenchStamped,
    timestamp_ns,
)
from ._numbers import expect, normalized, not_negative, within

_IN_CONTACT = (ContactState.INITIAL, ContactState.STABLE, ContactState.SLIDING, ContactState.IMPACT)


@extend(WrenchStamped)
class _WrenchStamped:
    @staticmethod
    def force_only(fx: float, fy: float, fz: float) -> WrenchStamped:
        """A force in N without a torque."""
        return WrenchStamped(fx, fy, fz)

    @staticmethod
    def torque_only(tx: float, ty: float, tz: float) -> WrenchStamped:
        """A torque in N m without a force."""
        return WrenchStamped(tx=tx, ty=ty, tz=tz)

    def force_magnitude(self: WrenchStamped) -> float:
        """N."""
        return self.force.magnitude()

    def torque_magnitude(self: WrenchStamped) -> float:
        """N m."""
        return self.torque.magnitude()

    def exceeds_limits(self: WrenchStamped, max_force: float, max_torque: float) -> bool:
        """Whether the force is greater than `max_force` N, or the torque than `max_torque` N m.

        A force or torque of NaN counts as too great.
        """
        not_negative("max_force", max_force)
        not_negative("max_torque", max_torque)
        return not (self.force_magnitude() <= max_force and self.torque_magnitude() <= max_torque)

    def filter(self: WrenchStamped, previous: WrenchStamped, alpha: float) -> None:
        """Smooths force and torque by the filtered wrench before this one.

        A first-order low-pass (exponential smoothing): alpha * self + (1 - alpha) * previous, with
        alpha within 0 to 1; 1 does not smooth. For a cut-off of f Hz and dt s between wrenches
        alpha is dt / (dt + 1 / (2 pi f)).
        """
        expect("previous", previous, WrenchStamped)
        within("alpha", alpha, 0.0, 1.0)
        for vector, before in ((self.force, previous.force), (self.torque, previous.torque)):
            vector.x = alpha * vector.x + (1 - alpha) * before.x
            vector.y = alpha * vector.y + (1 - alpha) * before.y
            vector.z = alpha * vector.z + (1 - alpha) * before.z


@extend(ImpedanceParameters)
class _ImpedanceParameters:
    @staticmethod
    def compliant() -> ImpedanceParameters:
        """Gives way easily, for work beside people: 100 N/m and 10 N m/rad, up to 50 N and 5 N m.

        Enabled, and critically damped as `stiff`.
        """
        return _impedance(linear=100.0, angular=10.0, force=50.0, torque=5.0)

    @staticmethod
    def stiff() -> ImpedanceParameters:
        """Holds its place, for precise work: 5000 N/m and 500 N m/rad, up to 200 N and 20 N m.

        Enabled, and critically damped: d = 2 sqrt(k m), with a virtual inertia of 1 kg and
        0.1 kg m^2.
        """
        return _impedance(linear=5000.0, angular=500.0, force=200.0, torque=20.0)

    def enable(self: ImpedanceParameters) -> None:
        """Lets the arm give way."""
        self.enabled = True

    def disable(self: ImpedanceParameters) -> None:
        """Lets the arm be controlled as without."""
        self.enabled = False


def _impedance(linear: float, angular: float, force: float, torque: float) -> ImpedanceParameters:
    parameters = ImpedanceParameters()
    inertia = [1.0] * 3 + [0.1] * 3
    stiffness = [linear] * 3 + [angular] * 3
    parameters.inertia = inertia
    parameters.stiffness = stiffness
    parameters.damping = [2 * math.sqrt(k * m) for k, m in zip(stiffness, inertia)]
    parameters.force_limits = [force] * 3 + [torque] * 3
    parameters.enabled = True
    return parameters


@extend(ForceCommand)
class _ForceCommand:
    @staticmethod
    def force_only(fx: float, fy: float, fz: float) -> ForceCommand:
        """Exert a force in N: force control along x, y and z, position control about them."""
        command = ForceCommand(fx, fy, fz)
        command.force_mode = (1, 1, 1, 0, 0, 0)
        return command

    @staticmethod
    def surface_contact(
        normal_force: float, nx: float = 0.0, ny: float = 0.0, nz: float = 1.0
    ) -> ForceCommand:
        """Press on a surface with `normal_force` N.

        (nx, ny, nz) points out of the surface, and need not have length 1. The force goes the
        other way; force control holds on the axes along which it has a part, position control on
        the others. Raises ValueError when the force is negative, the normal 0 or not finite.
        """
        not_negative("normal_force", normal_force)
        normal = normalized((nx, ny, nz))
        if normal is None:
            raise ValueError(f"normal: ({nx}, {ny}, {nz}) has no direction")
        x, y, z = normal
        command = ForceCommand(-normal_force * x, -normal_force * y, -normal_force * z)
        command.force_mode = (x != 0, y != 0, z != 0, 0, 0, 0)
        return command

    def with_timeout(self: ForceCommand, seconds: float) -> ForceCommand:
        """Sets after how many s the command ends; 0: never."""
        self.timeout_seconds = not_negative("seconds", seconds)
        return self


@extend(ContactInfo)
class _ContactInfo:
    def is_in_contact(self: ContactInfo) -> bool:
        """Whether the state is INITIAL, STABLE, SLIDING or IMPACT."""
        return self.state in _IN_CONTACT

    def contact_duration_seconds(self: ContactInfo) -> float:
        """Seconds from contact_start_time to timestamp_ns, or to now where the message has none.

        0 when there is no contact, or its start is not set or later.
        """
        if not self.is_in_contact() or self.contact_start_time == 0:
            return 0.0
        end = self.timestamp_ns or timestamp_ns()
        return max(0, end - self.contact_start_time) / 1e9


@extend(HapticFeedback)
class _HapticFeedback:
    @staticmethod
    def vibration(intensity: float, frequency: float, duration: float) -> HapticFeedback:
        """A steady vibration: intensity within 0 to 1, frequency in Hz, duration in s."""
        return _haptic(intensity, frequency, duration, HapticPattern.STEADY)

    @staticmethod
    def force(fx: float, fy: float, fz: float, duration: float) -> HapticFeedback:
        """A force in N for some s, without vibration."""
        feedback = _haptic(0.0, 0.0, duration, HapticPattern.STEADY)
        feedback.force_feedback = Vector3(fx, fy, fz)
        return feedback

    @staticmethod
    def pulse(intensity: float, frequency: float, duration: float) -> HapticFeedback:
        """A vibration that comes and goes; the arguments of `vibration`."""
        return _haptic(intensity, frequency, duration, HapticPattern.PULSE)


def _haptic(
    intensity: float, frequency: float, duration: float, pattern: HapticPattern
) -> HapticFeedback:
    return HapticFeedback(
        within("intensity", intensity, 0.0, 1.0), not_negative("frequency", frequency),
        not_negative("duration", duration), pattern)
