# SPDX-License-Identifier: Apache-2.0
"""Methods of boxes, detections, masks and landmarks."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy
import math

from .._enums import MaskType
from .._extend import extend
from .._horus import (
    BoundingBox2D, BoundingBox3D, Detection, Detection3D, Landmark, Landmark3D, LandmarkArray,
    SegmentationMask,
)
from ._numbers import expect, finite, not_negative, size_of, within


@extend(BoundingBox2D)
class _BoundingBox2D:
    @staticmethod
    def from_center(
        center_x: float, center_y: float, width: float, height: float
    ) -> BoundingBox2D:
        """A box around a point; px."""
        not_negative("width", width)
        not_negative("height", height)
        return BoundingBox2D(center_x - width / 2, center_y - height / 2, width, height)

    @property
    def center_x(self: BoundingBox2D) -> float:
        """px from the image's left edge."""
        return self.x + self.width / 2

    @property
    def center_y(self: BoundingBox2D) -> float:
        """px from the image's upper edge."""
        return self.y + self.height / 2

    @property
    def area(self: BoundingBox2D) -> float:
        """px^2; 0 when a side is negative."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def iou(self: BoundingBox2D, other: BoundingBox2D) -> float:
        """Intersection over union, 0 to 1: the Jaccard index of the two areas.

        0 when neither has an area, or a value is not finite.
        """
        expect("other", other, BoundingBox2D)
        if not finite(*self.as_xyxy(), *other.as_xyxy()):
            return 0.0
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        common = max(wide, 0.0) * max(high, 0.0)
        union = self.area + other.area - common
        return common / union if union > 0 else 0.0

    def as_tuple(self: BoundingBox2D) -> tuple[float, float, float, float]:
        """(x, y, width, height)."""
        return self.x, self.y, self.width, self.height

    def as_xyxy(self: BoundingBox2D) -> tuple[float, float, float, float]:
        """(left, upper, right, lower)."""
        return self.x, self.y, self.x + self.width, self.y + self.height


@extend(BoundingBox3D)
class _BoundingBox3D:
    @staticmethod
    def with_rotation(
        cx: float, cy: float, cz: float, length: float, width: float, height: float, roll: float,
        pitch: float, yaw: float,
    ) -> BoundingBox3D:
        """A box around a point, in m, turned about x, then y, then z, in rad (fixed axes)."""
        box = BoundingBox3D(cx, cy, cz, length, width, height, yaw)
        box.roll = roll
        box.pitch = pitch
        return box

    @property
    def volume(self: BoundingBox3D) -> float:
        """m^3; 0 when a side is negative."""
        return max(self.length, 0.0) * max(self.width, 0.0) * max(self.height, 0.0)


@extend(Detection)
class _Detection:
    @staticmethod
    def from_bbox(bbox: BoundingBox2D, class_name: str, confidence: float, class_id: int = 0,
                  instance_id: int = 0) -> Detection:
        """A detection in a box, in px."""
        expect("bbox", bbox, BoundingBox2D)
        return Detection(class_name, confidence, *bbox.as_tuple(), class_id, instance_id)

    def to_bytes(self: Detection) -> bytes:
        """The message's memory, for from_bytes()."""
        return memoryview(self).tobytes()  # type: ignore[arg-type]  # Before 3.12 none can say so.

    def is_confident(self: Detection, threshold: float = 0.5) -> bool:
        """Whether the confidence is at least `threshold`, 0 to 1."""
        return self.confidence >= within("threshold", threshold, 0.0, 1.0)

    def with_class_id(self: Detection, class_id: int) -> Detection:
        """A copy with this number of the class."""
        changed = copy.copy(self)
        changed.class_id = class_id
        return changed


@extend(Detection3D)
class _Detection3D:
    def with_velocity(
        self: Detection3D, velocity_x: float, velocity_y: float, velocity_z: float
    ) -> Detection3D:
        """A copy with this velocity of the object, in m/s."""
        changed = copy.copy(self)
        changed.velocity_x = velocity_x
        changed.velocity_y = velocity_y
        changed.velocity_z = velocity_z
        return changed


@extend(SegmentationMask)
class _SegmentationMask:
    @staticmethod
    def semantic(width: int, height: int, num_classes: int) -> SegmentationMask:
        """A mask in which each pixel is its class."""
        return SegmentationMask(width, height, MaskType.SEMANTIC, num_classes)

    @staticmethod
    def instance(width: int, height: int, num_classes: int = 0) -> SegmentationMask:
        """A mask in which each pixel is the number of its object; 0: none."""
        return SegmentationMask(width, height, MaskType.INSTANCE, num_classes)

    @staticmethod
    def panoptic(width: int, height: int, num_classes: int) -> SegmentationMask:
        """A mask in which each pixel says both its class and its object."""
        return SegmentationMask(width, height, MaskType.PANOPTIC, num_classes)

    def is_semantic(self: SegmentationMask) -> bool:
        """Whether each pixel is its class."""
        return self.mask_type == MaskType.SEMANTIC

    def is_instance(self: SegmentationMask) -> bool:
        """Whether each pixel is the number of its object."""
        return self.mask_type == MaskType.INSTANCE

    def is_panoptic(self: SegmentationMask) -> bool:
        """Whether each pixel says both."""
        return self.mask_type == MaskType.PANOPTIC

    def data_size(self: SegmentationMask) -> int:
        """Bytes of the mask with one byte a pixel."""
        return self.width * self.height

    def data_size_u16(self: SegmentationMask) -> int:
        """Bytes of the mask with two bytes a pixel."""
        return 2 * self.width * self.height


@extend(Landmark)
class _Landmark:
    @staticmethod
    def visible(x: float, y: float, index: int = 0) -> Landmark:
        """A landmark of visibility 1."""
        return Landmark(x, y, 1.0, index)

    def is_visible(self: Landmark, threshold: float = 0.5) -> bool:
        """Whether the visibility is at least `threshold`, 0 to 1."""
        return self.visibility >= within("threshold", threshold, 0.0, 1.0)

    def distance_to(self: Landmark, other: Landmark) -> float:
        """The distance in the image, in the unit of x and y."""
        expect("other", other, Landmark)
        return math.hypot(other.x - self.x, other.y - self.y)


@extend(Landmark3D)
class _Landmark3D:
    @staticmethod
    def visible(x: float, y: float, z: float, index: int = 0) -> Landmark3D:
        """A landmark of visibility 1."""
        return Landmark3D(x, y, z, 1.0, index)

    def is_visible(self: Landmark3D, threshold: float = 0.5) -> bool:
        """Whether the visibility is at least `threshold`, 0 to 1."""
        return self.visibility >= within("threshold", threshold, 0.0, 1.0)

    def distance_to(self: Landmark3D, other: Landmark3D) -> float:
        """Metres between the two landmarks."""
        expect("other", other, Landmark3D)
        return math.dist((self.x, self.y, self.z), (other.x, other.y, other.z))

    def to_2d(self: Landmark3D) -> Landmark:
        """The same without z."""
        return Landmark(self.x, self.y, self.visibility, self.index)


@extend(LandmarkArray)
class _LandmarkArray:
    @staticmethod
    def coco_pose() -> LandmarkArray:
        """For the 17 key points of a body of the COCO data set, in the image."""
        return LandmarkArray(17, 2)

    @staticmethod
    def mediapipe_pose() -> LandmarkArray:
        """For the 33 landmarks of a body of MediaPipe Pose, in space."""
        return LandmarkArray(33, 3)

    @staticmethod
    def mediapipe_hand() -> LandmarkArray:
        """For the 21 landmarks of a hand of MediaPipe Hands, in space."""
        return LandmarkArray(21, 3)

    @staticmethod
    def mediapipe_face() -> LandmarkArray:
        """For the 468 landmarks of a face of MediaPipe Face Mesh, in space."""
        return LandmarkArray(468, 3)

    def data_size(self: LandmarkArray) -> int:
        """Bytes of the landmarks that follow, Landmark or Landmark3D.

        Raises ValueError when the dimension is neither 2 nor 3.
        """
        if self.dimension not in (2, 3):
            raise ValueError(f"LandmarkArray.dimension: {self.dimension} is neither 2 nor 3")
        return self.num_landmarks * size_of(Landmark if self.dimension == 2 else Landmark3D)
