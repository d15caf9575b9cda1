# SPDX-License-Identifier: Apache-2.0
"""Methods of clocks."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from .._enums import ClockSource
from .._extend import extend
from .._horus import Clock, TimeReference, timestamp_ns
from ._numbers import expect, not_negative, within


@extend(Clock)
class _Clock:
    @staticmethod
    def wall_clock() -> Clock:
        """The wall clock, now."""
        now = timestamp_ns()
        return Clock(now, now, source=ClockSource.WALL, timestamp_ns=now)

    @staticmethod
    def sim_time(clock_ns: int, sim_speed: float = 1.0) -> Clock:
        """A simulation's clock, read now; it runs `sim_speed` times as fast as the wall clock."""
        return _read_now(clock_ns, sim_speed, ClockSource.SIMULATION)

    @staticmethod
    def replay_time(clock_ns: int, sim_speed: float = 1.0) -> Clock:
        """The clock of what is replayed, read now, `sim_speed` times as fast as it was recorded."""
        return _read_now(clock_ns, sim_speed, ClockSource.REPLAY)

    def elapsed_since(self: Clock, earlier: Clock) -> int:
        """Nanoseconds of clock_ns from `earlier` to this one; negative when it was set back."""
        return self.clock_ns - expect("earlier", earlier, Clock).clock_ns

    def is_paused(self: Clock) -> bool:
        """Whether the clock stands."""
        return self.paused


def _read_now(clock_ns: int, sim_speed: float, source: ClockSource) -> Clock:
    now = timestamp_ns()
    return Clock(clock_ns, now, not_negative("sim_speed", sim_speed), False, source, now)


@extend(TimeReference)
class _TimeReference:
    def correct_timestamp(self: TimeReference, timestamp_ns: int) -> int:
        """An instant of our clock as the other clock has it: minus offset_ns.

        Raises ValueError when that is before 1970 or does not fit into 64 bits.
        """
        corrected = timestamp_ns - self.offset_ns
        within("timestamp_ns - offset_ns", corrected, 0, 2 ** 64 - 1)
        return corrected
