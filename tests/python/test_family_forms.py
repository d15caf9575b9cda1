# SPDX-License-Identifier: Apache-2.0
"""Forms of arguments, lists and errors that programs of the family rely on, beside our own."""
import gc
import importlib
import itertools
import weakref

import numpy as np
import pytest

import horus
from horus import _family

_numbers = itertools.count()


@pytest.fixture
def name():
    return f"forms/{next(_numbers)}"


# Argument forms

VECTOR = horus.Vector3(1.0, 2.0, 2.0)


@pytest.mark.parametrize("vector_form, number_form", [
    (lambda: horus.WrenchStamped.force_only(VECTOR),
     lambda: horus.WrenchStamped.force_only(1.0, 2.0, 2.0)),
    (lambda: horus.WrenchStamped.force_only(force=VECTOR),
     lambda: horus.WrenchStamped.force_only(fx=1.0, fy=2.0, fz=2.0)),
    (lambda: horus.WrenchStamped.torque_only(VECTOR),
     lambda: horus.WrenchStamped(tx=1.0, ty=2.0, tz=2.0)),
    (lambda: horus.ForceCommand.force_only(target=VECTOR),
     lambda: horus.ForceCommand.force_only(1.0, 2.0, 2.0)),
    (lambda: horus.ForceCommand.surface_contact(6.0, VECTOR),
     lambda: horus.ForceCommand.surface_contact(6.0, 1.0, 2.0, 2.0)),
    (lambda: horus.HapticFeedback.force(VECTOR, 0.5),
     lambda: horus.HapticFeedback.force(1.0, 2.0, 2.0, 0.5)),
    (lambda: horus.HapticFeedback.force(force=VECTOR, duration=0.5),
     lambda: horus.HapticFeedback.force(1.0, 2.0, 2.0, duration=0.5)),
])
def test_a_vector_stands_for_three_numbers(vector_form, number_form):
    by_vector, by_numbers = vector_form(), number_form()
    by_vector.timestamp_ns = by_numbers.timestamp_ns = 0
    assert by_vector == by_numbers


@pytest.mark.parametrize("wrong, says", [
    (lambda: horus.WrenchStamped.force_only(VECTOR, 1.0), "give nothing beside it"),
    (lambda: horus.WrenchStamped.torque_only(1.0, 2.0), "three numbers"),
    (lambda: horus.WrenchStamped.force_only([1, 2, 3]), "three numbers"),
    (lambda: horus.ForceCommand.surface_contact(6.0, VECTOR, 1.0), "give nothing beside it"),
    (lambda: horus.HapticFeedback.force(VECTOR), "needs a duration"),
    (lambda: horus.HapticFeedback.force(VECTOR, 1.0, duration=0.5), "give nothing beside it"),
    (lambda: horus.ServoCommand.with_speed(1, 0.5), "servo_id, position and speed"),
    (lambda: horus.ServoCommand(1, 0.5).with_speed(0.5, 0.5), "one number"),
    (lambda: horus.ServoCommand(1, 0.5).with_speed(), "one number"),
    (lambda: horus.NavGoal().is_reached(current=horus.Pose2D(0, 0, 0), pose=horus.Pose2D(0, 0, 0)),
     "current= and pose= are one argument"),
])
def test_a_form_that_is_neither_is_a_type_error(wrong, says):
    with pytest.raises(TypeError, match=says):
        wrong()


def test_with_speed_makes_a_command_or_changes_one():
    made = horus.ServoCommand.with_speed(3, 0.5, 0.25)
    named = horus.ServoCommand.with_speed(servo_id=3, position=0.5, speed=0.25)
    made.timestamp_ns = named.timestamp_ns = 0
    assert made == named == horus.ServoCommand(3, 0.5, 0.25)
    assert horus.ServoCommand(3, 0.5).with_speed(0.25) == made
    assert horus.ServoCommand(3, 0.5).with_speed(speed=0.25) == made
    for slower in (lambda: made.with_speed(1.5), lambda: horus.ServoCommand.with_speed(3, 0, 1.5)):
        with pytest.raises(ValueError, match="speed: 1.5 is not within"):
            slower()


CALLS = [(cls, method, theirs, ours) for cls, methods in _family.NAMES.items()
         for method, names in methods.items() for theirs, ours in names.items()]


@pytest.mark.parametrize("cls, method, theirs, ours", CALLS)
def test_a_method_takes_the_family_s_name_of_an_argument(cls, method, theirs, ours):
    function = vars(getattr(horus, cls))[method]
    plain = getattr(function, "__func__", function)
    code = getattr(plain.__wrapped__, "__code__", None)
    if code is not None:
        assert ours in code.co_varnames[:code.co_argcount]
    else:  # Of C++: its first line of text has them.
        assert f" {ours}: " in plain.__doc__.splitlines()[0]
    # Both at once: known, and one argument.
    with pytest.raises(TypeError, match=f"{theirs}= and {ours}= are one argument"):
        plain(**{theirs: 0, ours: 0})


def test_arguments_by_the_family_s_names():
    assert horus.BoundingBox2D.from_center(cx=2, cy=3, width=2, height=2).as_xyxy() == (1, 2, 3, 4)
    assert horus.Clock.replay_time(replay_ns=5, speed=2.0).clock_ns == 5
    assert horus.NavSatFix.from_coordinates(lat=1.0, lon=2.0, alt=3.0).altitude == 3.0
    assert horus.TrajectoryPoint.new_2d(x=0, y=0, vx=1, vy=0, time=2.0).time_from_start == 2.0
    assert horus.PlaneDetection(0, 0, 1).distance_to_point(px=0, py=0, pz=2.0) == 2.0
    assert horus.JoystickInput.new_axis(1, 2, name="x", value=0.5).element_name == "x"
    odometry = horus.Odometry()
    odometry.set_frames(frame="odom", child_frame="base")
    odometry.update(pose=horus.Pose2D(1, 2, 0), twist=horus.Twist())
    assert odometry.child_frame_id == "base" and odometry.pose.x == 1.0
    image = horus.Image(4, 4, "mono8")
    image.copy_from(data=bytes(range(16)))
    image.set_frame_id(id="cam")
    assert image.roi(x=1, y=1, w=2, h=1).ravel().tolist() == [5, 6] and image.frame_id == "cam"


def test_a_topic_takes_the_node_that_the_family_logs_with(name):
    topic, node = horus.Topic(name), horus.Node(name="who")
    assert topic.send(1, node) and topic.send(2, node=node)
    assert topic.try_send(3, node)
    topic.send_blocking(4, 1.0, node=node)
    assert [topic.recv(node), topic.recv(node=node), topic.recv(), topic.try_recv()] == [1, 2, 3, 4]
    for wrong in (topic.send, lambda: topic.send(1, 2, 3), lambda: topic.send(1, who=node),
                  lambda: topic.send(1, node, node=node), lambda: topic.recv(who=node)):
        with pytest.raises(TypeError, match="Topic"):
            wrong()
    assert topic.is_network_topic is False


# Lists


def filled():
    path, plan = horus.NavPath(), horus.PathPlan()
    planes, obstacles = horus.PlaneArray(), horus.VelocityObstacles()
    report, command = horus.DiagnosticReport(), horus.JointCommand()
    for i in range(3):
        path.add_waypoint(horus.Waypoint(float(i)))
        plan.add_waypoint(float(i), 0.0, 0.0)
        planes.add_plane(horus.PlaneDetection(float(i)))
        obstacles.add_obstacle(horus.VelocityObstacle(float(i)))
        report.add_int(str(i), i)
        command.add_position(str(i), float(i))
    return [
        (path, lambda point: point.pose.x), (plan, lambda point: float(point[0])),
        (planes, lambda plane: float(plane.coefficients[0])),
        (obstacles, lambda obstacle: float(obstacle.position[0])),
        (report, lambda value: float(value.key)), (command, float),
        (horus.JointState(names=["0", "1", "2"]), float),
    ]


@pytest.mark.parametrize("message, number", filled(), ids=lambda value: type(value).__name__)
def test_a_message_that_is_a_list_has_a_length_and_elements(message, number):
    assert len(message) == 3 and [number(element) for element in message] == [0.0, 1.0, 2.0]
    assert number(message[-1]) == 2.0 and [number(e) for e in message[1:]] == [1.0, 2.0]
    for index in (3, -4):
        with pytest.raises(IndexError):
            message[index]


def test_a_scan_s_length_is_that_of_its_ranges():
    scan = horus.LaserScan(ranges=[1.0, 2.0])
    assert len(scan) == len(scan.ranges) and scan[1] == 2.0


@pytest.mark.parametrize("cls", [
    horus.DiagnosticReport, horus.JointCommand, horus.JointState, horus.NavPath, horus.PathPlan,
    horus.PlaneArray, horus.VelocityObstacles, horus.LaserScan])
def test_an_empty_message_is_still_a_message(cls, name):
    topic = horus.Topic(cls, endpoint=name)
    topic.send(cls())
    received = topic.recv()
    assert received and received == cls()
    assert len(received) == (360 if cls is horus.LaserScan else 0)


# Errors of two kinds


@pytest.mark.parametrize("wrong", [
    lambda: horus.Image(2, 2).pixel(2, 0), lambda: horus.Image(2, 2).set_pixel(0, 2, 0),
    lambda: horus.Image(2, 2).roi(1, 1, 2, 2), lambda: horus.PointCloud(2).point_at(2),
    lambda: horus.DepthImage(2, 2).get_depth(2, 0),
    lambda: horus.DepthImage(2, 2).set_depth(-1, 0, 1.0),
    lambda: horus.PathPlan().waypoint(0), lambda: horus.LaserScan().angle_at(360),
    lambda: horus.OccupancyGrid(2, 2).set_occupancy(2, 0, 1),
    lambda: horus.OccupancyGrid(2, 2).grid_to_world(0, 2),
    lambda: horus.CostMap(horus.OccupancyGrid(2, 2)).cost_cell(2, 2),
    lambda: horus.TactileArray(2, 2).get_force(2, 0),
])
@pytest.mark.parametrize("kind", [IndexError, ValueError])
def test_what_is_out_of_range_is_an_index_and_a_value_error(wrong, kind):
    with pytest.raises(kind):
        wrong()


@pytest.mark.parametrize("add", [
    lambda path=horus.NavPath(): path.add_waypoint(horus.Waypoint()),
    lambda plan=horus.PathPlan(): plan.add_waypoint(0, 0, 0),
    lambda planes=horus.PlaneArray(): planes.add_plane(horus.PlaneDetection()),
    lambda many=horus.VelocityObstacles(): many.add_obstacle(horus.VelocityObstacle()),
    lambda report=horus.DiagnosticReport(): report.add_int("a", 1),
])
def test_what_is_full_is_a_value_and_an_overflow_error(add):
    for kind in (ValueError, OverflowError):
        with pytest.raises(kind, match="the capacity is"):
            for _ in range(257):
                add()


# Tensors


def test_a_tensor_s_conversions_by_name():
    tensor = horus.Tensor.from_numpy(np.array([[0, 1.5], [200, 3]], "f4"))
    for dtype in ("float16", "float32", "int32", "uint8"):
        made = getattr(tensor, f"to_{dtype}")()
        assert made.dtype == dtype
        assert made.tolist() == tensor.numpy().astype(dtype).tolist()
        made[0, 0] = 7
        assert tensor[0, 0] == 0
    assert tensor.cpu() is tensor and tensor.is_contiguous() and not tensor.T.is_contiguous()
    with pytest.raises(RuntimeError, match="CUDA support not compiled"):
        tensor.cuda("cuda:1")


def test_a_tensor_s_reductions_along_dim():
    array = np.arange(6.0).reshape(2, 3)
    tensor = horus.Tensor.from_numpy(array)
    for reduction in ("sum", "mean", "max", "min"):
        for dim in (0, 1, -1):
            expected = getattr(array, reduction)(dim).tolist()
            assert getattr(tensor, reduction)(dim=dim).tolist() == expected
            assert getattr(tensor, reduction)(axis=dim).tolist() == expected
            assert getattr(tensor, reduction)(dim).tolist() == expected
        with pytest.raises(IndexError):
            getattr(tensor, reduction)(dim=2)
    assert float(np.sum(tensor).item()) == 15.0
    assert tensor.slice(0, end=1).tolist() == [[0.0, 1.0, 2.0]]
    assert tensor.unsqueeze(dim=0).shape == (1, 2, 3)
    assert (tensor >= 3.0).tolist() == [[False] * 3, [True] * 3]


def test_a_pool_gives_tensors_within_its_budget():
    pool = horus.TensorPool(pool_id=7, size_mb=1, max_slots=3)
    assert pool.pool_id == 7 and "max_slots=3" in repr(pool)
    first = pool.alloc((256, 512), "float32")
    assert first.shape == (256, 512) and not first.numpy().any()
    assert pool.stats() == {
        "pool_id": 7, "pool_size": 1 << 20, "max_slots": 3, "allocated_slots": 1,
        "total_refcount": 1, "used_bytes": 1 << 19, "free_bytes": 1 << 19}
    with pytest.raises(MemoryError, match="524288 left; release"):
        pool.alloc((1 << 19) + 1, "uint8")
    others = [pool.alloc(4), pool.alloc([2, 2], dtype="int8")]
    with pytest.raises(MemoryError, match="all 3 slots"):
        pool.alloc(1)
    first.release()
    assert pool.stats()["allocated_slots"] == 2
    pool.alloc(1)  # Dropped at once.
    del others
    gc.collect()
    assert pool.stats()["allocated_slots"] == 0 and pool.stats()["used_bytes"] == 0
    with pytest.raises(RuntimeError, match="CUDA support not compiled"):
        pool.alloc(1, device="cuda:0")
    for wrong in ({"size_mb": 0}, {"max_slots": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            horus.TensorPool(**wrong)


# release()

KINDS = {
    "Image": (lambda: horus.Image(2, 2, "mono8"),
              ["channels", "encoding", "height", "width", "step"]),
    "PointCloud": (lambda: horus.PointCloud(2),
                   ["is_dense", "field_names", "point_count", "fields_per_point"]),
    "DepthImage": (lambda: horus.DepthImage(2, 2),
                   ["depth_scale", "min_depth", "max_depth", "height", "width"]),
    "Tensor": (lambda: horus.Tensor(4), ["numel", "pool_id"]),
}


# Of each; and these cannot be set.
OF_EACH = ["shape", "nbytes", "dtype", "device", "read_only"]
FIXED = {"channels", "encoding", "height", "width", "step", "point_count", "fields_per_point",
         "numel", "pool_id", *OF_EACH}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_released_says_so(kind, name):
    make, attributes = KINDS[kind]
    given = make()
    view = given.to_numpy()
    view[...] = 3
    given.release()
    given.release()  # Twice is once.
    attributes = [*attributes, *OF_EACH]
    if kind != "Tensor":
        attributes = [*attributes, "timestamp_ns", "frame_id"]
    topic = horus.Topic(getattr(horus, kind), endpoint=name)
    uses = [given.to_numpy, given.copy, lambda: np.asarray(given)[0], lambda: memoryview(given),
            lambda: given[0], lambda: topic.send(given), lambda: np.from_dlpack(given),
            lambda: given.fill(0), lambda: given.__array_interface__,
            *(lambda name=name: getattr(given, name) for name in attributes),
            *(lambda name=name: setattr(given, name, 1) for name in attributes
              if name not in FIXED)]
    if kind == "PointCloud":
        uses += [given.is_xyz, given.has_intensity, given.has_color, lambda: given.point_at(0)]
    for use in uses:
        for error in (RuntimeError, ValueError):
            with pytest.raises(error, match="was released"):
                use()
    assert repr(given) == f"{kind}(released)"
    assert kind != "Tensor" or given.refcount == 0
    other = make()  # What a view still looks at is nobody else's.
    other.to_numpy()[...] = 5
    assert (view == 3).all()


def test_blocks_of_released_images_are_used_again():
    for _ in range(200):
        horus.Image(480, 640).release()
    images = []
    for _ in range(200):
        images.append(horus.Image(8, 8))
        images[-1].release()


def test_a_payload_can_be_referred_to_weakly():
    image = horus.Image(2, 2)
    reference = weakref.ref(image)
    assert reference() is image
    del image
    assert reference() is None


@pytest.mark.parametrize("name", _family.ALSO_NATIVE)
def test_what_programs_import_from_the_native_module_is_there(name):
    assert getattr(importlib.import_module("horus._horus"), name) is getattr(horus, name)
