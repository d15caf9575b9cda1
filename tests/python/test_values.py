# SPDX-License-Identifier: Apache-2.0
"""Values on generic topics, and what a typed topic takes: through Topic objects of one process."""
import itertools
import math
import sys

import numpy as np
import pytest

import horus
from snippet import prints

_numbers = itertools.count()


@pytest.fixture
def topic():
    return horus.Topic(f"value/{next(_numbers)}")


@pytest.fixture
def commands():
    return horus.Topic(horus.CmdVel, endpoint=f"command/{next(_numbers)}")


def round_trip(topic, value):
    assert topic.send(value) is True
    assert topic.wait(60)
    return topic.recv()


class Text(str):
    """A subclass, as enums are."""


@pytest.mark.parametrize("value", [
    None, True, False, 0, 1, -1, -32, -33, 127, 128, 255, 256, -128, -129, 2 ** 15, 2 ** 16,
    2 ** 32, -2 ** 31 - 1, 2 ** 63, 2 ** 64 - 1, -2 ** 63, 1.5, -0.0, math.inf, -math.inf, "", "ä",
    "x" * 31, "x" * 32, "x" * 300, "😀", b"", b"x" * 300, [], [1, [2, [None]]], {}, [1.0] * 50,
    {"a": {"b": [1, 2.5, None]}, 2: "int", 1.5: "float", b"k": "bytes", None: "none"},
    {f"key{i}": i for i in range(40)}, list(range(70)), {"k" * 40: 1}], ids=lambda v: repr(v)[:30])
def test_a_value_arrives_as_it_was_sent(topic, value):
    received = round_trip(topic, value)
    assert received == value and type(received) is type(value)


def test_not_a_number_survives(topic):
    assert math.isnan(round_trip(topic, math.nan))


@pytest.mark.parametrize("value, arrives", [
    ((1, (2,)), [1, [2]]), (bytearray(b"ab"), b"ab"), (Text("a"), "a"), (horus.Miss.SKIP, "skip"),
    (np.float64(1.5), 1.5), (np.float32(1.5), 1.5), (np.float16(2.0), 2.0), (np.int8(-3), -3),
    (np.uint64(2 ** 64 - 1), 2 ** 64 - 1), (np.bool_(True), True),
    ({"x": np.float32(0.5)}, {"x": 0.5})], ids=repr)
def test_what_messagepack_has_no_type_for_arrives_as_the_nearest(topic, value, arrives):
    received = round_trip(topic, value)
    assert received == arrives and type(received) is type(arrives)


@pytest.mark.parametrize("dtype", [
    "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
    "uint32", "uint64", "bool"])
def test_an_array_arrives_with_its_dtype_and_shape(topic, dtype):
    sent = np.arange(12).reshape(3, 4).astype(dtype)
    received = round_trip(topic, {"data": sent})["data"]
    assert received.dtype == sent.dtype and received.shape == (3, 4)
    np.testing.assert_array_equal(received, sent)
    assert received.flags.writeable and received.flags.owndata


@pytest.mark.parametrize("sent", [
    np.zeros((0, 3)), np.array(5.0), np.arange(10)[::3], np.arange(4.0).astype(">f8"),
    np.arange(6).reshape(2, 3).T, np.ones((1,) * 8)], ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_an_array_of_any_form_arrives(topic, sent):
    received = round_trip(topic, sent)
    assert received.shape == sent.shape
    np.testing.assert_array_equal(received, sent)


@pytest.mark.parametrize("value, says", [
    (object(), "cannot send an object of type object"), ({1, 2}, "type set"), (1j, "type complex"),
    (range(3), "type range"), ([object()], "type object"), ({"a": {"b": 1j}}, "type complex"),
    ({(1, 2): 3}, "a dict with a key of type tuple"), (np.array(["a"]), "dtype <U1"),
    (np.array([None]), "dtype object"), (np.array([1j]), "dtype complex128"),
    (np.datetime64("2020-01-01"), "numpy.datetime64"), (memoryview(b"a"), "type memoryview")],
    ids=repr)
def test_what_cannot_be_sent_is_a_type_error_that_names_the_type(topic, value, says):
    with pytest.raises(TypeError, match=says):
        topic.send(value)
    assert topic.recv() is None


@pytest.mark.parametrize("value, says", [
    (2 ** 64, "must fit into 64 bits"), (-2 ** 63 - 1, "must fit into 64 bits"),
    ("x" * 70000, "a message of 70005 bytes is larger than the topic's limit of 65536"),
    ({"a": b"x" * 65536}, "a message of 65544 bytes is larger than the topic's limit of 65536"),
    (np.zeros(9000), "a message of 72012 bytes is larger.* or send its arrays as Tensor or Image"),
    (np.zeros((1,) * 9), "at most 8 dimensions"), ("\ud800", "surrogates not allowed")],
    ids=lambda v: repr(v)[:20])
def test_what_does_not_fit_is_a_value_error_that_names_the_sizes(topic, value, says):
    with pytest.raises(ValueError, match=says):
        topic.send(value)
    assert topic.recv() is None


def test_a_container_in_itself_is_refused(topic):
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nests at most 64 levels"):
        topic.send(endless)


def test_the_deepest_value_that_can_be_sent_can_be_received(topic):
    value = 1
    for _ in range(63):
        value = [value]
    assert round_trip(topic, value) == value


def test_values_arrive_in_order_and_all_at_once(topic):
    topic.send(0)
    assert topic.wait(60)
    for number in range(1, 30):
        topic.send(number)
    assert topic.has_msg() and topic.pending_count() == 30
    assert topic.recv() == 0 and topic.try_recv() == 1
    assert topic.recv_all() == list(range(2, 30))
    assert not topic.has_msg() and topic.recv_all() == [] and topic.recv() is None


def test_a_dict_on_a_typed_topic_is_the_constructors_arguments(commands):
    assert round_trip(commands, {"linear": 1.0, "angular": 2}) == horus.CmdVel(1.0, 2.0)
    assert round_trip(commands, horus.CmdVel(3.0, 4.0, 5)) == horus.CmdVel(3.0, 4.0, 5)


@pytest.mark.parametrize("value, says", [
    (horus.Imu(1, 2, 3, 4, 5, 6), "' carries CmdVel, not Imu"), (5, "carries CmdVel, not int"),
    ("x", "carries CmdVel, not str"), (None, "carries CmdVel, not NoneType"),
    ([1, 2], "carries CmdVel, not list"), ({"linear": 1}, "needs the argument 'angular'"),
    ({"linear": 1, "angular": 2, "up": 3}, "no constructor argument 'up'"),
    ({"linear": "a", "angular": 2}, "CmdVel.linear must be a number, not str"),
    ({3: 1}, "argument names are str, not int")], ids=repr)
def test_a_typed_topic_refuses_other_types_by_name(commands, value, says):
    with pytest.raises(TypeError, match=says):
        commands.send(value)


def test_a_generic_topic_refuses_images(topic):
    round_trip(topic, 1)
    with pytest.raises(TypeError, match="carries generic, not Image"):
        topic.send(horus.Image(2, 2))


def test_what_is_received_leaks_no_reference(topic):
    value = {"list": [1.5, "text"], "array": np.zeros(3)}
    for _ in range(20):
        round_trip(topic, value)
    before = sys.getallocatedblocks()
    for _ in range(2000):
        round_trip(topic, value)
    assert sys.getallocatedblocks() - before < 500


def test_no_numpy_is_loaded_for_plain_values():
    assert prints("""
        import sys, horus
        topic = horus.Topic("plain")
        topic.send([1.5, {"a": "b"}])
        print(topic.wait(60), topic.recv(), "numpy" in sys.modules)
    """) == ["True [1.5, {'a': 'b'}] False"]
