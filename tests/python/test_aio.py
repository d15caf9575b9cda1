# SPDX-License-Identifier: Apache-2.0
"""Topics in asyncio: every message to one waiter, none lost, nothing looked at in vain."""
import asyncio
import itertools
import resource
import select
import threading

import pytest

import horus
import horus.aio

_numbers = itertools.count()
# How a test ends that would otherwise hang.
LIMIT = 60


@pytest.fixture
def name():
    return f"aio/{next(_numbers)}"


def run(main):
    async def bounded():
        return await asyncio.wait_for(main(), LIMIT)

    return asyncio.run(bounded())


async def waiting(topic, count):
    """Until so many tasks wait on the topic."""
    while len(topic._waiting) < count:
        await asyncio.sleep(0)


def test_a_message_that_is_there_is_received_at_once(name):
    async def main():
        topic = horus.aio.Topic(name)
        assert topic.send({"v": 1}) is True
        return await topic.recv()

    assert run(main) == {"v": 1}


@pytest.mark.parametrize("make", [
    lambda name: horus.aio.Topic(horus.CmdVel, endpoint=name),
    lambda name: horus.aio.Topic(horus.Topic(horus.CmdVel, endpoint=name))])
def test_a_message_is_waited_for(name, make):
    async def main():
        topic, sender = make(name), horus.Topic(horus.CmdVel, endpoint=name)
        assert topic.topic.name == name and repr(topic) == f"aio.Topic('{name}')"
        thread = threading.Timer(0.05, sender.send, (horus.CmdVel(1, 2),))
        thread.start()
        return await topic.recv()

    assert run(main) == horus.CmdVel(1, 2)


def test_a_stream_of_messages_from_a_thread_is_complete(name):
    sender = horus.Topic(dict, capacity=4096, endpoint=name)
    topic = horus.aio.Topic(dict, endpoint=name)

    def send():
        for number in range(2000):
            sender.send(number)

    async def main():
        thread = threading.Thread(target=send)
        thread.start()
        got = []
        async for number in topic:
            got.append(number)
            if number == 1999:
                break
        thread.join()
        return got

    assert run(main) == list(range(2000))


def test_messages_one_by_one_each_wake_the_waiter(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        back, answers = horus.aio.Topic(name + "/back"), horus.Topic(name + "/back")

        async def answer():
            async for number in topic:
                answers.send(number)

        task = asyncio.ensure_future(answer())
        for number in range(300):
            sender.send(number)
            assert await back.recv() == number
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_several_tasks_share_a_topic_in_turn(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        tasks = []
        for count in range(1, 6):
            tasks.append(asyncio.ensure_future(topic.recv()))
            await waiting(topic, count)
        for number in range(5):
            sender.send(number)
        return await asyncio.gather(*tasks)

    assert run(main) == [0, 1, 2, 3, 4]


def test_a_none_that_was_sent_is_a_message(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        sender.send(None)
        first = await topic.recv()
        waits = asyncio.ensure_future(topic.recv())
        await waiting(topic, 1)
        sender.send(None)
        sender.send(1)
        return [first, await waits, await topic.recv()]

    assert run(main) == [None, None, 1]


def test_many_topics_in_one_loop(name):
    async def main():
        topics = [horus.aio.Topic(f"{name}/{i}") for i in range(20)]
        senders = [horus.Topic(f"{name}/{i}") for i in range(20)]
        tasks = [asyncio.ensure_future(topic.recv()) for topic in topics]
        for topic in topics:
            await waiting(topic, 1)
        for number in reversed(range(20)):
            senders[number].send(number)
        return await asyncio.gather(*tasks)

    assert run(main) == list(range(20))


def test_a_time_out_takes_no_message_along(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(topic.recv(), 0.02)
        assert not topic._waiting
        sender.send("late")
        return await topic.recv()

    assert run(main) == "late"


def test_a_task_that_is_cancelled_once_it_was_woken_leaves_its_message_to_the_next(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        first = asyncio.ensure_future(topic.recv())
        await waiting(topic, 1)
        second = asyncio.ensure_future(topic.recv())
        await waiting(topic, 2)
        sender.send("message")
        select.select([topic.topic], [], [], LIMIT)
        topic._wake()
        assert topic._waiting[0].done() and first.cancel()  # Before it has run on.
        assert await second == "message"
        assert first.cancelled()

    run(main)


def test_cancelling_at_every_moment_loses_nothing(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        got, sent = [], 300

        async def take():
            got.append(await topic.recv())

        for number in range(sent):
            task = asyncio.ensure_future(take())
            for _ in range(number % 4):
                await asyncio.sleep(0)
            sender.send(number)
            for _ in range(number % 7):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        while len(got) < sent:
            got.append(await topic.recv())
        return got

    assert run(main) == list(range(300))


def test_a_loop_that_is_closed_leaves_the_topic_to_the_next(name):
    topic, sender = horus.aio.Topic(name), horus.Topic(name)

    async def give_up():
        asyncio.ensure_future(topic.recv())
        await waiting(topic, 1)

    run(give_up)  # Cancels what still waits.
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(topic.recv())
    loop.run_until_complete(waiting(topic, 1))
    loop.close()
    sender.send(5)
    assert run(topic.recv) == 5
    # The task of the closed loop ends as it is collected.
    abandoned._log_destroy_pending = False
    abandoned.get_coro().close()
    sender.send(6)
    assert run(topic.recv) == 6


def test_two_loops_at_once_are_refused(name):
    topic = horus.aio.Topic(name)
    loop = asyncio.new_event_loop()
    task = loop.create_task(topic.recv())
    loop.run_until_complete(waiting(topic, 1))
    with pytest.raises(RuntimeError, match="waited for in another event loop"):
        run(topic.recv)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_waiting_costs_no_time(name):
    async def main():
        topic = horus.aio.Topic(name)
        task = asyncio.ensure_future(topic.recv())
        await waiting(topic, 1)
        before = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.sleep(1)
        after = resource.getrusage(resource.RUSAGE_SELF)
        task.cancel()
        return after.ru_utime - before.ru_utime

    assert run(main) < 0.2


def test_messages_that_nobody_waits_for_do_not_keep_the_loop_busy(name):
    async def main():
        topic, sender = horus.aio.Topic(name), horus.Topic(name)
        sender.send(0)
        assert await topic.recv() == 0
        task = asyncio.ensure_future(topic.recv())
        await waiting(topic, 1)
        sender.send(1)
        assert await task == 1
        sender.send(2)  # The descriptor is readable, and nobody waits.
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        await asyncio.sleep(0.5)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.2
        assert await topic.recv() == 2

    run(main)
