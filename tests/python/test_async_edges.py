# SPDX-License-Identifier: Apache-2.0
"""Async nodes at their limits: what blocks the loop, what ends the process, what forks."""
import pytest

from snippet import ended, prints
from test_async import START


def test_who_blocks_the_loop_at_a_stop_is_named_and_not_who_waits_for_it():
    done = ended(START + """
async def waits(node):
    await asyncio.sleep(60)
async def blocks(node):
    await asyncio.sleep(0.1)
    node.request_stop()
    time.sleep(60)
run(horus.Node("a-waits", waits, 10), horus.Node("blocks", blocks, 10),
    horus.Node("z-waits", waits, 10), duration=None)
""")
    assert done.returncode == 75
    assert "node 'blocks' does not come back from its tick" in done.stderr


def test_a_tick_that_swallows_its_cancellation_is_named_while_the_stop_waits():
    done = ended(START + """
async def tick(node):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
horus.Scheduler(stop_timeout=3).add(horus.Node("a", tick, 10)).run(0.1)
""")
    assert done.returncode == 75
    waits, ends = (done.stderr.index(words) for words in (
        "the stop waits for node 'a': its tick awaits something\n",
        "node 'a' does not come back from its tick"))
    assert waits < ends, done.stderr
    assert done.stderr.count("the stop waits for") == 1, done.stderr


def test_code_that_computes_is_interrupted_at_a_stop():
    assert prints(START + """
async def tick(node):
    await asyncio.sleep(0)
    while True:
        pass
print(run(horus.Node("a", tick, 10, shutdown=lambda node: print("shut")))["a"]["failed_ticks"])
""") == ["shut", "0"]


def test_an_exit_of_a_task_that_nobody_awaits_ends_the_run():
    assert prints(START + """
async def leave():
    raise SystemExit(7)
async def tick(node):
    asyncio.create_task(leave())
    await asyncio.sleep(60)
try:
    run(horus.Node("a", tick, 10), duration=None)
except SystemExit as error:
    print(error.code)
""") == ["7"]


def test_a_second_run_has_a_loop_of_its_own():
    assert prints(START + """
async def tick(node):
    said.append(asyncio.get_running_loop())
    node.request_stop()
node = horus.Node("a", tick, 10)
run(node, duration=None)
run(node, duration=None)
print(len(set(said)), [loop.is_closed() for loop in said])
""") == ["2 [True, True]"]


def test_a_default_watchdog_lets_a_coroutine_wait():
    done = ended(START + """
async def tick(node):
    await asyncio.sleep(1.5 if horus.tick() else 0)
run(horus.Node("a", tick, 100, safe_state=lambda node: print("safe")), duration=2)
""")
    assert done.stdout == ""
    assert "has been in its tick" not in done.stderr


@pytest.mark.forks
def test_a_child_that_a_coroutine_forks_ends_there():
    done = ended(START + """
import os
async def tick(node):
    await asyncio.sleep(0)
    child = os.fork()
    if child:
        said.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        node.request_stop()
run(horus.Node("a", tick, 10), duration=None)
print(len(said), said[0] != 0, threading.active_count())
""")
    assert done.stdout == "1 True 1\n"


def test_a_trace_function_sees_the_coroutine():
    assert prints(START + """
import sys
lines = []
def trace(frame, event, argument):
    if frame.f_code.co_name == "tick":
        lines.append(event)
    return trace
threading.settrace(trace)
async def tick(node):
    await asyncio.sleep(0)
    node.request_stop()
run(horus.Node("a", tick, 10), duration=None)
print("call" in lines, "line" in lines)
""") == ["True True"]


def test_a_tick_that_is_being_handed_over_as_the_run_stops_is_cancelled():
    assert prints("""
import asyncio, threading, time
import horus
from horus import _loop
real, handing_over = _loop.Loop.submit, threading.Event()
def submit(self, node, number, last):
    if number == 3:  # Its tick 1, after an init() and tick 0.
        handing_over.set()
        time.sleep(1)  # Many looks of who stops the run: each would cancel what is not there yet.
    return real(self, node, number, last)
_loop.Loop.submit = submit
async def tick(node):
    if horus.tick() > 0:
        await asyncio.Event().wait()
def stop(node):
    if handing_over.is_set():
        node.request_stop()
horus.run(horus.Node("waits", tick, 50), horus.Node("stops", stop, 100))
print("ended")
""") == ["ended"]
