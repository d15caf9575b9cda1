# SPDX-License-Identifier: Apache-2.0
"""Small things that programs of the family do, and what they get here."""
import itertools
import json

import numpy as np
import pytest

import horus
from horus import aio, perception

_numbers = itertools.count()
PAYLOADS = {"Image": lambda: horus.Image(2, 2), "PointCloud": lambda: horus.PointCloud(3),
            "DepthImage": lambda: horus.DepthImage(2, 2),
            "Tensor": lambda: horus.Tensor.zeros((2,))}


@pytest.fixture
def name():
    return f"details/{next(_numbers)}"


@pytest.mark.parametrize("kind", PAYLOADS)
def test_is_gpu_reads_as_a_value_and_as_a_call(kind):
    payload = PAYLOADS[kind]()
    assert not payload.is_gpu and payload.is_gpu() is False
    assert repr(payload.is_gpu) == "False"


def test_send_blocking_takes_its_timeout_under_either_name(name):
    full = horus.Topic(horus.CmdVel, 1, endpoint=name, policy="refuse")
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    order = horus.CmdVel(1.0, 0.0)
    full.send_blocking(order, timeout=1)
    for how in ({"timeout": 0}, {"timeout_s": 0}):
        with pytest.raises(horus.HorusTimeoutError, match=r"^send_blocking\(\): topic"):
            full.send_blocking(order, **how)
    for how in ({}, {"timeout": 0, "timeout_s": 0}):
        with pytest.raises(TypeError, match="timeout_s"):
            full.send_blocking(order, **how)
    with pytest.raises(ValueError, match=r"^send_blocking\(\): timeout_s"):
        full.send_blocking(order, timeout=-1)
    assert reader.recv() == order


def numbers(topic):
    return [message.linear for message in topic.recv_all()]


def test_try_send_is_false_where_a_reader_would_lose_a_message(name):
    sender = horus.Topic(horus.CmdVel, 2, endpoint=name)
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    bystander = horus.Topic(horus.CmdVel, endpoint=name)
    assert reader.recv() is None
    assert [sender.try_send(horus.CmdVel(n, 0)) for n in range(4)] == [True, True, False, False]
    assert sender.stats()["dropped"] == 2 and sender.dropped_count() == 2
    assert reader.recv().linear == 0 and sender.try_send(horus.CmdVel(4, 0)) is True
    assert numbers(reader) == [1, 4]
    # send() makes room, whoever has not taken what was there.
    assert all(sender.send(horus.CmdVel(n, 0)) for n in range(4)) and numbers(reader) == [2, 3]
    assert numbers(bystander) == [2, 3]


def test_a_topic_that_nobody_has_asked_yet_keeps_what_its_first_reader_will_get(name):
    alone = horus.Topic(dict, 4, endpoint=name)
    sent = [alone.try_send({"n": n}) for n in range(6)]
    assert sent == [True] * 4 + [False] * 2
    assert [alone.recv() for _ in range(5)] == [*({"n": n} for n in range(4)), None]


def test_try_send_never_waits_for_a_node_that_wants_the_newest_only(name):
    taken = []
    sender = horus.Topic(horus.CmdVel, 64, endpoint=name)
    sent = []

    def tick(node):
        # Sixteen are wanted of it, and none is taken before the end.
        if not sent:
            sent.extend(sender.try_send(horus.CmdVel(n, 0)) for n in range(200))
        taken.extend(node.recv_all(name))
        node.request_stop()

    horus.run(horus.Node("late", tick, 100, subs=[horus.Sub(name, horus.CmdVel)]))
    assert all(sent) and [message.linear for message in taken] == list(range(184, 200))


@pytest.mark.parametrize("kind", PAYLOADS)
def test_try_send_knows_pictures_too(name, kind):
    sender = horus.Topic(getattr(horus, kind), 2, endpoint=name)
    assert [sender.try_send(PAYLOADS[kind]()) for _ in range(3)] == [True, True, False]
    assert sender.recv() is not None and sender.try_send(PAYLOADS[kind]())


def test_send_blocking_waits_for_a_reader_on_any_topic(name):
    sender = horus.Topic(horus.CmdVel, 1, endpoint=name)
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    reader.has_msg()
    sender.send_blocking(horus.CmdVel(1.0, 0.0), 0)
    with pytest.raises(horus.HorusTimeoutError, match="had no room for 0.01 s"):
        sender.send_blocking(horus.CmdVel(2.0, 0.0), 0.01)
    assert reader.recv().linear == 1.0
    sender.send_blocking(horus.CmdVel(3.0, 0.0), 0)
    assert reader.recv().linear == 3.0


def test_statistics_of_a_topic_have_the_family_s_words_too(name):
    small = horus.Topic(horus.CmdVel, 2, endpoint=name, policy="refuse")
    reader = horus.Topic(horus.CmdVel, endpoint=name)
    for _ in range(3):
        small.send(horus.CmdVel(0.0, 0.0))
    reader.recv()
    sent, received = small.stats(), reader.stats()
    assert (sent["messages_sent"], sent["send_failures"], sent["dropped_count"]) == (2, 1, 1)
    assert (received["messages_received"], received["recv_failures"]) == (1, 0)
    assert received["is_network"] is False and received["backend"] == small.backend_type
    assert sent["sent"] == 2 and sent["dropped"] == 1  # Ours stay.
    lost = horus.Topic(horus.CmdVel, 2, endpoint=name + "/lost")
    for _ in range(5):
        lost.send(horus.CmdVel(0.0, 0.0))
    lost.recv_all()
    assert lost.stats()["missed_count"] == lost.missed_count() == 3


def test_an_imu_s_quaternion_is_set_by_component():
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    imu.qx, imu.qy, imu.qz, imu.qw = 0.1, 0.2, 0.3, 0.9
    assert imu.orientation.tolist() == [0.1, 0.2, 0.3, 0.9]


def test_an_imu_s_vectors_are_messages():
    imu = horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert imu.angular_velocity_vec() == horus.Vector3(4.0, 5.0, 6.0)
    assert imu.linear_acceleration_vec() == horus.Vector3(1.0, 2.0, 3.0)


# Perception


def test_a_detection_is_made_of_a_box():
    box = horus.BoundingBox2D(1.0, 2.0, 3.0, 4.0)
    found = perception.Detection.from_bbox(box, "cat", 0.5, class_id=7, instance_id=9)
    assert found == horus.Detection("cat", 0.5, 1.0, 2.0, 3.0, 4.0, 7, 9)
    assert found.bbox == box
    with pytest.raises(TypeError, match="bbox"):
        horus.Detection.from_bbox((1.0, 2.0, 3.0, 4.0), "cat", 0.5)


def test_a_detection_becomes_bytes_and_is_one_again():
    found = horus.Detection("cat", 0.5, 1.0, 2.0, 3.0, 4.0)
    assert isinstance(found.to_bytes(), bytes)
    assert horus.Detection.from_bytes(found.to_bytes()) == found


def test_an_object_is_followed_from_its_first_box_on():
    box = perception.BoundingBox2D(1.0, 2.0, 3.0, 4.0)
    seen = perception.TrackedObject(7, box, "cat", 0.5, class_id=3)
    assert isinstance(seen, perception.TrackedObject) and isinstance(seen, horus.TrackedObject)
    assert not isinstance(box, perception.TrackedObject)
    assert (seen.track_id, seen.bbox, seen.class_name) == (7, box, "cat")
    assert (seen.confidence, seen.class_id, seen.hits, seen.age) == (0.5, 3, 1, 0)
    assert seen.is_tentative() and seen.speed() == 0.0
    assert perception.TrackedObject(track_id=7, bbox=box, class_name="cat", confidence=0.5)
    with pytest.raises(TypeError, match="bbox"):
        perception.TrackedObject(7, "cat", box, 0.5)


# A node's information


def test_a_node_s_information_logs_stops_and_keeps(capfd):
    said = []

    def tick(node):
        info = node.info
        info.log_info(message="one")
        for log in (info.log_warning, info.log_error, info.log_debug):
            log("two")
        info.set_custom_data("a", 1)
        said.append((info.custom_data_keys(), info.remove_custom_data("a"),
                     info.remove_custom_data("a"), info.custom_data_keys()))
        info.request_stop()

    horus.run(horus.Node(name="telling", tick=tick, rate=100), duration=20.0)
    assert said == [(["a"], 1, None, [])]
    told = capfd.readouterr().err
    assert told.count("telling") >= 3 and "one" in told and told.count("two") >= 2


# Subclasses


class Gripper(horus.Node):
    """A node whose own words are some of ours."""

    def __init__(self):
        self.host = "10.0.0.7"
        super().__init__(name="gripper", rate=100)
        self.on, self.compute, self.safe, self.armed = False, "fast", True, 2
        self.safety, self.actuator = ["door"], object()

    def tick(self):
        self.seen = (self.host, self.on, self.compute, self.safe, self.armed, self.safety)
        self.request_stop()


def test_a_subclass_may_use_words_that_the_family_leaves_free():
    gripper = Gripper()
    horus.run(gripper, duration=20.0)
    assert gripper.seen == ("10.0.0.7", False, "fast", True, 2, ["door"])
    plain = horus.Node(name="plain", actuator=True, on="a", host="vision")
    assert (plain.host, plain.on, plain.compute) == ("vision", "a", False)
    assert (plain.safe, plain.armed, plain.safety, plain.actuator) == (
        False, False, "starting", True)


@pytest.mark.parametrize("word, said", [
    ("rate", "rate="), ("order", "order="), ("budget", "budget="), ("name", "name="),
    ("deadline", "deadline="), ("on_miss", "on_miss="), ("failure_policy", "failure_policy="),
    ("priority", "priority="), ("core", "core="), ("watchdog", "watchdog="),
    ("default_capacity", "default_capacity="), ("pub_topics", "pubs="), ("sub_topics", "subs="),
    ("tick", "tick="), ("init", "init="), ("shutdown", "shutdown="), ("on_error", "on_error="),
    ("info", "another name"), ("enter_safe_state", "safe_state=")])
def test_what_a_node_was_made_with_says_how_it_is_given(word, said):
    node = horus.Node(name="made")
    with pytest.raises(AttributeError, match=said) as told:
        setattr(node, word, 7)
    assert f"Node.{word}" in str(told.value)


# Names of arguments


def test_a_scheduler_takes_the_family_s_argument_names():
    scheduler = horus.Scheduler()
    scheduler.add(horus.Node(name="a", tick=lambda node: None, rate=100))
    assert scheduler.has_node(node_name="a") and not scheduler.has_node("b")
    assert scheduler.get_node_info(node_name="a") == 0
    assert scheduler.get_node_stats(node_name="a")["name"] == "a"
    scheduler.set_node_rate(node_name="a", rate=50)
    scheduler.set_node_rate("a", hz=60)
    scheduler.set_tick_budget(node_name="a", budget_us=500)
    scheduler.add_critical_node(node_name="a", timeout_ms=500)
    with pytest.raises(TypeError, match="one argument"):
        scheduler.has_node(name="a", node_name="a")
    scheduler.remove_node(node_name="a")
    assert scheduler.get_node_count() == 0


def test_a_time_to_tick_has_either_name_and_takes_all_nodes():
    ticks = {}

    def tick(node):
        ticks[node.name] = True
        if len(ticks) == 2:
            node.request_stop()

    scheduler = horus.Scheduler()
    for each in "ab":
        scheduler.add(horus.Node(name=each, tick=tick, rate=200))
    for how in ({"duration": 20.0}, {"seconds": 20.0, "node_names": ["b", "a"]}):
        ticks.clear()
        scheduler.tick_for(**how)
        assert ticks == {"a": True, "b": True}
    ticks.clear()
    scheduler.tick_for(20.0, ["a", "b"])
    assert len(ticks) == 2
    with pytest.raises(ValueError, match="'b' would tick, too"):
        scheduler.tick_for(0.02, ["a"])
    with pytest.raises(horus.HorusNotFoundError, match="'c'"):
        scheduler.tick_for(0.02, node_names=["a", "b", "c"])
    for wrong in ({}, {"seconds": 1, "duration": 1}):
        with pytest.raises(TypeError, match="seconds"):
            scheduler.tick_for(**wrong)


def test_one_tick_is_of_all_nodes_and_says_so():
    scheduler = horus.Scheduler()
    ticked = []
    for each in "ab":
        scheduler.add(horus.Node(name=each, tick=lambda node: ticked.append(node.name)))
    with pytest.warns(RuntimeWarning, match="all nodes"):
        scheduler.tick_once(["a"])
    assert ticked == ["a", "b"]
    scheduler.tick_once()
    scheduler.stop()


def test_a_log_line_has_either_name(capfd):
    def tick(node):
        node.log_info(message="first line")
        node.log_warning(msg="second line")
        with pytest.raises(TypeError, match="log_error"):
            node.log_error(text="third line")
        with pytest.raises(TypeError, match="log_error"):
            node.log_error()
        node.request_stop()

    horus.run(horus.Node(name="named", tick=tick, rate=100), duration=20.0)
    told = capfd.readouterr().err
    assert "first line" in told and "second line" in told and "third" not in told


# Topics in asyncio, and the package's names


def test_an_asyncio_topic_takes_every_option_of_a_topic(name):
    topic = aio.Topic(horus.CmdVel, 2, name, policy="refuse", finite=True)
    assert topic.topic.name == name
    horus.Topic(horus.CmdVel, endpoint=name).has_msg()
    with pytest.raises(ValueError, match="finite|NaN|nan"):
        topic.send(horus.CmdVel(float("nan"), 0.0))
    assert aio.Topic(msg_type=horus.CmdVel, endpoint=name).topic.name == name
    assert aio.Topic(topic.topic).topic is topic.topic
    with pytest.raises(TypeError, match="options"):
        aio.Topic(topic.topic, policy="refuse")


def test_all_of_the_package_has_its_modules_and_recordings():
    assert {"aio", "perception", "record", "open_recording"} <= set(horus.__all__)
    words = {}
    exec("from horus import *", words)  # noqa: S102
    assert words["aio"] is aio and words["perception"] is perception


# Bytes


def test_bytes_of_a_message_are_an_array_that_bytes_are_made_of():
    picture = horus.CompressedImage("jpeg", b"ab")
    assert bytes(picture.data) == b"ab" and picture.data.dtype == np.uint8
    assert json.loads(json.dumps(picture.data.tolist())) == [97, 98]
