# SPDX-License-Identifier: Apache-2.0
"""Topics that nobody gave a type: values of any kind, messages of all types, or a type's own."""
import itertools

import numpy as np
import pytest

import horus
from snippet import prints

_numbers = itertools.count()


@pytest.fixture
def topic():
    return horus.Topic(f"bare/{next(_numbers)}")


def test_it_carries_values_and_messages_of_all_types(topic):
    sent = [horus.CmdVel(1, 2), {"a": [horus.CmdVel(3, 4), 5]}, horus.LaserScan(ranges=[1.0, 2.0]),
            horus.OccupancyGrid(width=2, height=3), None, "text"]
    for value in sent:
        assert topic.send(value) is True
    received = topic.recv_all()
    assert received == sent and topic.is_generic
    assert received[0]["linear"] == 1.0 and received[1]["a"][0].angular == 4.0
    with pytest.raises(KeyError, match="lineer"):
        received[0]["lineer"]
    with pytest.raises(KeyError):
        received[0][0]
    with pytest.raises(KeyError):
        received[0]["copy"]


def test_a_typed_reader_cannot_join_and_is_told_how(topic):
    topic.send(horus.CmdVel(1, 2))
    with pytest.raises(TypeError, match=r"carries generic, asked for CmdVel: who sends there named "
                                        r"no type; in Python: Pub\(name, CmdVel\)"):
        horus.Topic(horus.CmdVel, endpoint=topic.name)


def test_a_frame_beside_values_is_refused(topic):
    topic.send(1)
    with pytest.raises(TypeError, match="carries generic, not Image"):
        topic.send(horus.Image(2, 2))


def test_a_type_that_the_reader_does_not_know_is_named():
    lines = prints("""
import horus, subprocess, sys
topic = horus.Topic("own")
Wheel = horus.message("Wheel", {"speed": "f4"})
topic.send(Wheel(speed=1.0))
print(topic.recv()["speed"])
other = '''
import horus
topic = horus.Topic("own")
try:
    topic.recv()
except TypeError as error:
    print(error)
horus.message("Wheel", {"torque": "f4"})
topic = horus.Topic("own")
try:
    topic.recv()
except TypeError as error:
    print(error)
'''
print(subprocess.run([sys.executable, "-c", other], capture_output=True, text=True).stdout)
""")
    assert lines[:3] == [
        "1.0", "a message of type 'Wheel', which this program does not know: import its definition",
        "a message of type 'Wheel' of another layout than this program's"]


@pytest.mark.parametrize("pubs", ["None", "['cmd_vel']", "[horus.CmdVel]"])
def test_a_types_own_topic_has_the_type(pubs):
    assert prints(f"""
import horus
sent, got = [], []
def tick(node):
    sent.append(node.send("cmd_vel", {{"linear": 1.0, "angular": 0.5}}))
    sent.append(node.send("cmd_vel", horus.CmdVel(linear=1.0, angular=0.5)))
    got.extend(node.recv_all("cmd_vel"))
node = horus.Node("n", tick, rate=50, pubs={pubs}, failure_policy="fatal")
scheduler = horus.Scheduler().add(node)
scheduler.tick_once()
reads = horus.Topic("cmd_vel")
print(sent, reads.recv_all() == [horus.CmdVel(1.0, 0.5)] * 2, reads.is_generic)
""") == ["[True, True] True False"]


def test_what_does_not_fit_a_types_own_topic_is_told_how_it_may_be_sent():
    assert prints("""
import horus
got = []
def tick(node):
    for value in ({"x": 1.0, "linear_vel": 0.3}, 21.5):
        try:
            node.send("odom", value)
        except TypeError as error:
            got.append(str(error))
horus.Scheduler().add(horus.Node("n", tick, rate=50, failure_policy="fatal")).tick_once()
print(*got, sep="\\n")
dicts = {"odom": {"type": dict}}
def tick(node):
    node.send("odom", {"linear_vel": 0.3})
    print(node.recv("odom"))
node = horus.Node("n", tick, rate=50, pubs=dicts, subs=dicts, failure_policy="fatal")
horus.Scheduler().add(node).tick_once()
first, second = horus.Topic("cmd_vel"), horus.Topic("cmd_vel")
first.send(horus.CmdVel(1.0, 0.5))
try:
    second.send({"tilt": 1.0})  # Whoever comes later finds the topic there.
except TypeError as error:
    print("cmd_vel" in str(error) and "{'type': dict}" in str(error))
""") == [
        "horus.Odometry has no constructor argument 'linear_vel'; 'odom' is the topic of that "
        "type: for dicts of your own declare {'odom': {'type': dict}} in pubs and in subs",
        "topic 'odom' carries Odometry, not float; 'odom' is the topic of that type: for dicts of "
        "your own declare {'odom': {'type': dict}} in pubs and in subs", "{'linear_vel': 0.3}",
        "True"]


def test_a_message_is_read_as_a_dict_is():
    pose = horus.Pose2D(1.0, 2.0, 3.0)
    assert pose.keys() == ["x", "y", "theta", "timestamp_ns"]
    assert dict(pose) == {name: getattr(pose, name) for name in pose.keys()} == dict(pose.items())
    assert pose.get("x") == 1.0 and pose.get("z") is None and pose.get("z", 4) == 4
    assert "x" in pose and "z" not in pose
    for arguments in ((), ("x", 1, 2)):
        with pytest.raises(TypeError, match="a field's name and a default"):
            pose.get(*arguments)
    with pytest.raises(TypeError):
        3 in pose  # No list of others.
    joints = horus.JointState(names=["arm", "hand"])
    assert "arm" in joints and "positions" in joints and "foot" not in joints
    assert 2.0 in horus.LaserScan(ranges=[1.0, 2.0])
    grid = horus.OccupancyGrid(width=2, height=3)  # Of varying size.
    assert grid.get("width") == 2 and list(dict(grid)) == grid.keys()


def test_a_field_of_ones_own_hides_what_a_dict_has():
    Cart = horus.message("Cart", {"items": "i4", "get": "f8"})
    cart = Cart(items=3, get=0.5)
    assert cart.items == 3 and cart.get == 0.5 and cart.keys() == ["items", "get"]
    assert cart["items"] == 3 and "get" in cart


def test_values_of_64_kib_need_no_word_about_their_size(topic):
    value = {"v": np.zeros(8000)}
    assert topic.send(value) and (topic.recv()["v"] == value["v"]).all()


def test_a_none_that_was_sent_is_told_from_no_message():
    nothing = object()
    topic, reads = horus.Topic("bare/none"), horus.Topic("bare/none")
    assert reads.recv(default=nothing) is nothing and reads.recv(None, default=3) == 3
    topic.send(None)
    assert reads.wait(60) and reads.recv(default=nothing) is None
    topic.send(None)
    topic.send(1)
    assert reads.wait(60) and reads.recv_all() == [None, 1]
    for wrong in ({"otherwise": 1}, {"default": 1, "nodes": 2}):
        with pytest.raises(TypeError, match="perhaps node= and default="):
            reads.recv(**wrong)


def test_a_node_tells_a_none_that_was_sent_from_no_message():
    assert prints("""
import horus
got = []
def tick(node):
    got.extend([node.recv("n", 5), node.recv("n", default=6)])
    node.send("n", None)
    got.extend([node.recv("n", 7), node.recv(default=8, topic="n")])
    for wrong in ((), ("n", 1, 2)):
        try:
            node.recv(*wrong)
        except TypeError as error:
            got.append(str(error))
horus.Scheduler().add(horus.Node("n", tick, rate=50, failure_policy="fatal")).tick_once()
print(got)
""") == ["[5, 6, None, 8, 'recv() takes 1 to 2 arguments, 0 given', "
         "'recv() takes 1 to 2 arguments, 3 given']"]


def test_a_key_that_no_dict_can_have_is_a_value_error():
    assert prints(r"""
import horus, mmap, os, pathlib
topic, reads = horus.Topic("keys"), horus.Topic("keys")
for sent in ({"kkkk": 1}, 2):
    topic.send(sent)
ring, = pathlib.Path(os.environ["HORUS_BASE"]).glob("topics/*/*.ring")
with open(ring, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
    at = memory.find(b"\xa4kkkk")
    memory[at:at + 1] = b"\x94"  # Four numbers in place of four letters.
for _ in range(2):
    try:
        print(reads.recv())
    except ValueError as error:
        print(error)
""") == ["a value has a map with a key of type list, which no dict can have", "2"]


def test_what_was_sent_is_counted_by_who_wanted_the_topic_though_its_publisher_is_gone():
    assert prints("""
import horus
reads = horus.Topic("gone")
sends = horus.Topic(horus.CmdVel, 16, "gone")
for i in range(100):
    sends.send(horus.CmdVel(i, 0))
del sends
print(reads.wait(10), [int(message.linear) for message in reads.recv_all()])
print(reads.stats()["missed"])
""") == [f"True {list(range(84, 100))}", "84"]


def test_a_message_that_cannot_be_given_loses_none_of_the_others():
    lines = prints("""
import horus, subprocess, sys
topic = horus.Topic("own")
Wheel = horus.message("Wheel", {"speed": "f4"})
for value in (1, 2, Wheel(speed=1.0), Wheel(speed=2.0), 3):
    topic.send(value)
other = '''
import horus
topic = horus.Topic("own")
print(topic.recv_all(), topic.has_msg(), topic.wait(10))
for receive in (topic.recv, topic.recv_all, topic.recv_all):
    try:
        print(receive())
    except TypeError as error:
        print(error)
print(topic.recv(), topic.has_msg())
'''
print(subprocess.run([sys.executable, "-c", other], capture_output=True, text=True).stdout)
""")
    unknown = "a message of type 'Wheel', which this program does not know: import its definition"
    assert lines[:5] == ["[1, 2] True True", unknown, unknown, "[3]", "None False"]
