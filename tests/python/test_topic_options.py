# SPDX-License-Identifier: Apache-2.0
"""How a topic is opened: what a full one does, how large its values may be, where one starts."""
import pytest

import horus
from snippet import prints


@pytest.fixture
def name(request):
    return "options/" + request.node.name.replace("[", "_").replace("]", "")


def fill(topic, most=1000):
    """How many messages the topic takes before it refuses one."""
    for n in range(most):
        if not topic.send({"n": n}):
            return n
    return most


def test_a_topic_that_refuses_keeps_every_message_for_its_reader(name):
    sends = horus.Topic(name, 4, policy="refuse")
    sends.send({"n": -1})
    reads = horus.Topic(name, history=1)
    assert reads.recv() == {"n": -1}
    assert fill(sends) == 4
    assert sends.stats()["dropped"] == 1
    assert [reads.recv()["n"] for _ in range(4)] == [0, 1, 2, 3]
    assert reads.stats()["missed"] == 0
    assert sends.send({"n": 4}) and reads.recv() == {"n": 4}


def test_without_a_reader_nothing_is_refused(name):
    sends = horus.Topic(name, 4, policy="refuse")
    sends.send({"n": 0})
    assert fill(sends, 100) == 100


def test_a_topic_that_overwrites_says_what_was_missed(name):
    sends = horus.Topic(dict, 4, name, policy="overwrite")
    reads = horus.Topic(dict, endpoint=name)
    sends.send({"n": -1})
    assert fill(sends, 100) == 100
    assert reads.recv() == {"n": 96}
    assert reads.stats()["missed"] == 97


def test_a_topic_that_refuses_can_be_read_by_who_opened_it(name):
    topic = horus.Topic(horus.CmdVel, 4, name, policy="refuse")
    assert topic.recv() is None
    assert topic.send(horus.CmdVel(1.0, 0.0))
    assert topic.recv().linear == 1.0


@pytest.mark.parametrize("target", [
    "'cold'", "dict, endpoint='cold'", "horus.CmdVel, endpoint='cold'"])
def test_what_a_topic_that_refuses_took_before_it_was_first_read_is_counted(target):
    topic = f"horus.Topic({target}, capacity=4, policy='refuse')"
    assert prints(f'''
import subprocess, sys
import horus
reads = {topic}
sends = """
import horus
topic = {topic}
print(sum(topic.send(dict(linear=i, angular=0)) for i in range(100)))
"""
print(subprocess.run([sys.executable, "-c", sends], capture_output=True, text=True).stdout.strip())
print([int(message["linear"]) for message in reads.recv_all()], reads.stats()["missed"])
''') == ["100", "[96, 97, 98, 99] 96"]


@pytest.mark.parametrize("typed", [False, True])
def test_who_may_receive_is_waited_for_from_his_making_on(name, typed):
    target = {"type_or_name": horus.CmdVel if typed else name, "endpoint": name}
    reads = horus.Topic(**target)
    sends = horus.Topic(**target, capacity=4, policy="refuse")
    taken = [sends.send({"linear": n, "angular": 0.0}) for n in range(6)]
    assert taken == [True] * 4 + [False] * 2
    assert reads.wait(10) and [message["linear"] for message in reads.recv_all()] == [0, 1, 2, 3]
    assert reads.stats()["missed"] == 0


def test_who_has_asked_for_a_message_is_waited_for_though_the_topic_came_later(name):
    reads = horus.Topic(name)
    assert reads.recv() is None
    sends = horus.Topic(name, 4, policy="refuse")
    assert fill(sends) == 4
    assert reads.wait(10) and len(reads.recv_all()) == 4 and reads.stats()["missed"] == 0


def test_policies_must_agree(name):
    topic = horus.Topic(horus.CmdVel, endpoint=name, policy="refuse")
    assert topic.send(horus.CmdVel(1.0, 0.0))
    with pytest.raises(TypeError, match="refuses, asked for one that overwrites"):
        horus.Topic(horus.CmdVel, endpoint=name, policy="overwrite")
    assert horus.Topic(horus.CmdVel, endpoint=name, history=0).recv() is None


def test_a_late_reader_starts_as_far_back_as_it_asks(name):
    sends = horus.Topic(horus.CmdVel, endpoint=name)
    for n in range(10):
        sends.send(horus.CmdVel(n, 0.0))
    reads = horus.Topic(horus.CmdVel, endpoint=name, history=3)
    assert [message.linear for message in reads.recv_all()] == [7.0, 8.0, 9.0]
    assert len(horus.Topic(horus.CmdVel, endpoint=name).recv_all()) == 10
    assert horus.Topic(horus.CmdVel, endpoint=name, history=0).recv() is None


def test_a_value_may_be_as_large_as_its_topic_says(name):
    large = {"text": "x" * 100_000}
    with pytest.raises(ValueError, match="limit of 65536; .* say max_size=10001. or more$"):
        horus.Topic(name).send(large)
    topic = horus.Topic(name + "/large", max_size=200_000)
    assert topic.send(large) and topic.recv() == large
    with pytest.raises(ValueError, match="200000"):
        topic.send({"text": "x" * 300_000})
    with pytest.raises(ValueError, match="200000.*300000"):
        horus.Topic(name + "/large", max_size=300_000).send({})


def test_a_message_of_fixed_size_has_no_other(name):
    with pytest.raises(ValueError, match="max_size"):
        horus.Topic(horus.CmdVel, endpoint=name, max_size=100)


@pytest.mark.parametrize("options, says", [
    ({"policy": "drop"}, "policy must be 'overwrite' or 'refuse', not 'drop'"),
    ({"policy": 1}, "policy must be"),
    ({"capacity": 0}, "capacity must be 1 to 16777216, not 0"),
    ({"max_size": 1 << 40}, "max_size must be 1 to 4194304"),
    ({"history": -1}, "history must be 0 to 16777216, not -1"),
    ({"history": 1.5}, "history must be an int, not float")])
def test_a_mistake_names_the_argument(name, options, says):
    with pytest.raises((ValueError, TypeError), match=f"Topic: {says}"):
        horus.Topic(name, **options)


def test_nodes_say_the_same_of_their_ports(name):
    got, sent = [], []

    def send(node):
        sent.append(node.send(name, {"n": len(sent)}))

    def read(node):
        got.extend(message["n"] for message in node.recv_all(name))

    horus.run(horus.Node(name="sends", tick=send, rate=200, order=0,
                         pubs=[horus.Pub(name, dict, 8, policy="refuse")]),
              horus.Node(name="reads", tick=read, rate=50, order=1,
                         subs={name: {"type": dict, "history": 8}}),
              duration=0.5)
    assert all(sent) and got == list(range(len(got))) and len(got) > 50


@pytest.mark.parametrize("ports, says", [
    ({"pubs": {"a": {"history": 1}}}, r"pubs\['a'\] has no 'history' \(known: type, capacity, "),
    ({"subs": {"a": {"policy": "refuse"}}}, r"subs\['a'\] has no 'policy'"),
    ({"pubs": [horus.Pub("a", policy="keep")]}, "pubs: policy must be"),
    ({"subs": [horus.Sub("a", history=-1)]}, "subs: history must be")])
def test_a_mistake_in_a_declaration_names_it(ports, says):
    with pytest.raises(ValueError, match=says):
        horus.Node(name="n", tick=lambda node: None, **ports)


@pytest.mark.parametrize("reader", [
    lambda name: horus.Topic(dict, endpoint=name),
    lambda name: horus.Topic(dict, endpoint=name, policy="overwrite", max_size=1000),
    lambda name: horus.Topic(dict, endpoint=name, max_size=400_000)], ids=["bare", "less", "more"])
def test_who_publishes_first_says_what_a_topic_is_whoever_subscribed_before(name, reader):
    reads = reader(name)
    sends = horus.Topic(dict, 4, name, policy="refuse", max_size=200_000)
    large = {"text": "x" * 150_000}
    assert sends.send(large) and reads.recv() == large
    with pytest.raises(ValueError, match="200000"):
        sends.send({"text": "x" * 300_000})
    assert fill(sends) == 4 and [reads.recv()["n"] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(TypeError, match="refuses, asked for one that overwrites"):
        horus.Topic(dict, endpoint=name, policy="overwrite")
