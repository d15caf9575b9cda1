# SPDX-License-Identifier: Apache-2.0
"""Names that programs of the family use beside ours, and what they mean here."""
import itertools
import math
import threading
import time
import types

import numpy as np
import pytest

import horus
from horus import _rate, perception

_numbers = itertools.count()


@pytest.fixture
def name():
    return f"family/{next(_numbers)}"


# Ports


@pytest.mark.parametrize("port", [horus.Pub, horus.Sub])
@pytest.mark.parametrize("kind", [horus.CmdVel, "CmdVel", "Image", "dict", dict])
def test_msg_type_is_another_name_of_a_port_s_type(port, kind):
    assert port("a", msg_type=kind) == port("a", kind) == port("a", type=kind)
    assert port("a", msg_type=kind).msg_type == kind
    horus.Node(pubs=[port("a", msg_type=kind)] if port is horus.Pub else None,
               subs=[port("a", msg_type=kind)] if port is horus.Sub else None)


def test_two_types_of_one_port_are_refused():
    assert horus.Pub("a", horus.CmdVel, msg_type=horus.CmdVel).type is horus.CmdVel
    with pytest.raises(ValueError, match="they are one argument"):
        horus.Pub("a", horus.CmdVel, msg_type=horus.Pose2D)


def test_a_type_s_name_stands_for_the_type(name):
    node = horus.Node(pubs={name: "CmdVel"})
    topic = horus.Topic(name, msg_type="CmdVel")
    assert node.send(name, {"linear": 1.5, "angular": 0.0}) is True
    assert topic.recv() == horus.CmdVel(1.5, 0.0)
    with pytest.raises(TypeError, match="CmdVel"):
        topic.send(horus.Pose2D(0.0, 0.0, 0.0))


def test_a_name_that_no_type_has_is_a_value_error(name):
    with pytest.raises(ValueError, match="no message type 'CmdVle'"):
        horus.Topic(name, msg_type="CmdVle")
    with pytest.raises(ValueError, match="no message type 'CmdVle'"):
        horus.Node(pubs={name: "CmdVle"})


def test_a_topic_takes_msg_type_in_place_of_its_type_or_beside_a_name(name):
    assert horus.Topic(msg_type=horus.CmdVel, endpoint=name).name == name
    assert horus.Topic(msg_type=horus.CmdVel).name == "cmd_vel"
    for wrong in ({}, {"type_or_name": horus.CmdVel, "msg_type": horus.CmdVel}):
        with pytest.raises(TypeError, match="Topic\\(\\) takes a name, a type"):
            horus.Topic(**wrong)


# Topics


def test_is_generic_reads_as_a_value_and_as_a_call(name):
    typed = horus.Topic(horus.CmdVel, endpoint=name)
    values = horus.Topic(dict, endpoint=name + "/values")
    assert not typed.is_generic and typed.is_generic() is False
    assert values.is_generic and values.is_generic() is True
    assert repr(values.is_generic) == "True"


def test_a_topic_counts_what_it_refused_and_what_it_missed(name):
    full = horus.Topic(horus.CmdVel, 2, endpoint=name, policy="refuse")
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    sent = [full.try_send(horus.CmdVel(0.0, 0.0)) for _ in range(4)]
    assert sent == [True, True, False, False] and full.dropped_count() == 2
    assert reader.missed_count() == 0
    small = horus.Topic(horus.CmdVel, 2, endpoint=name + "/small")
    for _ in range(5):
        small.send(horus.CmdVel(0.0, 0.0))
    while small.recv() is not None:
        pass
    assert small.missed_count() == 3 and small.dropped_count() == 0


def test_send_blocking_waits_for_room_and_says_when_there_was_none(name):
    full = horus.Topic(horus.CmdVel, 1, endpoint=name, policy="refuse")
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    full.send_blocking(horus.CmdVel(1.0, 0.0), 0)
    for timeout in (0, 0.01):
        with pytest.raises(horus.HorusTimeoutError, match="was not sent"):
            full.send_blocking(horus.CmdVel(2.0, 0.0), timeout)
    # The GIL is free meanwhile: the reader is another thread.
    taken = []
    thread = threading.Thread(target=lambda: taken.append(reader.recv()))
    waits = threading.Thread(target=lambda: full.send_blocking(horus.CmdVel(3.0, 0.0), 60))
    waits.start()
    thread.start()
    thread.join()
    waits.join()
    assert [message.linear for message in (*taken, *reader.recv_all())] == [1.0, 3.0]
    for wrong in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="timeout_s"):
            full.send_blocking(horus.CmdVel(0.0, 0.0), wrong)


# Nodes and schedulers


def test_a_node_tells_what_it_was_told(name):
    node = horus.Node(name="arm", on_miss="safemode", failure_policy="restart", watchdog=2,
                      default_capacity=7, pubs=[name], subs=[name + "/in"])
    assert node.on_miss is horus.Miss.SAFE_MODE and node.failure_policy == "restart"
    assert node.watchdog == 2.0 and node.default_capacity == 7
    assert node.pub_topics == node.publishers() == [name]
    assert node.sub_topics == node.subscribers() == [name + "/in"]
    plain = horus.Node()
    assert plain.on_miss is horus.Miss.WARN
    assert plain.failure_policy is None and plain.watchdog is None


@pytest.mark.parametrize("policy", ["fatal", "restart", "skip", "ignore"])
def test_a_failure_policy_reads_as_it_was_given(policy):
    assert horus.Node(failure_policy=policy).failure_policy == policy


def test_a_scheduler_s_name_and_nodes():
    scheduler = horus.Scheduler(name="planner")
    scheduler.add(horus.Node(name="a", rate=50)).add(horus.Node(name="b", order=3))
    assert scheduler.scheduler_name == "planner" and scheduler.scheduler_name() == "planner"
    nodes = scheduler.get_all_nodes()
    assert [(node["name"], node["order"]) for node in nodes] == [("a", 0), ("b", 3)]
    assert nodes[0] == scheduler.get_node_stats("a")


def test_get_timestamp_ns_is_the_wall_clock():
    before = time.time_ns()
    assert before <= horus.get_timestamp_ns() <= time.time_ns()


# Rate


def test_a_rate_keeps_to_its_grid():
    rate = horus.Rate(200)
    assert rate.period() == 0.005 and rate.target_hz() == 200.0 and rate.actual_hz() == 200.0
    begin = time.monotonic()
    for _ in range(5):
        rate.sleep()
    assert time.monotonic() - begin >= 0.0249


def test_a_rate_gives_up_periods_that_a_turn_overran(monkeypatch):
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(_rate, "time", types.SimpleNamespace(monotonic=lambda: now[0],
                                                             sleep=sleep))
    rate = horus.Rate(4)
    rate.sleep()
    now[0] += 0.875
    rate.sleep()
    assert slept == [0.25], "at once: it is late"
    rate.sleep()
    assert slept == [0.25, 0.125], "to the next instant of the same grid; not a burst of turns"


def test_a_rate_measures_its_turns():
    rate = horus.Rate(1000)
    for _ in range(30):
        rate.sleep()
        time.sleep(0.005)
    assert 1 < rate.actual_hz() < 500
    rate.reset()
    assert rate.actual_hz() == 1000.0 and repr(rate).startswith("Rate(target=1000.0Hz")


@pytest.mark.parametrize("hz", [0, -1, math.nan, math.inf])
def test_a_rate_is_positive_and_finite(hz):
    with pytest.raises(ValueError, match="must be positive and finite"):
        horus.Rate(hz)


# Images and messages


@pytest.mark.parametrize("make", [lambda: horus.Image(2, 2), lambda: horus.PointCloud(3),
                                  lambda: horus.DepthImage(2, 2)])
def test_a_payload_s_setters_and_place(make):
    payload = make()
    payload.set_frame_id("camera")
    payload.set_timestamp_ns(5)
    assert payload.frame_id == "camera" and payload.timestamp_ns == 5
    assert payload.device == "cpu" and payload.is_gpu() is False


def test_a_tensor_is_on_the_cpu():
    assert horus.Tensor.zeros((2,)).is_gpu() is False


def test_an_imu_s_quaternion_by_component_and_as_a_message():
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    imu.orientation = [0.1, 0.2, 0.3, 0.9]
    assert (imu.qx, imu.qy, imu.qz, imu.qw) == (0.1, 0.2, 0.3, 0.9)
    assert imu.orientation_quat() == horus.Quaternion(0.1, 0.2, 0.3, 0.9)


def test_odometry_takes_a_pose_and_a_twist():
    odometry = horus.Odometry()
    pose, twist = horus.Pose2D(1.0, 2.0, 0.5), horus.Twist(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    odometry.update(pose, twist)
    assert odometry.pose == pose and odometry.twist == twist
    odometry.update(1.0)
    assert odometry.pose.x == pytest.approx(1.0 + math.cos(0.5))
    for wrong in ((pose,), (pose, 1.0), (1.0, twist)):
        with pytest.raises(TypeError):
            odometry.update(*wrong)


# Perception


def box(class_name, confidence, **more):
    return horus.Detection(class_name, confidence, 1.0, 2.0, 3.0, 4.0, **more)


def test_a_list_of_detections():
    found = perception.DetectionList.from_list([box("cat", 0.9), box("dog", 0.25)])
    found.append(box("cat", 0.5))
    assert len(found) == 3 and [d.class_name for d in found] == ["cat", "dog", "cat"]
    assert found[0] == box("cat", 0.9) and found[-1] == box("cat", 0.5)
    assert found[1:] == horus.DetectionList([box("dog", 0.25), box("cat", 0.5)])
    assert [d.class_name for d in found.filter_confidence(0.5)] == ["cat", "cat"]
    assert len(found.filter_class("dog")) == 1
    assert found.to_dicts()[1] == {"class_name": "dog", "confidence": 0.25, "class_id": 0,
                                   "instance_id": 0, "bbox": (1.0, 2.0, 3.0, 4.0)}
    assert horus.DetectionList.from_bytes(found.to_bytes()) == found
    assert repr(found) == "DetectionList(3 detections)"


def test_a_list_of_detections_refuses_what_is_none():
    with pytest.raises(IndexError):
        horus.DetectionList()[0]
    with pytest.raises(TypeError, match="not dict"):
        horus.DetectionList([{}])
    with pytest.raises(TypeError, match="not str"):
        horus.DetectionList().append("cat")
    with pytest.raises(ValueError, match="no whole number"):
        horus.DetectionList.from_bytes(horus.DetectionList([box("cat", 1.0)]).to_bytes()[1:])


def test_points():
    point = horus.PointXYZ(2.0, 3.0, 6.0)
    assert point.distance() == 7.0 and point.distance_to(horus.PointXYZ(2.0, 0.0, 2.0)) == 5.0
    assert point.as_tuple() == (2.0, 3.0, 6.0) and point == horus.PointXYZ(2.0, 3.0, 6.0)
    assert point.to_numpy().dtype == np.float32 and point.to_numpy().tolist() == [2.0, 3.0, 6.0]
    coloured = horus.PointXYZRGB(1.0, 2.0, 3.0, 10, 20, 30)
    assert coloured.rgb() == (10, 20, 30) and coloured.xyz() == horus.PointXYZ(1.0, 2.0, 3.0)
    assert horus.PointXYZRGB().rgb() == (255, 255, 255)


def test_a_buffer_of_points_becomes_a_cloud():
    buffer = horus.PointCloudBuffer(10, "lidar")
    assert len(buffer) == 0 and buffer.to_numpy().shape == (0, 3)
    buffer.add_point(1, 2, 3)
    buffer.add_point(4, 5, 6)
    assert buffer[1] == horus.PointXYZ(4.0, 5.0, 6.0) and len(buffer) == 2
    assert buffer.to_numpy().dtype == np.float64
    assert np.frombuffer(buffer.to_bytes(), "<f4").tolist() == [1, 2, 3, 4, 5, 6]
    again = horus.PointCloudBuffer.from_numpy(buffer.to_numpy(), "map")
    assert list(again) == list(buffer) and again.frame_id == "map"
    cloud = buffer.to_point_cloud()
    assert cloud.frame_id == "lidar" and cloud.to_numpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    for wrong in (np.zeros(3), np.zeros((2, 4))):
        with pytest.raises(ValueError, match="shape \\(n, 3\\)"):
            horus.PointCloudBuffer.from_numpy(wrong)
    with pytest.raises(ValueError, match="capacity"):
        horus.PointCloudBuffer(-1)


def test_the_key_points_of_a_body():
    assert horus.COCOPose.NOSE == 0 and horus.COCOPose.RIGHT_ANKLE == 16
    assert horus.COCOPose.NUM_KEYPOINTS == 17 and len(horus.COCOPose) == 17
    assert set(perception.__all__) <= set(dir(perception))
