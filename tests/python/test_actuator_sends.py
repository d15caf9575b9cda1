# SPDX-License-Identifier: Apache-2.0
"""What an actuator sends while it may not act is refused, by whichever way it sends."""
import asyncio
import threading

import horus
import pytest

from acting import Acting, wait_for


def test_topics_that_were_not_declared_are_held_back_as_well():
    node = horus.Node("loose", lambda n: sent.append((n.send("here", 1), n.send("heard", 2))),
                      rate=200, subs=["heard"], actuator=True)
    sent = []
    with Acting(node):
        wait_for(lambda: len(sent) > 3)
        assert sent[0] == (False, False) == sent[-1]
        assert node.info.get_metrics()["messages_held"] >= 8
        horus.arm("loose")
        wait_for(lambda: sent[-1] == (True, True))


def test_a_topic_object_is_held_back_in_the_callbacks_of_an_actuator_and_nowhere_else():
    topic = horus.Topic("loose/topic")
    sent = {"init": [], "tick": [], "safe": [], "sense": []}
    drive = horus.Node("drive", lambda node: sent["tick"].append(topic.send(1)), rate=200,
                       init=lambda node: sent["init"].append(topic.send(0)),
                       safe_state=lambda node: sent["safe"].append(topic.send(2)), actuator=True)
    sense = horus.Node("sense", lambda node: sent["sense"].append(topic.send(3)), rate=200)
    with Acting(drive, sense):
        wait_for(lambda: len(sent["tick"]) > 3 and sent["sense"])
        assert sent["init"] == [False] and not any(sent["tick"])
        assert topic.send(4), "the program's own thread is nobody's callback"
        assert topic.stats()["dropped"] == 0, "held back is not lost"
        horus.arm("drive")
        wait_for(lambda: sent["tick"][-1])
        horus.estop("fire")
        wait_for(lambda: sent["safe"])
        assert sent["safe"] == [True], "its way to rest goes out"
        at = len(sent["tick"])
        wait_for(lambda: len(sent["tick"]) > at + 5)
        assert not any(sent["tick"][at + 1:])
    assert all(sent["sense"])


def test_what_an_actuator_has_another_node_send_is_held_back():
    voice = horus.Node("voice", lambda node: None, rate=100, pubs={"word": dict})
    drive = horus.Node("drive", lambda node: sent.append(voice.send("word", 1)), rate=200,
                       actuator=True)
    sent = []
    with Acting(voice, drive):
        wait_for(lambda: len(sent) > 3)
        assert not any(sent)
        horus.arm()
        wait_for(lambda: sent[-1])


def test_an_async_actuator_is_held_back_between_its_awaits():
    topic = horus.Topic("async/topic")
    sent = []

    async def tick(node):
        first = node.send("cmd", 1), topic.send(1)
        await asyncio.sleep(0.002)
        sent.append((*first, node.send("cmd", 2), topic.send(2)))

    drive = horus.Node("drive", tick, rate=100, pubs={"cmd": dict}, actuator=True)
    with Acting(drive):
        wait_for(lambda: len(sent) > 2)
        assert sent[-1] == (False,) * 4
        horus.arm()
        wait_for(lambda: sent[-1] == (True,) * 4)


@pytest.mark.parametrize("stops", [True, False], ids=["by a stop", "by its hang"])
def test_only_the_callback_sends_while_the_tick_hangs_beside_it(stops):
    class Stuck(horus.Node):
        def __init__(self):
            super().__init__("stuck", rate=100, pubs={"cmd": dict}, actuator=True,
                             arm_at_start=True, watchdog=0.1, safe_state_async=True)
            self.rests, self.hung = threading.Event(), threading.Event()
            self.ticked = threading.Event()
            self.of_tick, self.of_rest = [], []

        def tick(self):
            if horus.tick() != 5:
                return
            self.hung.set()
            assert self.rests.wait(60)
            self.of_tick.append((self.send("cmd", 1), topic.send(1)))
            self.ticked.set()

        def enter_safe_state(self):
            before = self.send("cmd", 0), topic.send(0)
            self.rests.set()
            assert self.ticked.wait(60)
            self.of_rest.append((*before, self.send("cmd", 0), topic.send(0)))

    topic = horus.Topic("stuck/topic")
    node = Stuck()
    with Acting(node):
        assert node.hung.wait(60)
        if stops:
            horus.estop("fire")
        wait_for(lambda: node.of_rest)
    assert node.of_rest == [(True,) * 4], "on whichever thread it runs"
    assert node.of_tick == [(False, False)], "a tick that hangs is not let through with it"
