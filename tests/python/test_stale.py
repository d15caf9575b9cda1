# SPDX-License-Identifier: Apache-2.0
"""Inputs that become too old: what a node then receives, and where it is told."""
import pytest

import horus
from snippet import prints

# One node sends so long, and is silent then; the other ends the run once SEEN says so.
SILENCE = """
import horus
seen = []
def send(node):
    if horus.tick() < 20:
        node.send("stale/cmd", horus.CmdVel(1.5, 0.5))
def receive(node):
    message = node.recv("stale/cmd")
    # A busy machine may keep the sender from its first message beyond the timeout.
    if message is not None and not node.stale("stale/cmd") or seen:
        seen.append((None if message is None else message.linear, node.stale("stale/cmd")))
    second = node.recv("stale/cmd")
    assert not node.stale("stale/cmd") or second is None, "once in a tick"
    if SEEN:
        node.request_stop()
sender = horus.Node("sender", send, rate=200, pubs=[horus.Pub("stale/cmd", horus.CmdVel)])
motor = horus.Node("motor", receive, rate=100, subs=[
    horus.Sub("stale/cmd", horus.CmdVel, timeout=0.1, fallback=FALLBACK)])
horus.run(sender, motor, duration=50)
stats = motor._stats()
received = [value for value, stale in seen if not stale and value is not None]
given = [value for value, stale in seen if stale]
print(set(received), given[-1], stats["stale_inputs"] >= 1, stats["fallbacks"] > 0,
      stats["messages_received"] <= 20)
"""


@pytest.mark.parametrize("fallback, given, counted", [
    ('"zero"', "0.0", True), ('"hold"', "1.5", True), ("horus.CmdVel(0.25, 0)", "0.25", True),
    ('{"linear": 0.25, "angular": 0}', "0.25", True), ("None", "None", False)])
def test_a_node_whose_publisher_falls_silent_receives_the_fallback(fallback, given, counted):
    program = SILENCE.replace("FALLBACK", fallback)
    program = program.replace("SEEN", "len([one for one in seen if one[1]]) == 5")
    assert prints(program) == [f"{{1.5}} {given} True {counted} True"]


def test_a_stop_brings_all_nodes_to_rest():
    assert prints("""
        import horus
        safe = []
        class Other(horus.Node):
            def __init__(self):
                super().__init__("other", rate=100)
            def tick(self, node):
                pass
            def enter_safe_state(self):
                safe.append("other")
                self.request_stop()
        def receive(node):
            assert node.recv("stale/cmd") is None
        motor = horus.Node("motor", receive, rate=100, subs=[
            horus.Sub("stale/cmd", horus.CmdVel, timeout=0.05, fallback="stop")])
        horus.run(motor, Other(), duration=50)
        print(safe)
        """) == ["['other']"]


def test_what_is_said_in_a_dict_and_of_values_and_all_ways_to_receive():
    assert prints("""
        import horus
        got = []
        def receive(node):
            if not node.stale("stale/values"):
                return
            has = node.has_msg("stale/values")
            everything = node.recv_all("stale/values")
            got.append((has, everything, node.has_msg("stale/values")))
            node.request_stop()
        horus.run(horus.Node("n", receive, rate=100, subs={
            "stale/values": {"type": dict, "timeout": 0.05, "fallback": {"speed": 0}}}),
            duration=50)
        print(got)
        """) == ["[(True, [{'speed': 0}], False)]"]


def test_an_event_node_ticks_once_when_its_topic_falls_silent():
    assert prints("""
        import horus
        got = []
        def receive(node):
            message = node.recv("stale/cmd")
            got.append((message.linear, node.stale("stale/cmd")))
            if len(got) == 2:
                node.request_stop()
        def send(node):
            if horus.tick() == 0:
                node.send("stale/cmd", horus.CmdVel(2, 0))
        sub = horus.Sub("stale/cmd", horus.CmdVel, timeout=2, fallback="zero")
        horus.run(horus.Node("motor", receive, on="stale/cmd", subs=[sub]),
                  horus.Node("sender", send, rate=50, pubs=[horus.Pub("stale/cmd", horus.CmdVel)]),
                  duration=50)
        print(got)
        """) == ["[(2.0, False), (0.0, True)]"]


def test_an_async_node_receives_the_fallback_too():
    assert prints("""
        import horus
        got = []
        async def receive(node):
            message = node.recv("stale/cmd")
            if message is not None:
                got.append((message.linear, node.stale("stale/cmd")))
                node.request_stop()
        sub = horus.Sub("stale/cmd", horus.CmdVel, timeout=0.05, fallback="zero")
        horus.run(horus.Node("motor", receive, rate=100, subs=[sub]), duration=50)
        print(got)
        """) == ["[(0.0, True)]"]


def test_without_a_timeout_nothing_is_stale():
    node = horus.Node("calm", subs=[horus.Sub("stale/calm", horus.CmdVel)])
    assert node.stale("stale/calm") is False


def test_the_type_may_be_that_of_the_topic_s_name():
    node = horus.Node("n", subs=[horus.Sub("cmd_vel", timeout=0.2, fallback="zero")])
    assert node.recv("cmd_vel") is None


@pytest.mark.parametrize("sub, says", [
    (dict(timeout=0), r"timeout must be a finite number of seconds above 0, not 0"),
    (dict(timeout=float("nan")), "timeout must be a finite number"),
    (dict(fallback="zero"), "a fallback needs a timeout"),
    (dict(timeout=1, fallback="zeros"), "must be 'hold', 'zero', 'stop' or a CmdVel, not 'zeros'"),
    (dict(type=horus.Imu, timeout=1, fallback="zero"), "Imu has no message that is neutral"),
    (dict(type=horus.ServoCommand, timeout=1, fallback="zero"), "ServoCommand has no message"),
    (dict(type=horus.Image, timeout=1, fallback="hold"), "of Images is 'stop', or none"),
    (dict(type=None, timeout=1, fallback="hold"), "a timeout needs the topic's type"),
])
def test_what_does_not_fit_is_refused_with_its_topic(sub, says):
    with pytest.raises(ValueError, match=says) as refused:
        horus.Node("n", subs=[horus.Sub("stale/t", **{"type": horus.CmdVel, **sub})])
    assert "subs['stale/t']: " in str(refused.value)


@pytest.mark.parametrize("sub, says", [
    (dict(timeout="1"), "timeout must be a number of seconds, not str"),
    (dict(timeout=1, fallback=3), "or a CmdVel, not int"),
    (dict(timeout=1, fallback=horus.Twist()), "or a CmdVel, not horus.Twist"),
])
def test_a_wrong_type_is_a_type_error(sub, says):
    with pytest.raises(TypeError, match=says):
        horus.Node("n", subs=[horus.Sub("stale/t", horus.CmdVel, **sub)])


def test_of_a_motor_zero_is_no_torque():
    assert prints("""
        import horus
        def receive(node):
            command = node.recv("stale/motor")
            if command is not None:
                print(command.enable, command.target)
                node.request_stop()
        sub = horus.Sub("stale/motor", horus.MotorCommand, timeout=0.05, fallback="zero")
        horus.run(horus.Node("n", receive, rate=100, subs=[sub]), duration=50)
        """) == ["False 0.0"]


# The ladder

def test_a_degraded_node_has_half_its_rate_and_dt_says_so():
    assert prints("""
        import time
        import horus
        periods = []
        def tick(node):
            periods.append(horus.dt())
            time.sleep(0.03)
            if horus.dt() > 0.03:
                node.request_stop()
        horus.run(horus.Node("slow", tick, rate=50, degrade=True,
                             ladder={"warn": 1, "degrade": 2, "least": 0}), duration=50)
        print(periods[0], periods[-1])
        """) == ["0.02 0.04"]


def test_a_node_that_is_late_again_and_again_is_isolated_and_then_stops_the_run():
    assert prints("""
        import time
        import horus
        safe = []
        class Arm(horus.Node):
            def __init__(self):
                super().__init__("arm", rate=50, ladder=True)
            def tick(self, node):
                time.sleep(0.03)
            def enter_safe_state(self):
                safe.append(horus.tick())
        arm = Arm()
        scheduler = horus.Scheduler()
        scheduler.add(arm)
        scheduler.run(duration=50)
        print(len(safe), scheduler.get_node_stats("arm")["total_ticks"])
        """) == ["1 20"]


@pytest.mark.parametrize("arguments, says", [
    ({"ladder": {"warm": 1}}, "ladder has no 'warm'"),
    ({"ladder": {"warn": 0}}, r"ladder\['warn'\] must be 1 to 1000000"),
    ({"ladder": {"isolate": 2}}, "isolate must not be below degrade"),
    ({"degrade": True, "rate": None}, "degrade needs a rate"),
])
def test_a_ladder_that_cannot_be_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        horus.Node("n", **arguments)
