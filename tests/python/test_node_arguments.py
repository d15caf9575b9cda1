# SPDX-License-Identifier: Apache-2.0
"""Node(...) takes what the API says, and says clearly what it does not take."""
import math
import re

import pytest

import horus


def test_a_node_without_arguments_has_a_name_of_its_own_and_ticks_at_30_hz():
    node = horus.Node()
    assert re.fullmatch("node_[0-9a-f]{8}", node.name)
    assert node.rate == pytest.approx(30)
    assert (node.order, node.compute, node.on) == (0, False, None)
    assert (node.budget, node.deadline, node.priority, node.core) == (None, None, None, None)
    assert (node.tick, node.init, node.shutdown, node.on_error) == (None, None, None, None)
    assert horus.Node().name != node.name


def test_what_was_given_can_be_read_back():
    def tick(node):
        """Nothing."""

    node = horus.Node("arm", tick, 100, order=7, budget=300 * horus.us, deadline=2 * horus.ms,
                      compute=True, priority=80, core=0)
    assert (node.name, node.tick, node.rate, node.order) == ("arm", tick, 100.0, 7)
    assert node.budget == pytest.approx(300e-6) and node.deadline == pytest.approx(2e-3)
    assert (node.compute, node.priority, node.core) == (True, 80, 0)
    assert repr(node) == "<horus.Node 'arm'>"


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, -math.inf, 1e9])
def test_a_rate_that_no_clock_has_is_refused(rate):
    with pytest.raises(ValueError, match="node 'arm': rate must be"):
        horus.Node(name="arm", rate=rate)


@pytest.mark.parametrize("argument", ["budget", "deadline", "watchdog"])
@pytest.mark.parametrize("value", [0, -1e-3, math.nan, math.inf, -math.inf, 1e12])
def test_a_time_that_is_no_time_is_refused(argument, value):
    if (argument, value) == ("watchdog", 0):
        pytest.skip("switches it off")
    with pytest.raises(ValueError, match=f"node 'arm': {argument} "):
        horus.Node(name="arm", **{argument: value})


def test_a_budget_in_microseconds_is_recognised_and_told_how_to_be_written():
    with pytest.raises(ValueError, match=r"budget is in seconds; write 300\*horus\.us"):
        horus.Node(name="arm", rate=1000, budget=300)


@pytest.mark.parametrize("arguments, says", [
    ({"order": -1}, "order must be 0 to 255, not -1"),
    ({"order": 256}, "order must be 0 to 255, not 256"),
    ({"order": 2 ** 80}, "order must be 0 to 255"),
    ({"priority": 0}, "priority must be 1 to 98, not 0"),
    ({"priority": 100}, "priority must be 1 to 98, not 100"),
    ({"core": -1}, "core must be 0 to 1023, not -1"),
    ({"default_capacity": 0}, "default_capacity must be 1 to 16777216, not 0"),
    ({"on_miss": "explode"}, "on_miss must be 'warn', 'skip', 'safe_mode' or 'stop'"),
    ({"failure_policy": "pray"}, "failure_policy must be None, 'fatal', 'restart', 'skip'"),
    ({"failure": {"tries": 1}}, "failure has no 'tries' .known: retries, delay, failures, rest"),
    ({"failure": {"retries": -1}}, r"failure\['retries'\] must be 0 to 1000"),
    ({"failure": {"delay": math.nan}}, r"failure\['delay'\] must be"),
    ({"compute": True, "on": "scan"}, "compute=True and on= are mutually exclusive"),
    ({"compute": True, "rate": None}, "compute=True needs a rate"),
    ({"name": ""}, "must not be empty"),
    ({"name": "x" * 64}, "at most 63 bytes"),
    ({"name": "two\nlines"}, "control characters"),
    ({"on": "no topic"}, "topic name"),
    ({"pubs": ""}, "topic name"),
    ({"pubs": {"cmd": {"tipe": horus.CmdVel}}}, r"pubs\['cmd'\] has no 'tipe'"),
    ({"subs": [horus.Sub("cmd", horus.CmdVel, 0)]}, "subs: depth must be 1 to 16777216"),
    *(({"host": host}, "host must be letters, digits, '_', '.', '-', at most 63, "
       f"no '.' or '-' in front, not '{host}'")
      for host in ("a/b", "", "-a", ".a", "x" * 64)),
    ({"arm_at_start": True}, "arm_at_start=True is for actuators"),
])
def test_a_bad_value_is_a_value_error_that_says_what_is_allowed(arguments, says):
    with pytest.raises(ValueError, match=says):
        horus.Node(**{"name": "arm", **arguments})


@pytest.mark.parametrize("arguments, says", [
    ({"name": 3}, "name must be a str, not int"),
    ({"rate": "30"}, "rate must be a number, not str"),
    ({"budget": "1 ms"}, "budget must be a number, not str"),
    ({"order": 1.5}, "order must be an int, not float"),
    ({"core": "0"}, "core must be an int, not str"),
    ({"compute": 1}, "compute must be a bool, not int"),
    ({"on": 3}, "on must be a str, not int"),
    ({"on_miss": 3}, "on_miss must be a str, not int"),
    ({"failure_policy": 3}, "failure_policy must be a str, not int"),
    ({"failure": [3]}, "failure must be a dict, not list"),
    ({"tick": 3}, "tick must be callable, not int"),
    ({"init": 3}, "init must be callable, not int"),
    ({"on_error": 3}, "on_error must be callable, not int"),
    ({"safe_state": 3}, "enter_safe_state must be callable, not int"),
    ({"pubs": 3}, "pubs takes a topic name, a message type"),
    ({"subs": [3]}, "subs takes a topic name"),
    ({"pubs": int}, "pubs takes a topic name"),
    ({"pubs": {3: horus.CmdVel}}, "pubs takes a topic name"),
    ({"pubs": {"cmd": 3}}, "a topic's type is a message class, Image, .*Tensor or dict, not 3"),
    ({"pubs": [horus.Pub("cmd", horus.CmdVel, "5")]}, "capacity must be an int, not str"),
    ({"pubs": {"t": horus.CmdVel}, "subs": {"t": horus.Imu}}, "t carries CmdVel, not Imu"),
    ({"rate": True}, "rate must be a number, not bool"),
    ({"core": True}, "core must be an int, not bool"),
    ({"default_capacity": True}, "default_capacity must be an int, not bool"),
    ({"subs": [horus.Sub("t", horus.CmdVel, True)]}, "depth must be an int, not bool"),
    ({"subs": {"t": {"type": horus.CmdVel, "history": True}}}, "history must be an int, not bool"),
    ({"subs": [horus.Sub("t", horus.CmdVel, timeout=True)]}, "timeout must be a number of seconds"),
    ({"rhythm": 3}, "'rhythm' is an invalid keyword argument"),
])
def test_a_bad_type_is_a_type_error_that_names_the_argument(arguments, says):
    with pytest.raises(TypeError, match=says):
        horus.Node(**{"name": "arm", **arguments})


def _generator_tick(node):
    yield node


async def _async_generator_tick(node):
    yield node


@pytest.mark.parametrize("callback", ["tick", "init", "shutdown", "on_error", "safe_state"])
@pytest.mark.parametrize("function", [_generator_tick, _async_generator_tick])
def test_a_function_whose_call_runs_nothing_is_refused(callback, function):
    with pytest.raises(ValueError, match="is a generator, whose body nobody would run"):
        horus.Node(**{callback: function})


@pytest.mark.parametrize("ports, names", [
    ("a", ["a"]),
    (["a", "b"], ["a", "b"]),
    (("a", horus.CmdVel), ["a", "cmd_vel"]),
    (horus.Imu, ["imu"]),
    (horus.Image, ["image"]),
    ([horus.Pub("a", horus.CmdVel, 5), horus.Sub("b")], ["a", "b"]),
    ({"a": horus.CmdVel, "b": None, "c": dict}, ["a", "b", "c"]),
    ({"a": {"type": horus.Image, "capacity": 3}, "b": {}}, ["a", "b"]),
    ([], []),
    (None, []),
])
def test_every_way_to_declare_topics_declares_them(ports, names):
    node = horus.Node(pubs=ports, subs=ports)
    assert node.publishers() == names
    assert node.subscribers() == names


def test_a_node_subscribes_to_the_topic_that_it_waits_on():
    assert horus.Node(on="scan").subscribers() == ["scan"]
    assert horus.Node(on="scan", subs={"scan": horus.LaserScan}).subscribers() == ["scan"]
    assert horus.Node(on="scan").rate is None


@pytest.mark.parametrize("word", [*horus.Miss, "warn", "skip", "safe_mode", "safemode", "stop"])
def test_every_word_for_a_miss_is_known(word):
    horus.Node(on_miss=word)


@pytest.mark.parametrize("word", [None, "fatal", "restart", "skip", "ignore"])
def test_every_word_for_a_failure_is_known(word):
    horus.Node(failure_policy=word, failure={"retries": 1, "delay": 0.1, "failures": 2, "rest": 1})


def test_a_node_is_initialised_once():
    node = horus.Node(name="arm")
    with pytest.raises(RuntimeError, match="initialised twice"):
        node.__init__(name="leg")
    assert node.name == "arm"


def test_a_subclass_that_forgets_to_initialise_its_node_is_told_so():
    class Arm(horus.Node):
        def __init__(self):
            """Forgets super().__init__()."""

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        horus.Scheduler().add(Arm())
