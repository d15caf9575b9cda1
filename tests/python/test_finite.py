# SPDX-License-Identifier: Apache-2.0
"""Messages with NaN or infinite numbers, told apart and refused."""
from __future__ import annotations

import math

import pytest

import horus


def test_is_finite_looks_at_every_number() -> None:
    assert horus.is_finite(horus.CmdVel(linear=1.0, angular=2.0))
    assert not horus.is_finite(horus.CmdVel(linear=math.nan, angular=0.0))
    assert not horus.is_finite(horus.CmdVel(linear=0.0, angular=-math.inf))
    pose = horus.Pose2D(x=0.0, y=math.inf, theta=0.0)
    assert not horus.is_finite(pose)
    for wrong in (1.0, None, {"a": math.nan}):
        with pytest.raises(TypeError, match="is_finite"):
            horus.is_finite(wrong)


def test_a_command_without_a_limit_may_be_sent() -> None:
    topic = horus.Topic(horus.MotorCommand, finite=True)
    assert topic.send(horus.MotorCommand(motor_id=1, target=2.0))
    assert math.isinf(topic.recv().max_velocity)
    for wrong in ({"target": math.inf}, {"max_velocity": -math.inf}, {"max_velocity": math.nan}):
        with pytest.raises(ValueError, match=f"MotorCommand.{next(iter(wrong))}"):
            topic.send(horus.MotorCommand(**wrong))
    for kind in (horus.DifferentialDriveCommand, horus.PidConfig):
        assert horus.is_finite(kind())


def test_a_finite_topic_refuses_counts_and_goes_on() -> None:
    topic = horus.Topic(horus.CmdVel, finite=True)
    assert topic.send(horus.CmdVel(linear=1.0, angular=0.0))
    for number in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=r"'cmd_vel' takes finite.*CmdVel\.angular"):
            topic.send(horus.CmdVel(linear=0.0, angular=number))
    with pytest.raises(ValueError, match="CmdVel.linear"):
        topic.send({"linear": math.nan, "angular": 0.0})
    assert topic.send(horus.CmdVel(linear=2.0, angular=0.0))
    assert [message.linear for message in topic.recv_all()] == [1.0, 2.0]
    assert topic.stats()["dropped"] == 4


def test_a_topic_that_is_not_told_so_carries_any_number() -> None:
    topic = horus.Topic(horus.CmdVel)
    assert topic.send(horus.CmdVel(linear=math.nan, angular=0.0))
    assert math.isnan(topic.recv().linear)


def test_finite_is_for_messages_and_a_bool() -> None:
    with pytest.raises(TypeError, match="finite must be a bool"):
        horus.Topic(horus.CmdVel, finite=1)
    for kind in (dict, horus.Image):
        topic = horus.Topic("t-" + kind.__name__, msg_type=kind, finite=True)
        with pytest.raises(ValueError, match="finite is for topics of messages"):
            topic.send({"a": 1} if kind is dict else horus.Image(1, 1))


def test_a_node_whose_topic_is_finite_is_told() -> None:
    errors = []

    def tick(node: horus.Node) -> None:
        try:
            node.send("cmd_vel", horus.CmdVel(linear=math.nan, angular=0.0))
        except ValueError as error:
            errors.append(str(error))
            node.request_stop()

    pubs = [horus.Pub("cmd_vel", horus.CmdVel, finite=True)]
    horus.run(horus.Node(name="n", tick=tick, rate=100, pubs=pubs), duration=50)
    assert errors and "CmdVel.linear" in errors[0]
    pubs = {"cmd_vel": {"type": horus.CmdVel, "finite": True}}
    errors.clear()
    horus.run(horus.Node(name="n", tick=tick, rate=100, pubs=pubs), duration=50)
    assert errors
