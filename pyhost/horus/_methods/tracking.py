# SPDX-License-Identifier: Apache-2.0
"""Methods of objects that are followed from image to image."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math

from .._enums import TrackState
from .._extend import extend
from .._horus import BoundingBox2D, TrackedObject, TrackingHeader
from ._numbers import expect, size_of, within

_MOST = 2 ** 32 - 1  # Counts stay there.


@extend(TrackedObject)
class _TrackedObject:
    @property
    def velocity(self: TrackedObject) -> tuple[float, float]:
        """(x, y) in px from image to image."""
        return self.velocity_x, self.velocity_y

    def speed(self: TrackedObject) -> float:
        """The velocity's length, in px from image to image."""
        return math.hypot(self.velocity_x, self.velocity_y)

    def heading(self: TrackedObject) -> float:
        """The velocity's direction in rad, from x towards y, within [-pi, pi]; at rest 0."""
        return math.atan2(self.velocity_y, self.velocity_x)

    def is_tentative(self: TrackedObject) -> bool:
        """Whether it has not been seen often enough to be sure of."""
        return self.state == TrackState.TENTATIVE

    def is_confirmed(self: TrackedObject) -> bool:
        """Whether it is sure to be there."""
        return self.state == TrackState.CONFIRMED

    def is_deleted(self: TrackedObject) -> bool:
        """Whether it is given up."""
        return self.state == TrackState.DELETED

    def confirm(self: TrackedObject) -> None:
        """Makes it confirmed."""
        self.state = TrackState.CONFIRMED

    def delete(self: TrackedObject) -> None:
        """Gives it up."""
        self.state = TrackState.DELETED

    def update(self: TrackedObject, bbox: BoundingBox2D, confidence: float) -> None:
        """Takes an image in which it was seen, with a confidence of 0 to 1.

        age and hits go up by 1, time_since_update to 0. The velocity is how far the box's centre
        has moved since it was seen last, in px; a tracker's filter may set another one, and sets
        predicted_bbox.
        """
        expect("bbox", bbox, BoundingBox2D)
        self.confidence = within("confidence", confidence, 0.0, 1.0)
        self.velocity_x = bbox.center_x - self.bbox.center_x
        self.velocity_y = bbox.center_y - self.bbox.center_y
        self.bbox = bbox
        self.age = min(self.age + 1, _MOST)
        self.hits = min(self.hits + 1, _MOST)
        self.time_since_update = 0

    def mark_missed(self: TrackedObject) -> None:
        """Takes an image in which it was not seen: age and time_since_update go up by 1."""
        self.age = min(self.age + 1, _MOST)
        self.time_since_update = min(self.time_since_update + 1, _MOST)


@extend(TrackingHeader)
class _TrackingHeader:
    def data_size(self: TrackingHeader) -> int:
        """Bytes of the num_tracks messages TrackedObject that follow."""
        return self.num_tracks * size_of(TrackedObject)
