# SPDX-License-Identifier: Apache-2.0
"""Topic objects: types, waiting, descriptors, counts."""
import asyncio
import itertools
import select
import threading

import pytest

import horus
from snippet import ended, prints

_numbers = itertools.count()


@pytest.fixture
def name():
    return f"topic/{next(_numbers)}"


def test_a_topic_says_what_it_is(name):
    topic = horus.Topic(horus.CmdVel, endpoint=name)
    assert (topic.name, topic.endpoint, topic.backend_type) == (name, name, "shm")
    assert not topic.is_generic and horus.Topic(dict, endpoint=name + "/any").is_generic
    assert repr(topic) == f"Topic('{name}')"


def test_a_bare_type_has_its_own_topic():
    assert horus.Topic(horus.LaserScan).name == "scan"
    assert horus.Topic(horus.Image).name == "image"


@pytest.mark.parametrize("arguments, error, says", [
    ((3,), TypeError, "a topic's type is a message class, Image, .*Tensor or dict, not 3"),
    ((int,), TypeError, "not <class 'int'>"),
    ((dict,), ValueError, "has no topic of its own; say endpoint="),
    (("",), ValueError, "topic name"), (("two words",), ValueError, "topic name"),
    (("x" * 201,), ValueError, "topic name"), (("t", 0), ValueError, "capacity must be 1 to"),
    (("t", "5"), TypeError, "str"), (("t", None, "a@b"), ValueError, "do not leave this machine"),
    ((), TypeError, "takes a name, a type")])
def test_a_topic_that_cannot_be_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        horus.Topic(*arguments)


@pytest.mark.parametrize("other", [horus.Imu, horus.Image, dict])
def test_a_type_mismatch_names_both_types(name, other):
    first = horus.Topic(horus.CmdVel, endpoint=name)
    other_name = "generic" if other is dict else other.__name__
    with pytest.raises(TypeError, match=f"'{name}' carries CmdVel, asked for {other_name}"):
        horus.Topic(other, endpoint=name)
    assert first.send(horus.CmdVel(1, 2))


def test_a_name_alone_takes_the_type_that_is_there(name):
    first = horus.Topic(horus.CmdVel, endpoint=name)
    by_name = horus.Topic(name)
    assert not by_name.is_generic
    assert first.send({"linear": 1, "angular": 2}) and by_name.wait(60)
    assert by_name.recv() == horus.CmdVel(1, 2)


def test_a_topic_that_does_not_exist_yet_is_waited_for(name):
    waiting = horus.Topic(name)
    assert waiting.wait(0) is False and waiting.recv() is None
    senders = []

    def send():
        senders.append(horus.Topic(horus.Imu, endpoint=name))
        senders[0].send(horus.Imu(1, 2, 3, 4, 5, 6))

    thread = threading.Thread(target=send)
    thread.start()
    assert waiting.wait(60) is True
    assert waiting.recv().accel_x == 1.0
    thread.join()


def test_read_latest_passes_over_what_is_older(name):
    topic = horus.Topic(name)
    topic.send(0)
    topic.wait(60)
    for number in range(1, 5):
        topic.send(number)
    assert topic.read_latest() == 4
    assert topic.read_latest() is None and topic.recv() is None


def test_what_is_overwritten_is_counted_exactly(name):
    topic = horus.Topic(name, capacity=4)
    topic.send(0)
    topic.wait(60)
    for number in range(1, 100):
        assert topic.send(number) is True
    received = topic.recv_all()
    assert received[-1] == 99
    stats = topic.stats()
    assert 0 < stats.pop("age") < 60
    lost = 100 - len(received)
    counts = {"sent": 100, "copied": 0, "received": len(received), "dropped": 0, "missed": lost,
              "passed_over": 0, "torn": 0}
    assert {key: stats.pop(key) for key in counts} == counts
    assert stats == {"messages_sent": 100, "messages_received": len(received),
                     "send_failures": 0, "recv_failures": 0, "dropped_count": 0,
                     "missed_count": lost, "is_network": False, "backend": "shm"}


def test_wait_lets_other_threads_run(name):
    topic, sender = horus.Topic(name), horus.Topic(name)
    worked = threading.Event()

    def work():
        sum(range(100_000))
        worked.set()
        sender.send("done")

    thread = threading.Thread(target=work)
    thread.start()
    assert topic.wait(60) is True and worked.is_set()
    assert topic.recv() == "done"
    thread.join()


@pytest.mark.parametrize("timeout, error", [(-1, ValueError), (float("nan"), ValueError),
                                            ("1", TypeError)])
def test_a_time_out_that_is_none_is_refused(name, timeout, error):
    with pytest.raises(error):
        horus.Topic(name).wait(timeout)


def test_only_one_thread_receives_from_a_topic_object(name):
    topic, sender = horus.Topic(name), horus.Topic(name)
    refusals = []

    def receive():
        while not refusals:
            try:
                topic.recv()
            except RuntimeError as refusal:
                refusals.append(str(refusal))
        sender.send(1)

    thread = threading.Thread(target=receive)
    thread.start()
    assert topic.wait(60) is True
    thread.join()
    assert refusals == [f"another thread waits for topic '{name}'; receive in that one"]


def test_ctrl_c_ends_a_wait():
    done = ended("""
        import os, signal, threading, time, horus
        topic = horus.Topic("never")
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        topic.wait()
    """)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_a_descriptor_is_readable_while_there_are_messages(name):
    topic, sender = horus.Topic(name), horus.Topic(name)
    descriptor = topic.fileno()
    assert topic.fileno() == descriptor
    for number in range(3):
        sender.send(number)
        assert select.select([topic], [], [], 60)[0] == [topic]
        assert topic.recv() == number
        assert topic.recv() is None
        assert select.select([topic], [], [], 0)[0] == []


def test_a_message_received_before_its_signal_does_not_silence_the_descriptor(name):
    topic, sender = horus.Topic(name), horus.Topic(name)
    topic.fileno()
    for number in range(0, 200, 2):
        assert topic.recv() is None  # From here on the descriptor is watched.
        sender.send(number)
        while (first := topic.recv()) is None:  # Perhaps faster than the signal.
            pass
        assert first == number
        sender.send(number + 1)
        assert select.select([topic], [], [], 60)[0] == [topic]
        assert topic.recv() == number + 1


@pytest.mark.parametrize("look", [lambda t: t.recv_all(), lambda t: t.has_msg(),
                                  lambda t: t.read_latest(), lambda t: t.wait(0)])
def test_looking_in_vain_does_not_silence_the_descriptor(name, look):
    topic, sender = horus.Topic(name), horus.Topic(name)
    topic.fileno()
    for number in range(20):
        assert not look(topic)
        sender.send(number)
        assert select.select([topic], [], [], 60)[0] == [topic]
        assert topic.recv() == number


def test_select_waits_for_many_topics_at_once(name):
    topics = [horus.Topic(f"{name}/{i}") for i in range(8)]
    senders = [horus.Topic(f"{name}/{i}") for i in range(8)]
    assert select.select(topics, [], [], 0)[0] == []
    for number in (5, 2, 7):
        senders[number].send(number)
        assert select.select(topics, [], [], 60)[0] == [topics[number]]
        assert topics[number].recv() == number and topics[number].recv() is None


def test_a_descriptor_wakes_an_event_loop(name):
    topic, sender = horus.Topic(name), horus.Topic(name)

    async def receive():
        loop = asyncio.get_running_loop()
        there = asyncio.Event()
        loop.add_reader(topic.fileno(), there.set)
        loop.call_later(0.05, sender.send, {"v": 1})
        await there.wait()
        loop.remove_reader(topic.fileno())
        return topic.recv()

    assert asyncio.run(receive()) == {"v": 1}


def test_counts_are_of_all_processes():
    assert prints("""
        import subprocess, sys, horus
        topic = horus.Topic("shared")
        assert (topic.pub_count(), topic.sub_count()) == (0, 0)
        topic.send(1)
        topic.wait(60)
        print(topic.pub_count(), topic.sub_count(), topic.pending_count())
        other = subprocess.Popen([sys.executable, "-c", '''if True:
            import sys, horus
            topic = horus.Topic("shared")
            topic.send(2)
            print("there", flush=True)
            sys.stdin.read()
        '''], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        other.stdout.readline()
        print(topic.pub_count(), topic.sub_count())
        other.kill()
        other.wait()
        print(topic.pub_count(), topic.sub_count())
    """) == ["1 1 1", "2 2", "1 1"]


def test_a_publisher_that_is_killed_leaves_what_it_sent():
    assert prints("""
        import os, signal, subprocess, sys, horus
        topic = horus.Topic(horus.CmdVel)
        subprocess.run([sys.executable, "-c", '''if True:
            import os, signal, horus
            topic = horus.Topic(horus.CmdVel)
            for number in range(5):
                topic.send(horus.CmdVel(number, 0))
            os.kill(os.getpid(), signal.SIGKILL)
        '''])
        got = []
        while len(got) < 5 and topic.wait(60):
            got.append(topic.recv().linear)
        print(got, topic.recv())
    """) == ["[0.0, 1.0, 2.0, 3.0, 4.0] None"]


def test_an_event_node_ticks_for_messages_of_other_processes():
    assert prints("""
        import subprocess, sys, horus
        got = []
        def work(node):
            before = len(got)
            for message in node.recv_all("work"):
                got.append(message["n"])
            if not before:
                print(file=node.other.stdin, flush=True)
            if len(got) == 50:
                node.request_stop()
        def start(node):
            node.other = subprocess.Popen([sys.executable, "-c", '''if True:
                import time, horus
                topic = horus.Topic(dict, endpoint="work")
                while topic.sub_count() < 2:
                    time.sleep(0.01)
                topic.send({"n": 0})
                input()  # Once that one was taken.
                for n in range(1, 50):
                    topic.send({"n": n})
                    time.sleep(0.002)
                input()
            '''], stdin=subprocess.PIPE, text=True)
        subs = [horus.Sub("work", dict, depth=None)]
        node = horus.Node("worker", work, on="work", subs=subs, init=start)
        horus.run(node, duration=50)
        node.other.communicate("\\n")
        print(got == list(range(50)))
        print(2 <= node.info.tick_count() <= 51)
    """) == ["True", "True"]
