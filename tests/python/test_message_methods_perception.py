# SPDX-License-Identifier: Apache-2.0
"""Methods of boxes, detections, masks, landmarks and tracks."""
import math

import pytest

import horus
from horus import MaskType, TrackState

NAN = math.nan
BOX = horus.BoundingBox2D(10, 20, 30, 40)


def test_a_box_has_a_centre_an_area_and_corners():
    assert (BOX.center_x, BOX.center_y, BOX.area) == (25, 40, 1200)
    assert BOX.as_tuple() == (10, 20, 30, 40) and BOX.as_xyxy() == (10, 20, 40, 60)
    assert horus.BoundingBox2D.from_center(25, 40, 30, 40) == BOX
    assert horus.BoundingBox2D(0, 0, -2, 3).area == horus.BoundingBox2D(0, 0, -2, -3).area == 0
    assert horus.BoundingBox2D(0, 0, 0.5, 0.25).area == 0.125


@pytest.mark.parametrize("name", ["center_x", "center_y", "area"])
def test_what_is_computed_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(BOX, name, 3)


@pytest.mark.parametrize("one, other, share", [
    ((0, 0, 2, 2), (0, 0, 2, 2), 1.0), ((0, 0, 2, 2), (1, 0, 2, 2), 1 / 3),
    ((0, 0, 2, 2), (1, 1, 2, 2), 1 / 7), ((0, 0, 4, 4), (1, 1, 2, 2), 0.25),
    ((0, 0, 0.5, 0.5), (0.25, 0, 0.5, 0.5), 1 / 3),
    ((0, 0, 2, 2), (2, 0, 2, 2), 0.0), ((0, 0, 2, 2), (5, 5, 1, 1), 0.0),
    ((0, 0, 0, 0), (0, 0, 0, 0), 0.0), ((0, 0, 2, 2), (1, 1, 0, 0), 0.0),
    ((0, 0, -2, -2), (-2, -2, 4, 4), 0.0), ((NAN, 0, 2, 2), (0, 0, 2, 2), 0.0)])
def test_intersection_over_union(one, other, share):
    one, other = horus.BoundingBox2D(*one), horus.BoundingBox2D(*other)
    assert one.iou(other) == pytest.approx(share) == other.iou(one)


def test_a_box_in_space_may_be_turned():
    box = horus.BoundingBox3D.with_rotation(1, 2, 3, 4, 5, 6, 0.25, 0.5, 0.75)
    assert (box.cx, box.cy, box.cz, box.length, box.width, box.height) == (1, 2, 3, 4, 5, 6)
    assert (box.roll, box.pitch, box.yaw) == (0.25, 0.5, 0.75)
    assert box.volume == 120
    assert horus.BoundingBox3D(0, 0, 0, 0.5, 0.25, 0.5).volume == 0.0625
    assert horus.BoundingBox3D(0, 0, 0, 1, -1, 1).volume == 0
    with pytest.raises(AttributeError):
        box.volume = 3


@pytest.mark.parametrize("message, method", [
    (horus.Detection(confidence=0.75), "is_confident"),
    (horus.Landmark(visibility=0.75), "is_visible"),
    (horus.Landmark3D(visibility=0.75), "is_visible")])
def test_what_is_sure_enough_depends_on_the_threshold(message, method):
    ask = getattr(message, method)
    assert ask() is True and ask(0.75) is True and ask(0.8) is False and ask(threshold=1) is False
    for threshold in (-0.1, 1.5, NAN):
        with pytest.raises(ValueError, match=f"threshold: {threshold} is not within 0.0 to 1.0"):
            ask(threshold)


def test_what_is_not_a_number_is_not_sure():
    assert horus.Detection(confidence=NAN).is_confident(0) is False
    assert horus.Landmark(visibility=NAN).is_visible(0) is False


def test_detections_take_more_than_their_constructor_has():
    assert horus.Detection("cat", 0.5).with_class_id(7).class_id == 7
    found = horus.Detection3D("cat").with_velocity(1, 2, 3)
    assert (found.velocity_x, found.velocity_y, found.velocity_z) == (1, 2, 3)
    assert found.class_name == "cat"


@pytest.mark.parametrize("mask, kind, classes", [
    (horus.SegmentationMask.semantic(640, 480, 21), MaskType.SEMANTIC, 21),
    (horus.SegmentationMask.instance(640, 480), MaskType.INSTANCE, 0),
    (horus.SegmentationMask.instance(640, 480, 3), MaskType.INSTANCE, 3),
    (horus.SegmentationMask.panoptic(640, 480, 133), MaskType.PANOPTIC, 133)])
def test_a_mask_says_what_its_pixels_are(mask, kind, classes):
    assert (mask.width, mask.height, mask.num_classes) == (640, 480, classes)
    assert mask.mask_type == kind
    asked = [mask.is_semantic(), mask.is_instance(), mask.is_panoptic()]
    assert asked == [kind == each for each in MaskType]
    assert mask.data_size() == 307_200 and mask.data_size_u16() == 614_400


def test_the_size_of_a_mask_is_not_cut_to_32_bits():
    assert horus.SegmentationMask(2 ** 32 - 1, 2).data_size() == 2 ** 33 - 2
    assert horus.SegmentationMask().data_size_u16() == 0


def test_landmarks_in_the_image():
    landmark = horus.Landmark.visible(3, 4, 5)
    assert landmark == horus.Landmark(3, 4, 1.0, 5)
    assert horus.Landmark.visible(3, 4).index == 0
    assert landmark.distance_to(horus.Landmark(-3, -4)) == 10.0


def test_landmarks_in_space():
    landmark = horus.Landmark3D.visible(2, 3, 6, 5)
    assert landmark == horus.Landmark3D(2, 3, 6, 1.0, 5)
    assert horus.Landmark3D.visible(2, 3, 6).index == 0
    assert landmark.distance_to(horus.Landmark3D(-2, -3, -6)) == 14.0
    assert horus.Landmark3D(2, 3, 6, 0.5, 5).to_2d() == horus.Landmark(2, 3, 0.5, 5)


@pytest.mark.parametrize("name, count, dimension, size", [
    ("coco_pose", 17, 2, 272), ("mediapipe_pose", 33, 3, 660), ("mediapipe_hand", 21, 3, 420),
    ("mediapipe_face", 468, 3, 9360)])
def test_the_usual_models_of_landmarks(name, count, dimension, size):
    landmarks = getattr(horus.LandmarkArray, name)()
    assert (landmarks.num_landmarks, landmarks.dimension) == (count, dimension)
    assert landmarks.data_size() == size


@pytest.mark.parametrize("dimension", [0, 1, 4])
def test_landmarks_of_another_dimension_have_no_size(dimension):
    with pytest.raises(ValueError, match=f"dimension: {dimension} is neither 2 nor 3"):
        horus.LandmarkArray(17, dimension).data_size()


@pytest.mark.parametrize("call, says", [
    (lambda: BOX.iou((1, 2, 3, 4)), "other must be BoundingBox2D, not tuple"),
    (lambda: horus.Landmark().distance_to(horus.Landmark3D()), "other must be Landmark, not L"),
    (lambda: horus.Landmark3D().distance_to(3), "other must be Landmark3D, not int"),
    (lambda: horus.TrackedObject().update((1, 2, 3, 4), 0.5), "bbox must be BoundingBox2D, not t")])
def test_a_message_of_another_class_is_a_type_error(call, says):
    with pytest.raises(TypeError, match=says):
        call()


@pytest.mark.parametrize("size", [(-1, 2), (2, -1), (NAN, 1)])
def test_a_box_around_a_point_has_no_negative_side(size):
    with pytest.raises(ValueError, match="is not within 0.0 to inf"):
        horus.BoundingBox2D.from_center(0, 0, *size)


@pytest.mark.parametrize("velocity, speed, heading", [
    ((3, 4), 5, math.atan2(4, 3)), ((0, 0), 0, 0), ((-2, 0), 2, math.pi),
    ((0, -1), 1, -math.pi / 2)])
def test_a_track_moves(velocity, speed, heading):
    track = horus.TrackedObject(1)
    track.velocity_x, track.velocity_y = velocity
    assert track.velocity == velocity
    assert track.speed() == speed and track.heading() == pytest.approx(heading)
    with pytest.raises(AttributeError):
        track.velocity = (1, 2)


def test_a_new_track_is_expected_where_it_was_seen():
    track = horus.TrackedObject(1, 2, 3, width=4, height=5)
    assert track.predicted_bbox == track.bbox == horus.BoundingBox2D(2, 3, 4, 5)
    topic = horus.Topic(horus.TrackedObject, endpoint="expected")
    topic.send({"track_id": 1, "x": 2})
    assert topic.recv().predicted_bbox.x == 2


def test_a_track_moves_as_far_as_the_centre_of_its_box_from_image_to_image():
    track = horus.TrackedObject(1, 2, 3, 4, 5)
    track.update(horus.BoundingBox2D(3, 3, 8, 9), 0.5)
    assert track.velocity == (3.0, 2.0) and track.predicted_bbox.as_tuple() == (2, 3, 4, 5)
    track.update(horus.BoundingBox2D(3, 3, 8, 9), 0.5)
    assert track.velocity == (0.0, 0.0)


def test_a_track_is_tentative_then_confirmed_then_deleted():
    track = horus.TrackedObject(1)
    assert (track.is_tentative(), track.is_confirmed(), track.is_deleted()) == (True, False, False)
    track.confirm()
    assert (track.is_tentative(), track.is_confirmed(), track.is_deleted()) == (False, True, False)
    track.delete()
    assert (track.is_tentative(), track.is_confirmed(), track.is_deleted()) == (False, False, True)
    assert track.state == TrackState.DELETED


def test_a_track_ages_with_every_image():
    track = horus.TrackedObject(1)
    track.update(BOX, 0.5)
    track.mark_missed()
    track.mark_missed()
    assert (track.age, track.hits, track.time_since_update) == (3, 2, 2)
    assert track.bbox == BOX and track.confidence == 0.5
    track.update(horus.BoundingBox2D(1, 2, 3, 4), 1.0)
    assert (track.age, track.hits, track.time_since_update) == (4, 3, 0)
    assert track.bbox.as_tuple() == (1, 2, 3, 4) and track.confidence == 1.0
    assert track.is_tentative()


def test_the_counts_of_a_track_stay_at_their_most():
    track = horus.TrackedObject(1)
    most = 2 ** 32 - 1
    track.age = track.hits = track.time_since_update = most
    track.mark_missed()
    assert (track.age, track.time_since_update) == (most, most)
    track.update(BOX, 0.5)
    assert (track.age, track.hits, track.time_since_update) == (most, most, 0)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, NAN])
def test_a_refused_confidence_leaves_the_track_alone(confidence):
    track = horus.TrackedObject(1)
    with pytest.raises(ValueError, match=f"confidence: {confidence} is not within 0.0 to 1.0"):
        track.update(BOX, confidence)
    assert track == horus.TrackedObject(1)


def test_tracks_follow_their_header():
    assert horus.TrackingHeader(3).data_size() == 3 * 96
    assert horus.TrackingHeader().data_size() == 0
