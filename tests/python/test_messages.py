# SPDX-License-Identifier: Apache-2.0
"""Message objects: what they take, what they hold, what can be done with them."""
import copy
import gc
import math
import pickle
import struct
import sys

import numpy as np
import pytest

import horus

# name: (bytes, required constructor arguments, optional ones with their defaults)
CONSTRUCTORS = {
    "CmdVel": (16, ["linear", "angular"], {"timestamp_ns": 0}),
    "Pose2D": (32, ["x", "y", "theta"], {"timestamp_ns": 0}),
    "Imu": (304, ["accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z"],
            {"timestamp_ns": 0}),
    "Odometry": (736, [], {"x": 0.0, "y": 0.0, "theta": 0.0, "linear_velocity": 0.0,
                           "angular_velocity": 0.0, "timestamp_ns": 0}),
    "LaserScan": (1480, [], {"angle_min": 0.0, "angle_max": 0.0, "angle_increment": 0.0,
                             "range_min": 0.0, "range_max": 0.0, "ranges": None,
                             "timestamp_ns": 0}),
    "JointState": (912, [], {"names": None, "positions": None, "velocities": None,
                             "efforts": None, "timestamp_ns": 0}),
    "Twist": (56, [], {"linear_x": 0.0, "linear_y": 0.0, "linear_z": 0.0, "angular_x": 0.0,
                       "angular_y": 0.0, "angular_z": 0.0, "timestamp_ns": 0}),
}
EXAMPLES = [
    horus.CmdVel(1.5, -0.5, 7), horus.Pose2D(1, 2, 3), horus.Imu(1, 2, 3, 4, 5, 6),
    horus.Odometry(1, 2, 3, 4, 5, 6), horus.LaserScan(ranges=[1.0, 2.0], range_max=5.0),
    horus.JointState(["a", "b"], [1.0, 2.0], [3.0, 4.0]), horus.Twist(1, 2, 3, 4, 5, 6),
]
each_example = pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
each_class = pytest.mark.parametrize("name", CONSTRUCTORS)


@each_class
def test_a_message_has_the_size_of_its_layout(name):
    size, required, _ = CONSTRUCTORS[name]
    message = getattr(horus, name)(*range(len(required)))
    assert len(memoryview(message).tobytes()) == size


@each_class
def test_arguments_come_in_the_declared_order_by_place_and_by_name(name):
    _, required, optional = CONSTRUCTORS[name]
    cls = getattr(horus, name)
    assert cls.__match_args__ == (*required, *optional)
    values = {argument: float(i + 1) for i, argument in enumerate(required)}
    assert cls(**values) == cls(*values.values())
    numbers = {argument: i + 1 for i, argument in enumerate(cls.__match_args__)
               if optional.get(argument, 0) is not None}
    message = cls(**numbers)
    assert {argument: getattr(message, argument) for argument in numbers} == numbers


@each_class
def test_what_is_left_out_has_its_default(name):
    _, required, optional = CONSTRUCTORS[name]
    message = getattr(horus, name)(*range(len(required)))
    for argument, default in optional.items():
        value = getattr(message, argument)
        if default is None:
            assert not any(value)
        else:
            assert value == default and type(value) is type(default)


@each_class
def test_a_wrong_call_of_a_constructor_is_a_type_error_that_names_the_argument(name):
    _, required, optional = CONSTRUCTORS[name]
    cls = getattr(horus, name)
    everything = [*required, *optional]
    with pytest.raises(TypeError, match="no constructor argument 'colour'"):
        cls(*range(len(required)), colour=3)
    with pytest.raises(TypeError, match=f"at most {len(everything)} arguments"):
        cls(*[0] * (len(everything) + 1))
    with pytest.raises(TypeError, match="two values for 'timestamp_ns'"):
        cls(*[None if optional.get(a, 0) is None else 0 for a in everything], timestamp_ns=0)
    if required:
        with pytest.raises(TypeError, match=f"needs the argument '{required[-1]}'"):
            cls(*range(len(required) - 1))


@each_example
def test_copies_are_equal_and_independent(message):
    cls = type(message)
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message)),
                 cls.from_bytes(memoryview(message).tobytes()), cls.from_bytes(bytes(message))):
        assert type(twin) is cls and twin == message and not twin != message
        twin.timestamp_ns += 1
        assert twin != message and not twin == message


@each_example
def test_a_message_can_be_read_back_from_its_repr(message):
    if type(message) is horus.LaserScan:
        assert "ranges=<360 values>" in repr(message)
        return
    assert eval(repr(message), vars(horus).copy()) == message


@each_example
def test_the_buffer_is_the_memory_of_the_message(message):
    message = copy.copy(message)
    view = memoryview(message)
    assert (view.ndim, view.readonly, view.itemsize) == (0, False, view.nbytes)
    record = np.asarray(message)
    record["timestamp_ns"] = 1234
    assert message.timestamp_ns == 1234
    assert np.array(message).dtype == record.dtype


@each_example
def test_messages_are_no_dictionary_keys_and_have_no_order(message):
    with pytest.raises(TypeError, match="unhashable"):
        hash(message)
    with pytest.raises(TypeError, match="not supported"):
        message < message
    assert message != 3 and message != horus.CmdVel(9, 9)
    with pytest.raises(AttributeError):
        message.colour = "red"
    with pytest.raises(TypeError, match="cannot be deleted"):
        del message.timestamp_ns
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (type(message),), {})
    with pytest.raises(ValueError, match="bytes, not 3"):
        type(message).from_bytes(b"abc")


def test_not_a_number_equals_nothing():
    assert horus.CmdVel(math.nan, 0) != horus.CmdVel(math.nan, 0)
    assert horus.CmdVel(-0.0, 0) == horus.CmdVel(0.0, 0)


def test_fields_lie_at_the_offsets_of_the_layout():
    assert struct.unpack("<Qff", horus.CmdVel(1.5, -2.5, 77)) == (77, 1.5, -2.5)
    raw = bytes(horus.JointState(["left"], [1.0], timestamp_ns=5))
    assert raw[:5] == b"left\0" and raw[512] == 1
    assert struct.unpack_from("<d", raw, 520) == (1.0,)
    assert struct.unpack_from("<Q", raw, 904) == (5,)


@pytest.mark.parametrize("set_it, says", [
    (lambda: horus.LaserScan(ranges=[0.0] * 361),
     "LaserScan.ranges: 361 values, the capacity is 360"),
    (lambda: setattr(horus.Imu(1, 2, 3, 4, 5, 6), "orientation_covariance", [0.0] * 3),
     "Imu.orientation_covariance: 3 values, it takes 9"),
    (lambda: setattr(horus.Imu(1, 2, 3, 4, 5, 6), "orientation", np.zeros(3)),
     "Imu.orientation: 3 values, it takes 4"),
    (lambda: setattr(horus.PathPlan(), "goal_pose", []),
     "PathPlan.goal_pose: 0 values, it takes 3"),
    (lambda: horus.JointState(positions=[0.0] * 17),
     "JointState.positions: 17 values, the capacity is 16"),
    (lambda: horus.JointState(names=["x" * 40]),
     "JointState.names: 40 bytes, the capacity is 31"),
    (lambda: horus.JointState(names=["ä" * 16]),
     "JointState.names: 32 bytes, the capacity is 31"),
    (lambda: setattr(horus.Odometry(), "frame_id", "x" * 32),
     "Odometry.frame_id: 32 bytes, the capacity is 31"),
    (lambda: setattr(horus.Odometry(), "frame_id", "a\0b"), "may not contain zero bytes"),
    (lambda: horus.CmdVel(0, 0, -1), "CmdVel.timestamp_ns: -1 does not fit into 64 bits"),
    (lambda: horus.CmdVel(0, 0, 2 ** 64), "does not fit into 64 bits"),
    (lambda: setattr(horus.JointState(), "joint_count", 256), "does not fit into 8 bits"),
])
def test_what_does_not_fit_is_never_cut(set_it, says):
    with pytest.raises(ValueError, match=says):
        set_it()


@pytest.mark.parametrize("set_it, says", [
    (lambda: horus.CmdVel("fast", 0), "CmdVel.linear must be a number, not str"),
    (lambda: horus.CmdVel(0, 0, 1.5), "CmdVel.timestamp_ns must be an integer, not float"),
    (lambda: horus.LaserScan(ranges=5), "LaserScan.ranges must be a sequence, not int"),
    (lambda: horus.JointState(names="ab"), "JointState.names must be a sequence, not str"),
    (lambda: horus.JointState(names=[3]), "JointState.names must be str, not int"),
    (lambda: setattr(horus.Odometry(), "frame_id", 3), "Odometry.frame_id must be str, not int"),
    (lambda: setattr(horus.Odometry(), "pose", 3), "Odometry.pose must be horus.Pose2D, not int"),
])
def test_a_wrong_type_names_the_field(set_it, says):
    with pytest.raises(TypeError, match=says):
        set_it()


def test_array_fields_are_views_of_the_message():
    imu = horus.Imu(1, 2, 3, 4, 5, 6)
    view = imu.linear_acceleration
    view[0] = 9.0
    assert imu.accel_x == 9.0
    imu.accel_y = 8.0
    assert view.tolist() == [9.0, 8.0, 3.0]
    del imu
    assert view.tolist() == [9.0, 8.0, 3.0]  # It holds its message.


def test_nested_messages_are_views_too():
    odometry = horus.Odometry(x=1.0)
    pose = odometry.pose
    pose.x = 5.0
    assert odometry.x == 5.0
    odometry.pose = horus.Pose2D(1, 2, 3)
    assert (pose.x, pose.y, pose.theta) == (1.0, 2.0, 3.0)
    odometry.twist = {"linear_x": 7.0}
    assert odometry.linear_velocity == 7.0
    del odometry
    assert pose.x == 1.0


def test_counted_arrays_are_as_long_as_what_was_given():
    state = horus.JointState(["a", "b"], np.array([1.0, 2.0]))
    assert state.names == ["a", "b"] and state.joint_count == 2
    assert state.positions.tolist() == [1.0, 2.0]
    assert state.velocities.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("values", [
    [1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3]), np.array([1.0, 9, 2.0, 9, 3.0])[::2],
    np.array([1, 2, 3], dtype=np.uint8), np.array([1.0, 2.0, 3.0], dtype=">f8"), range(1, 4)],
    ids=str)
def test_an_array_field_takes_every_kind_of_sequence(values):
    assert horus.LaserScan(ranges=values).ranges[:4].tolist() == [1.0, 2.0, 3.0, 0.0]


def test_an_array_with_a_count_of_its_own_can_become_shorter():
    path = horus.NavPath()
    path.waypoints = [horus.Waypoint(float(i)) for i in range(5)]
    assert path.waypoint_count == 5 and [point.x for point in path.waypoints] == [0, 1, 2, 3, 4]
    path.waypoints = path.waypoints[1:3]
    assert path.waypoint_count == 2 and [point.x for point in path.waypoints] == [1, 2]
    path.waypoints = []
    assert path.waypoint_count == 0 and path.waypoints == []


def test_messages_of_an_array_can_change_their_places():
    path = horus.NavPath()
    path.waypoints = [horus.Waypoint(float(i)) for i in range(3)]
    path.waypoints = path.waypoints[::-1]
    assert [point.x for point in path.waypoints] == [2, 1, 0]
    path.waypoints[1].x = 7.0
    assert [point.x for point in path.waypoints] == [2, 7, 0]


def test_an_array_of_messages_is_unchanged_by_what_is_not_one():
    path = horus.NavPath()
    path.waypoints = [horus.Waypoint(1.0), {"x": 2.0}]
    with pytest.raises(TypeError, match="NavPath.waypoints must be horus.Waypoint, not int"):
        path.waypoints = [horus.Waypoint(9.0), 3]
    with pytest.raises(ValueError, match="NavPath.waypoints: 257 values, the capacity is 256"):
        path.waypoints = [horus.Waypoint()] * 257
    assert [point.x for point in path.waypoints] == [1, 2]


@pytest.mark.parametrize("byte", [1, 2, 0x80, 0xff])
def test_a_flag_from_elsewhere_is_true_whatever_bit_is_set(byte):
    raw = bytearray(bytes(horus.EmergencyStop(False)))
    raw[0] = byte
    stop = horus.EmergencyStop.from_bytes(raw)
    assert stop.engaged is True and stop == horus.EmergencyStop(
        True, timestamp_ns=stop.timestamp_ns)


def test_a_message_without_arguments_shows_its_fields():
    status = horus.SafetyStatus()
    status.mode = 2
    assert repr(status).startswith("SafetyStatus(enabled=True, ") and "mode=2" in repr(status)


def test_patterns_match_by_the_constructors_arguments():
    match horus.CmdVel(1.0, 2.0):
        case horus.CmdVel(linear, angular):
            assert (linear, angular) == (1.0, 2.0)


def test_arguments_given_by_name_come_in_any_order():
    assert horus.CmdVel(angular=0.5, linear=1.0) == horus.CmdVel(1.0, 0.5)
    assert horus.CmdVel(1.0, timestamp_ns=3, angular=0.5) == horus.CmdVel(1.0, 0.5, 3)
    with pytest.raises(TypeError, match="extra"):
        horus.CmdVel(linear=1.0, angular=0.5, timestamp_ns=3, extra=1)


def test_messages_that_are_freed_leave_no_memory_and_no_reference_behind():
    def make_many():
        many = [horus.CmdVel(1.0, 0.5) for _ in range(1000)]
        del many
        for _ in range(10_000):
            horus.CmdVel(1.0, 0.5)
        gc.collect()
        return sys.getrefcount(horus.CmdVel), sys.getallocatedblocks()

    references, blocks = make_many()
    again = make_many()
    assert again[0] == references
    assert again[1] < blocks + 500


def test_a_freed_view_lets_go_of_the_message_that_it_shows():
    odometry = horus.Odometry()
    before = sys.getrefcount(odometry)
    view = odometry.pose
    assert sys.getrefcount(odometry) == before + 1
    del view
    assert sys.getrefcount(odometry) == before
