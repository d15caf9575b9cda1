# SPDX-License-Identifier: Apache-2.0
"""How many messages a subscription wants, where it begins, and that every message is counted."""
import pytest

import horus
from snippet import prints

SLOW = """
import horus
got = []
def send(node):
    for i in range(10):
        node.send("depth/cmd", horus.CmdVel(10 * horus.tick() + i, 0))
def receive(node):
    message = node.recv("depth/cmd")
    if message is not None:
        got.append(int(message.linear))
fast = horus.Node("fast", send, rate=10, pubs=[horus.Pub("depth/cmd", horus.CmdVel)])
slow = horus.Node("slow", receive, rate=10, subs=[SUB])
scheduler = horus.Scheduler()
for node in ORDER:
    scheduler.add(node)
for _ in range(50):
    scheduler.tick_once()
stats = scheduler.get_node_stats("slow")
print(got[-3:], stats["messages_missed"], stats["messages_dropped"],
      stats["messages_received"] + stats["messages_passed_over"])
"""


@pytest.mark.parametrize("order", ["(fast, slow)", "(slow, fast)"])
@pytest.mark.parametrize("sub, depth", [
    ('horus.Sub("depth/cmd", horus.CmdVel, 4)', 4), ('horus.Sub("depth/cmd", horus.CmdVel)', 16),
    ('horus.Sub("depth/cmd", horus.CmdVel, capacity=4)', 4)])
def test_a_slow_node_receives_what_is_new_whoever_came_first(order, sub, depth):
    program = SLOW.replace("ORDER", order).replace("SUB", sub)
    sent = 500 if order == "(fast, slow)" else 490
    newest = [sent - 20 - depth, sent - 10 - depth, sent - depth]
    assert prints(program) == [f"{newest} 0 0 {sent - depth + 1}"]


def test_who_wants_all_is_told_what_was_missed():
    assert prints("""
import horus
topic = horus.Topic("depth/all", capacity=8)
lists = []
def tick(node):
    for i in range(20):
        topic.send(i)
    lists.append(len(node.recv_all("depth/all")))
node = horus.Node("n", tick, rate=10, subs=[horus.Sub("depth/all", dict, depth=None)])
scheduler = horus.Scheduler().add(node)
scheduler.tick_once()
stats = scheduler.get_node_stats("n")
print(lists, stats["messages_missed"], stats["messages_passed_over"])
""") == ["[8] 12 0"]


def test_a_declaration_says_its_depth():
    assert horus.Sub("a", depth=3).capacity == horus.Sub("a", None, 3).depth == 3
    assert horus.Sub("a", capacity=None).depth is None and horus.Sub("a").depth is ...
    with pytest.raises(ValueError, match="they are one argument"):
        horus.Sub("a", depth=3, capacity=4)
    with pytest.raises(ValueError, match="subs\\['a'\\] has depth and capacity"):
        horus.Node("n", print, subs={"a": {"depth": 3, "capacity": 4}})
    for depth in (0, -1):
        with pytest.raises(ValueError, match="subs: depth must be 1 to"):
            horus.Node("n", print, subs=[horus.Sub("a", depth=depth)])
        with pytest.raises(ValueError, match="subs: depth must be 1 to"):
            horus.Node("n", print, subs={"a": {"depth": depth}})


def test_a_node_receives_nothing_from_before_its_scheduler_started():
    assert prints("""
import horus
topic = horus.Topic(horus.CmdVel, endpoint="depth/begin")
topic.send(horus.CmdVel(1, 0))
got = []
def init(node):
    topic.send(horus.CmdVel(2, 0))
def tick(node):
    got.extend(int(message.linear) for message in node.recv_all("depth/begin"))
node = horus.Node("n", tick, rate=10, init=init, subs=[horus.Sub("depth/begin", horus.CmdVel)])
horus.Scheduler().add(node).tick_once()
print(got, [int(message.linear) for message in topic.recv_all()],
      len(horus.Topic("depth/begin").recv_all()), horus.Topic("depth/begin", history=0).recv())
""") == ["[2] [1, 2] 2 None"]


def test_a_reader_without_a_type_counts_what_it_was_too_late_for():
    assert prints("""
import horus
reads = horus.Topic("depth/late")
assert reads.recv() is None
sends = horus.Topic("depth/late", capacity=16, policy="overwrite")
for i in range(1000):
    sends.send(i)
assert reads.wait(60)
got = reads.recv_all()
stats = reads.stats()
print(got == list(range(984, 1000)), stats["received"] + stats["missed"])
""") == ["True 1000"]


def test_a_second_run_receives_nothing_from_before_it_started():
    assert prints("""
import horus
topic = horus.Topic(horus.CmdVel, endpoint="depth/again")
got, counted = [], []
def init(node):
    topic.send(horus.CmdVel(10 * runs + 1, 0))
def tick(node):
    for name in ("depth/again", "depth/bare"):
        got.extend(int(message.linear) for message in node.recv_all(name))
    node.request_stop()
nodes = [horus.Node("n", tick, rate=100, init=init, failure_policy="fatal",
                    subs=[horus.Sub("depth/again", horus.CmdVel), horus.Sub("depth/bare")])]
for runs in (1, 2, 3):
    for _ in range(runs):
        topic.send(horus.CmdVel(10 * runs, 0))
    scheduler = horus.Scheduler().add(nodes[0])
    scheduler.run()
    stats = scheduler.get_node_stats("n")
    counted.append([stats["messages_" + name] for name in ("received", "passed_over", "missed")])
print(got, counted)
""") == ["[11, 21, 31] [[1, 0, 0], [1, 0, 0], [1, 0, 0]]"]


def test_a_node_that_a_frame_wakes_wants_the_newest_one():
    assert prints("""
import horus
got = []
def init(node):
    for i in range(1, 6):
        image = horus.Image(2, 2, "mono8")
        image.fill(i)
        node.send("frames", image)
def tick(node):
    got.append(int(node.recv("frames").to_numpy()[0, 0]))
    node.request_stop()
camera = horus.Node("camera", print, rate=10, init=init, pubs=[horus.Pub("frames", horus.Image)])
eye = horus.Node("eye", tick, on="frames", failure_policy="fatal")
scheduler = horus.Scheduler().add(camera).add(eye)
scheduler.run(duration=30)
print(got, scheduler.get_node_stats("eye")["messages_passed_over"])
""")[-1] == "[5] 4"
