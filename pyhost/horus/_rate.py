# SPDX-License-Identifier: Apache-2.0
"""A loop of one's own at a steady rate, outside of nodes."""
from __future__ import annotations

import math
import time


class Rate:
    """Keeps a loop at `hz` turns a second.

        rate = horus.Rate(50)
        while running:
            work()
            rate.sleep()

    The instants lie on a grid that begins when the object is made: a turn that takes longer does
    not move the others. Whole periods that a turn overran are given up. One thread at a time.
    """

    def __init__(self, hz: float) -> None:
        hz = float(hz)
        if not (math.isfinite(hz) and hz > 0):
            raise ValueError(f"Rate: {hz} Hz: must be positive and finite")
        self._hz = hz
        self.reset()

    def reset(self) -> None:
        """Begins a new grid now, and forgets what was measured."""
        self._begin = time.monotonic()
        self._turns = 0  # Instants of the grid that have passed.
        self._woke: float | None = None
        self._between = self.period()

    def sleep(self) -> None:
        """Sleeps, without the GIL, until the next instant of the grid; returns at once when it has
        passed already."""
        late = self.is_late()
        self._turns += 1
        if late:
            # The newest instant that has passed: the next one is at most a period away.
            self._turns = max(self._turns, int((time.monotonic() - self._begin) * self._hz))
        else:
            time.sleep(max(0.0, self._begin + self._turns / self._hz - time.monotonic()))
        now = time.monotonic()
        if self._woke is not None:
            # A mean over about the last ten turns.
            self._between += (now - self._woke - self._between) / 10
        self._woke = now

    def is_late(self) -> bool:
        """Whether the next instant of the grid has passed."""
        return time.monotonic() > self._begin + (self._turns + 1) / self._hz

    def actual_hz(self) -> float:
        """Turns a second, over about the last ten; the target before there are two."""
        return 1 / self._between

    def target_hz(self) -> float:
        """Turns a second as asked for."""
        return self._hz

    def period(self) -> float:
        """Seconds from one instant to the next."""
        return 1 / self._hz

    def __repr__(self) -> str:
        return f"Rate(target={self._hz:.1f}Hz, actual={self.actual_hz():.1f}Hz)"
