# SPDX-License-Identifier: Apache-2.0
"""No value gets another meaning on its way into a message; what a message says when it is new."""
import collections
import math

import horus
import numpy as np
import pytest

BELOW = 3.4e38  # A little less than a single-precision number holds.


@pytest.mark.parametrize("value", ["false", "", 0, 1, None, [], 0.0])
@pytest.mark.parametrize("give", [
    lambda value: horus.MotorCommand(enable=value),
    lambda value: setattr(horus.MotorCommand(), "enable", value),
    lambda value: horus.Topic(horus.MotorCommand, endpoint="motor").send({"enable": value}),
    lambda value: setattr(horus.PointCloud(1), "is_dense", value),
])
def test_a_boolean_is_true_or_false_and_nothing_else(give, value):
    with pytest.raises(TypeError, match="True or False"):
        give(value)


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_numpys_booleans_are_booleans(value):
    assert horus.MotorCommand(enable=value).enable is bool(value)


@pytest.mark.parametrize("flag", ["rt", "verbose", "deterministic"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_flags_of_a_scheduler_are_booleans(flag, value):
    with pytest.raises(TypeError):
        horus.Scheduler(**{flag: value})


@pytest.mark.parametrize("value", [1e300, -1e300, 3.5e38, 10 ** 300, np.float64(1e300)])
@pytest.mark.parametrize("give", [
    lambda value: horus.CmdVel(value, 0.0),
    lambda value: horus.CmdVel(linear=value, angular=0.0),
    lambda value: setattr(horus.CmdVel(0, 0), "angular", value),
    lambda value: horus.LaserScan(ranges=[1.0, value]),
    lambda value: horus.LaserScan(ranges=np.array([1.0, float(value)])),
    lambda value: horus.LaserScan(ranges=np.array([0, 1.0, 0, float(value)])[1::2]),
    lambda value: horus.LaserScan(ranges=np.array([float(value)], dtype=np.longdouble)),
    lambda value: horus.Topic(horus.CmdVel).send({"linear": value, "angular": 0.0}),
])
def test_a_number_that_single_precision_does_not_hold_is_refused(give, value):
    with pytest.raises(ValueError, match="does not fit into 32 bits"):
        give(value)


def test_a_number_that_double_precision_does_not_hold_is_refused_by_name():
    for field in ("linear", "angular"):
        with pytest.raises(ValueError, match=f"CmdVel.{field}: the number does not fit"):
            setattr(horus.CmdVel(0, 0), field, 10 ** 400)
    with pytest.raises(ValueError, match="Pose2D.x: the number does not fit into 64 bits"):
        horus.Pose2D(10 ** 400, 0, 0)


@pytest.mark.parametrize("message, count, most", [
    (horus.JointState(), "joint_count", 16), (horus.JointCommand(), "joint_count", 16),
    (horus.BatteryState(), "cell_count", 16), (horus.NavPath(), "waypoint_count", 256)])
def test_a_count_is_not_above_what_its_arrays_hold(message, count, most):
    setattr(message, count, most)
    with pytest.raises(ValueError, match=f"{count}: {most + 1} elements, the capacity is {most}"):
        setattr(message, count, most + 1)
    assert getattr(message, count) == most


@pytest.mark.parametrize("value", [math.inf, -math.inf, BELOW, -BELOW])
def test_infinity_and_what_fits_are_kept(value):
    kept = np.float32(value)
    assert horus.CmdVel(value, 0.0).linear == kept
    assert horus.LaserScan(ranges=[value]).ranges[0] == kept
    assert horus.LaserScan(ranges=np.array([value])).ranges[0] == kept


@pytest.mark.parametrize("arrays", [
    {"names": ["a", "b", "c"], "positions": [1.0]},
    {"positions": [1.0], "names": ["a", "b", "c"]},
    {"positions": [0.0, 0.0], "velocities": [0.0]},
    {"efforts": [1.0], "positions": np.zeros(2)},
])
@pytest.mark.parametrize("cls", [horus.JointState, horus.JointCommand])
def test_arrays_that_belong_together_have_one_length(cls, arrays):
    with pytest.raises(ValueError, match="one length"):
        cls(**arrays)
    with pytest.raises(ValueError, match="one length"):
        horus.Topic(cls, endpoint=f"joints/{cls.__name__}").send(arrays)
    message = cls()
    first, second = arrays
    setattr(message, {"names": message_names(cls)}.get(first, first), arrays[first])
    with pytest.raises(ValueError, match="joint_count"):
        setattr(message, {"names": message_names(cls)}.get(second, second), arrays[second])


@pytest.mark.parametrize("values", [
    {"a", "b"}, frozenset({"a", "b"}), {"a": 1.0, "b": 2.0}, collections.Counter("ab")])
def test_what_has_no_order_is_no_list_of_texts(values):
    for give in (lambda: horus.JointState(names=values, positions=[1.0, 2.0]),
                 lambda: setattr(horus.JointCommand(), "joint_names", values),
                 lambda: horus.Topic(horus.JointState, endpoint="joints").send({"names": values})):
        with pytest.raises(TypeError, match="names must be a sequence, not"):
            give()


@pytest.mark.parametrize("values", [{1.0, 2.0}, {1.0: "a", 2.0: "b"}, b"ab", bytearray(b"ab")])
def test_what_has_no_order_or_other_elements_is_no_list_of_numbers(values):
    with pytest.raises(TypeError, match="positions must be a sequence, not"):
        horus.JointState(names=["a", "b"], positions=values)
    with pytest.raises(TypeError, match="forces must be a sequence, not"):
        horus.TactileArray(1, 2).forces = values


def test_bytes_are_a_list_of_bytes():
    command = horus.JointCommand(names=["a", "b"], positions=[1.0, 2.0], modes=bytes([0, 1]))
    assert command.modes.tolist() == [0, 1]


class Shrinks:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return [1.0, 2.0][index]


def test_a_sequence_that_gives_less_than_it_says_is_refused():
    with pytest.raises(ValueError, match="positions: 2 values, where their number is said to be 3"):
        horus.JointState(names=["a", "b", "c"], positions=Shrinks())


MASKED = np.ma.masked_array([1.0, 2.0], [False, True])


def test_a_masked_value_is_none_that_was_measured():
    with pytest.warns(UserWarning, match="masked element to nan"):
        scan = horus.LaserScan(ranges=MASKED)
    assert scan.ranges[0] == 1.0 and math.isnan(scan.ranges[1])
    assert horus.LaserScan(ranges=np.ma.masked_array([1.0, 2.0])).ranges[1] == 2.0
    with pytest.raises(TypeError, match="cannot send an object of type .*MaskedArray"):
        horus.Topic("masked").send({"ranges": MASKED})


@pytest.mark.parametrize("give", [
    lambda: horus.Image.from_numpy(np.ma.masked_equal(np.zeros((2, 2), np.uint8), 0)),
    lambda: horus.Image(1, 2, "mono8").copy_from(MASKED.astype(np.uint8).reshape(1, 2)),
    lambda: horus.DepthImage.from_numpy(MASKED.reshape(1, 2)),
    lambda: horus.PointCloud.from_numpy(MASKED.reshape(1, 2)),
    lambda: horus.Tensor.from_numpy(MASKED),
    lambda: horus.Tensor.empty([2], "float64").fill(MASKED),
])
def test_what_is_masked_is_no_element_of_a_frame(give):
    with pytest.raises(ValueError, match=r"masked values; say what they are, with array.filled"):
        give()


@pytest.mark.parametrize("value", [1j, np.complex64(1 + 2j), np.complex128(1.0)])
def test_a_complex_number_is_no_number_of_a_message(value):
    with pytest.raises(TypeError, match="must be a number, not"):
        horus.CmdVel(value, 0.0)
    with pytest.raises(TypeError, match="must be a number, not"):
        horus.JointState(positions=np.array([value]))


def test_more_than_double_precision_holds_is_refused_in_a_longdouble_too():
    huge = np.longdouble("1e4000")
    if np.isinf(huge):
        pytest.skip("a longdouble is a double here")
    for give in (lambda: horus.Pose2D(huge, 0, 0), lambda: horus.CmdVel(huge, 0),
                 lambda: horus.JointState(positions=np.array([huge]))):
        with pytest.raises(ValueError, match="does not fit into"):
            give()
    assert horus.Pose2D(np.longdouble("inf"), 0, 0).x == math.inf


def message_names(cls):
    return "names" if cls is horus.JointState else "joint_names"


def test_an_empty_array_says_nothing_and_the_count_changes_the_length():
    state = horus.JointState(names=["a", "b"], positions=[1.0, 2.0], velocities=[], efforts=[])
    assert state.joint_count == 2 and state.velocities.tolist() == [0.0, 0.0]
    state.positions = [3.0, 4.0]
    state.joint_count = 3
    state.positions = [1.0, 2.0, 3.0]
    assert state.names == ["a", "b", ""] and state.positions.tolist() == [1.0, 2.0, 3.0]


def test_a_joint_that_cannot_be_added_changes_nothing():
    command = horus.JointCommand()
    command.add_position("a", 1.0)
    with pytest.raises(ValueError, match="32 bytes"):
        command.add_velocity("x" * 32, 1.0)
    assert command.joint_count == 1 and command.joint_names == ["a"]


@pytest.mark.parametrize("cls", [
    horus.Heartbeat, horus.EmergencyStop, horus.DiagnosticStatus, horus.SafetyStatus,
    horus.CameraInfo, horus.CompressedImage, horus.OccupancyGrid, horus.PlaneDetection,
    horus.ResourceUsage, horus.ImpedanceParameters])
def test_these_know_when_they_were_made(cls):
    before = horus.timestamp_ns()
    message = cls()
    assert before <= message.timestamp_ns <= horus.timestamp_ns()
    assert "is when it was made" in cls.__doc__


@pytest.mark.parametrize("cls", [horus.JoystickInput, horus.KeyboardInput])
def test_inputs_know_it_in_milliseconds(cls):
    before = horus.timestamp_ns() // 1_000_000
    assert before <= cls().timestamp_ms <= horus.timestamp_ns() // 1_000_000


# A command, gains, a place or a velocity that is made here is of now.
VECTOR, POSE = horus.Vector3(0.0, 0.0, 1.0), horus.Pose2D(1.0, 2.0, 0.5)
MAKERS = {
    "CmdVel.zero": (), "Pose2D.origin": (), "Pose3D.identity": (), "TransformStamped.identity": (),
    "TransformStamped.from_pose_2d": (POSE,), "Twist.stop": (), "Twist.new_2d": (1.0, 0.5),
    "MotorCommand.velocity": (1, 2.0), "MotorCommand.position": (1, 2.0),
    "MotorCommand.stop": (1,), "ServoCommand.from_degrees": (1, 90.0),
    "ServoCommand.with_speed": (1, 0.5, 0.25), "ServoCommand.disable": (1,),
    "DifferentialDriveCommand.stop": (),
    "DifferentialDriveCommand.from_twist": (1.0, 0.0, 0.4, 0.1),
    "PidConfig.proportional": (1.0,), "PidConfig.pi": (1.0, 0.5), "PidConfig.pd": (1.0, 0.5),
    "WrenchStamped.force_only": (VECTOR,), "WrenchStamped.torque_only": (VECTOR,),
    "ForceCommand.force_only": (VECTOR,), "ForceCommand.surface_contact": (5.0, VECTOR),
    "HapticFeedback.vibration": (0.5, 100.0, 2.0), "HapticFeedback.pulse": (0.5, 100.0, 2.0),
    "HapticFeedback.force": (VECTOR, 2.0), "NavSatFix.from_coordinates": (48.0, 11.0),
    "PathPlan.from_waypoints": ([(1.0, 2.0, 0.5)],),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_what_a_helper_makes_is_of_now(maker):
    cls, method = maker.split(".")
    before = horus.timestamp_ns()
    made = getattr(getattr(horus, cls), method)(*MAKERS[maker])
    assert before <= made.timestamp_ns <= horus.timestamp_ns()


@pytest.mark.parametrize("message, change", [
    (horus.ImpedanceParameters(), lambda m: m.enable()),
    (horus.ImpedanceParameters(), lambda m: m.disable()),
    (horus.Odometry(), lambda m: m.update(POSE, horus.Twist(0.5)))])
def test_what_sets_the_state_of_now_is_of_now(message, change):
    message.timestamp_ns = 5
    before = horus.timestamp_ns()
    change(message)
    assert before <= message.timestamp_ns <= horus.timestamp_ns()


def test_the_velocity_of_a_stop_is_of_now():
    before = horus.timestamp_ns()
    assert before <= horus.Waypoint(1.0, 2.0).with_stop().velocity.timestamp_ns


def test_a_camera_projects_by_its_own_matrix_until_another_is_set():
    camera = horus.CameraInfo(640, 480, 500.0, 501.0, cx=320.0, cy=240.0)
    assert camera.projection_matrix.tolist() == [
        500.0, 0.0, 320.0, 0.0, 0.0, 501.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert horus.CameraInfo().projection_matrix.tolist() == [0.0] * 10 + [1.0, 0.0]
    topic = horus.Topic(horus.CameraInfo, endpoint="projects")
    topic.send({"fx": 300.0})
    assert topic.recv().projection_matrix[0] == 300.0


def test_a_time_that_is_given_is_kept_and_others_stay_0():
    assert horus.Heartbeat(timestamp_ns=5).timestamp_ns == 5
    assert horus.EmergencyStop(timestamp_ns=0).timestamp_ns == 0
    topic = horus.Topic(horus.Heartbeat, endpoint="beats")
    topic.send({"node_id": 3})
    assert topic.recv().timestamp_ns > 0
    assert horus.CmdVel(1, 2).timestamp_ns == horus.JointState().timestamp_ns == 0


def test_what_new_messages_say():
    safety = horus.SafetyStatus()
    assert safety.enabled and safety.watchdog_ok and safety.limits_ok and safety.comms_ok
    assert not safety.estop_engaged and safety.is_safe()
    fix = horus.NavSatFix(48.1, 11.6)
    assert fix.has_fix() and fix.hdop == pytest.approx(99.9)
    assert fix.horizontal_accuracy() == pytest.approx(499.5)
    assert horus.PlaneDetection().confidence == 0.5
    assert horus.NavGoal().priority == horus.TrackedObject().hits == 1
    imu = horus.Imu(0, 0, 9.8, 0, 0, 0)
    assert imu.orientation_covariance.tolist() == [-1.0] * 9
    imu.set_orientation_from_euler(0, 0, 1)
    assert imu.has_orientation()
    arm = horus.ImpedanceParameters()
    assert arm.stiffness.tolist() == [1000.0] * 3 + [100.0] * 3
    assert arm.damping.tolist() == [50.0] * 3 + [5.0] * 3
    assert arm.inertia.tolist() == [1.0] * 3 + [0.1] * 3
    assert arm.force_limits.tolist() == [50.0] * 3 + [5.0] * 3
    assert not arm.enabled and not horus.ImpedanceParameters.compliant().enabled


def test_a_stop_switches_the_motors_off():
    for stop in (horus.MotorCommand.stop(3), horus.DifferentialDriveCommand.stop()):
        assert stop.enable is False and stop.is_valid()


def test_places_on_a_map_are_in_metres_and_cells_have_names_of_their_own():
    grid = horus.OccupancyGrid(10, 10, 0.5)
    grid.set_occupancy(1, 2, 100)
    grid.set_occupancy(3, 3, 49)
    assert grid.is_occupied(0.6, 1.2) and not grid.is_free(0.6, 1.2)
    assert grid.is_free(1.6, 1.6) and not grid.is_occupied(1.6, 1.6)
    assert not grid.is_free(0.1, 0.1), "unknown"
    assert grid.is_occupied_cell(1, 2) and grid.is_free_cell(3, 3)
    assert not grid.is_free(100, 0) and not grid.is_occupied(-1, 0)
    assert not grid.is_free_cell(10, 0) and not grid.is_occupied_cell(0, -1)
    assert grid.occupancy(10, 0) is None
    costs = horus.CostMap(grid)
    costs.compute_costs()
    assert costs.cost(0.6, 1.2) == costs.cost_cell(1, 2) == costs.lethal_cost
    assert costs.cost(4.9, 4.9) == 255 and costs.cost(-1, 0) == costs.lethal_cost


def test_a_time_of_ours_becomes_the_other_clocks():
    assert horus.TimeReference(1000, "gps", 5).correct_timestamp(100) == 95


def test_words_read_as_words_and_numbers_as_they_were_given():
    assert f"{horus.Miss.SKIP}" == str(horus.Miss.SKIP) == "skip"
    node = horus.Node("n", lambda node: None, rate=30, budget=300 * horus.us)
    assert node.rate == 30 and node.budget == 300 * horus.us
    odd = horus.Node("m", lambda node: None, rate=1 / 3, budget=1 / 300, deadline=1 / 70,
                     watchdog=10 / 3)
    assert (odd.rate, odd.budget, odd.deadline, odd.watchdog) == (1 / 3, 1 / 300, 1 / 70, 10 / 3)
    scheduler = horus.Scheduler().add(odd)
    scheduler.set_tick_budget("m", 700)
    assert (odd.budget, odd.deadline) == (700 * horus.us, 1 / 70)
