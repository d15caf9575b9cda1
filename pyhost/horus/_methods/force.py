# SPDX-License-Identifier: Apache-2.0
"""Methods of forces, compliance, contact and touch."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy

from .._enums import ContactState, HapticPattern
from .._extend import extend
from .._horus import (
    ContactInfo, ForceCommand, HapticFeedback, ImpedanceParameters, Vector3, WrenchStamped,
    timestamp_ns,
)
from ._numbers import expect, normalized, not_negative, of_now, vector, within

_IN_CONTACT = (ContactState.INITIAL, ContactState.STABLE, ContactState.SLIDING, ContactState.IMPACT)


@extend(WrenchStamped)
class _WrenchStamped:
    @staticmethod
    def force_only(
        fx: Vector3 | float, fy: float | None = None, fz: float | None = None
    ) -> WrenchStamped:
        """A force in N, a Vector3 or three numbers, without a torque."""
        return of_now(WrenchStamped(*vector(fx, fy, fz)))

    @staticmethod
    def torque_only(
        tx: Vector3 | float, ty: float | None = None, tz: float | None = None
    ) -> WrenchStamped:
        """A torque in N m, a Vector3 or three numbers, without a force."""
        return of_now(WrenchStamped(0.0, 0.0, 0.0, *vector(tx, ty, tz)))

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

        Critically damped, d = 2 sqrt(k m), with a virtual inertia of 1 kg and 0.1 kg m^2; not
        enabled before `enable()`.
        """
        return _impedance(stiffness=(100.0, 10.0), damping=(20.0, 2.0))

    @staticmethod
    def stiff() -> ImpedanceParameters:
        """Holds its place, for precise work: 5000 N/m and 500 N m/rad, up to 50 N and 5 N m.

        Damped by 100 N s/m and 10 N m s/rad, 0.7 of critical, with the virtual inertia of
        `compliant`; not enabled before `enable()`.
        """
        return _impedance(stiffness=(5000.0, 500.0), damping=(100.0, 10.0))

    def enable(self: ImpedanceParameters) -> None:
        """Lets the arm give way, from now on: with the present time."""
        of_now(self).enabled = True

    def disable(self: ImpedanceParameters) -> None:
        """Lets the arm be controlled as without, from now on: with the present time."""
        of_now(self).enabled = False


def _impedance(stiffness: tuple[float, float], damping: tuple[float, float]) -> ImpedanceParameters:
    """Along the axes and about them; inertia and limits are those of a new message."""
    parameters = ImpedanceParameters()
    parameters.stiffness = [stiffness[0]] * 3 + [stiffness[1]] * 3
    parameters.damping = [damping[0]] * 3 + [damping[1]] * 3
    return parameters


@extend(ForceCommand)
class _ForceCommand:
    @staticmethod
    def force_only(
        fx: Vector3 | float, fy: float | None = None, fz: float | None = None
    ) -> ForceCommand:
        """Exert a force in N, a Vector3 or three numbers: force control along x, y and z, position
        control about them."""
        command = of_now(ForceCommand(*vector(fx, fy, fz)))
        command.force_mode = (1, 1, 1, 0, 0, 0)
        return command

    @staticmethod
    def surface_contact(
        normal_force: float, nx: Vector3 | float = 0.0, ny: float | None = None,
        nz: float | None = None,
    ) -> ForceCommand:
        """Press on a surface with `normal_force` N.

        The normal, a Vector3 or (nx, ny, nz), points into the surface: the force goes along it. It
        need not have length 1, and is -z unless it is given. Force control holds on the axes along
        which it has a part, position control on the others. Raises ValueError when the force is
        negative, the normal 0 or not finite.
        """
        not_negative("normal_force", normal_force)
        given = vector(nx, ny, nz) if isinstance(nx, Vector3) else (
            nx, 0.0 if ny is None else ny, -1.0 if nz is None else nz)
        normal = normalized(given)
        if normal is None:
            raise ValueError(f"normal: {given} has no direction")
        x, y, z = normal
        command = of_now(ForceCommand(normal_force * x, normal_force * y, normal_force * z))
        command.force_mode = (x != 0, y != 0, z != 0, 0, 0, 0)
        return command

    def with_timeout(self: ForceCommand, seconds: float) -> ForceCommand:
        """A copy that ends after so many s; 0: never."""
        changed = copy.copy(self)
        changed.timeout_seconds = not_negative("seconds", seconds)
        return changed


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
    def force(
        fx: Vector3 | float, fy: float | None = None, fz: float | None = None,
        duration: float | None = None,
    ) -> HapticFeedback:
        """A force in N for some s, without vibration: force(vector, duration), or three numbers and
        the duration."""
        if isinstance(fx, Vector3) and duration is None:
            duration, fy = fy, None
        if duration is None:
            raise TypeError("HapticFeedback.force() needs a duration")
        feedback = _haptic(0.0, 0.0, duration, HapticPattern.STEADY)
        feedback.force_feedback = Vector3(*vector(fx, fy, fz))
        return feedback

    @staticmethod
    def pulse(intensity: float, frequency: float, duration: float) -> HapticFeedback:
        """A vibration that comes and goes; the arguments of `vibration`."""
        return _haptic(intensity, frequency, duration, HapticPattern.PULSE)


def _haptic(
    intensity: float, frequency: float, duration: float, pattern: HapticPattern
) -> HapticFeedback:
    return of_now(HapticFeedback(
        within("intensity", intensity, 0.0, 1.0), not_negative("frequency", frequency),
        not_negative("duration", duration), pattern))
