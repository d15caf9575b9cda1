# SPDX-License-Identifier: Apache-2.0
"""Lists of detections, points and small point clouds, for a program's own use.

They are plain Python objects: what goes over a topic are messages (`Detection`, `PointCloud`).
"""
from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from . import _horus
from ._horus import BoundingBox2D, Detection, Landmark, PointCloud
from ._methods._numbers import expect, size_of, unmasked

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["BoundingBox2D", "COCOPose", "Detection", "DetectionList", "Landmark",
           "PointCloudBuffer", "PointXYZ", "PointXYZRGB", "TrackedObject"]


class _IsMessage(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _horus.TrackedObject)


class TrackedObject(metaclass=_IsMessage):
    """Makes the message horus.TrackedObject of what was seen first: tentative, and seen once."""

    def __new__(cls, track_id: int, bbox: BoundingBox2D, class_name: str,  # type: ignore[misc]
                confidence: float, class_id: int = 0) -> _horus.TrackedObject:
        expect("bbox", bbox, BoundingBox2D)
        made = _horus.TrackedObject(track_id, *bbox.as_tuple(), class_id, confidence)
        made.class_name = class_name
        made.hits = 1
        return made


class PointXYZ(NamedTuple):
    """A point; m."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def distance(self) -> float:
        """Metres from the origin."""
        return math.hypot(self.x, self.y, self.z)

    def distance_to(self, other: PointXYZ) -> float:
        """Metres between the two points."""
        return math.dist(self.as_tuple(), other.as_tuple())

    def as_tuple(self) -> tuple[float, float, float]:
        """(x, y, z)."""
        return self.x, self.y, self.z

    def to_numpy(self) -> npt.NDArray[Any]:
        """A new array of x, y and z, float32."""
        import numpy as np

        return np.array(self, dtype=np.float32)


class PointXYZRGB(NamedTuple):
    """A point, in m, and its colour, 0 to 255 each."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    r: int = 255
    g: int = 255
    b: int = 255

    def rgb(self) -> tuple[int, int, int]:
        """The colour: (red, green, blue)."""
        return self.r, self.g, self.b

    def xyz(self) -> PointXYZ:
        """The point without its colour."""
        return PointXYZ(self.x, self.y, self.z)


def _detection(value: object) -> Detection:
    if not isinstance(value, Detection):
        raise TypeError(f"a DetectionList holds Detection messages, not {type(value).__name__}")
    return value


class DetectionList:
    """Detections of one image, in order."""

    def __init__(self, detections: Iterable[Detection] = ()) -> None:
        self._detections = [_detection(detection) for detection in detections]

    @staticmethod
    def from_list(detections: Iterable[Detection]) -> DetectionList:
        """A list of these detections."""
        return DetectionList(detections)

    @staticmethod
    def from_bytes(data: bytes | bytearray | memoryview) -> DetectionList:
        """What to_bytes() gave. ValueError where it is no whole number of detections."""
        size = size_of(Detection)
        if len(data) % size != 0:
            raise ValueError(f"{len(data)} bytes are no whole number of detections of {size}")
        return DetectionList(Detection.from_bytes(data[at:at + size])
                             for at in range(0, len(data), size))

    def to_bytes(self) -> bytes:
        """The detections one after the other, each in the layout of a message."""
        return b"".join(detection.to_bytes() for detection in self._detections)

    def append(self, detection: Detection) -> None:
        """One more, at the end."""
        self._detections.append(_detection(detection))

    def filter_confidence(self, threshold: float) -> DetectionList:
        """A new list of those whose confidence is at least `threshold`, 0 to 1."""
        return DetectionList(d for d in self._detections if d.is_confident(threshold))

    def filter_class(self, class_name: str) -> DetectionList:
        """A new list of those of one class."""
        return DetectionList(d for d in self._detections if d.class_name == class_name)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each as a dict: class_name, confidence, class_id, instance_id, bbox (x, y, width,
        height)."""
        return [{"class_name": d.class_name, "confidence": d.confidence, "class_id": d.class_id,
                 "instance_id": d.instance_id, "bbox": d.bbox.as_tuple()}
                for d in self._detections]

    def __len__(self) -> int:
        return len(self._detections)

    def __iter__(self) -> Iterator[Detection]:
        return iter(self._detections)

    @overload
    def __getitem__(self, index: int) -> Detection: ...
    @overload
    def __getitem__(self, index: slice) -> DetectionList: ...
    def __getitem__(self, index: int | slice) -> Detection | DetectionList:
        found = self._detections[index]
        return DetectionList(found) if isinstance(found, list) else found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DetectionList):
            return NotImplemented
        return self._detections == other._detections

    __hash__ = None  # type: ignore[assignment]  # It changes.

    def __repr__(self) -> str:
        return f"DetectionList({len(self)} detections)"


class PointCloudBuffer:
    """Points that a program gathers one by one; m.

    To send them, make a PointCloud of them: `PointCloud.from_numpy(buffer.to_numpy())`.
    """

    frame_id: str

    def __init__(self, capacity: int = 0, frame_id: str = "") -> None:
        if capacity < 0:
            raise ValueError(f"capacity: {capacity} is negative")
        self.frame_id = frame_id
        self._points: list[PointXYZ] = []

    @staticmethod
    def from_numpy(array: npt.ArrayLike, frame_id: str = "") -> PointCloudBuffer:
        """The points of an array of shape (n, 3)."""
        import numpy as np

        rows = unmasked(array)
        if rows.ndim != 2 or rows.shape[1] != 3:
            raise ValueError(f"points are an array of shape (n, 3), not {rows.shape}")
        buffer = PointCloudBuffer(frame_id=frame_id)
        buffer._points = [PointXYZ(*row) for row in rows.astype(np.float64).tolist()]
        return buffer

    def add_point(self, x: float, y: float, z: float) -> None:
        """One point more."""
        self._points.append(PointXYZ(float(x), float(y), float(z)))

    def to_numpy(self) -> npt.NDArray[Any]:
        """A new array of shape (n, 3), float64."""
        import numpy as np

        return np.array(self._points, dtype=np.float64).reshape(-1, 3)

    def to_bytes(self) -> bytes:
        """x, y and z of each point in turn, float32, little-endian."""
        return self.to_numpy().astype("<f4").tobytes()

    def to_point_cloud(self) -> PointCloud:
        """A message with the points and the frame, float32."""
        import numpy as np

        cloud = PointCloud.from_numpy(self.to_numpy().astype(np.float32))
        cloud.frame_id = self.frame_id
        return cloud

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: int) -> PointXYZ:
        return self._points[index]

    def __iter__(self) -> Iterator[PointXYZ]:
        return iter(self._points)

    def __repr__(self) -> str:
        return f"PointCloudBuffer({len(self)} points, frame='{self.frame_id}')"


class COCOPose(enum.IntEnum):
    """The key points of a body, by index, as the COCO data set numbers them (keypoint task)."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16


# A count, not one of the points.
COCOPose.NUM_KEYPOINTS = len(COCOPose)  # type: ignore[attr-defined]
