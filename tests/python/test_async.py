# SPDX-License-Identifier: Apache-2.0
"""Async nodes: one loop for all of a run, no tick kept by another's, what they wait told apart."""
import asyncio
import functools
import re
import threading

import pytest
from snippet import ended, prints, texts

import horus

START = """
import asyncio, contextvars, gc, threading, time
import horus
said = []
def run(*nodes, duration=0.5, **options):
    scheduler = horus.Scheduler(stop_timeout=2.0, **options)
    for node in nodes:
        scheduler.add(node)
    scheduler.run(duration)
    return {name: scheduler.get_node_stats(name) for name in scheduler.get_node_names()}
"""


def test_all_three_functions_may_be_async_and_share_one_thread():
    assert prints(START + """
async def init(node):
    await asyncio.sleep(0.01)
    said.append(("init", threading.current_thread().name))
async def tick(node):
    await asyncio.sleep(0.001)
    said.append(("tick", threading.current_thread().name))
async def shutdown(node):
    await asyncio.sleep(0.01)
    said.append(("shutdown", threading.current_thread().name))
stats = run(horus.Node("a", tick, 20, init=init, shutdown=shutdown))["a"]
print(said[0], said[1], said[-1])
print(stats["class"], stats["failed_ticks"], stats["total_ticks"] + stats["skipped_ticks"])
""") == ["('init', 'horus-asyncio') ('tick', 'horus-asyncio') ('shutdown', 'horus-asyncio')",
         "async 0 10"]


def test_methods_of_a_subclass_may_be_async():
    assert prints(START + """
class Reader(horus.Node):
    def __init__(self):
        super().__init__("reader", rate=50)
    async def init(self):
        self.lock = asyncio.Lock()
    async def tick(self):
        async with self.lock:
            await asyncio.sleep(0)
        said.append(horus.tick())
        if len(said) == 5:
            self.request_stop()
print(run(Reader(), duration=None)["reader"]["class"], said)
""") == ["async [0, 1, 2, 3, 4]"]


def test_a_slow_coroutine_delays_no_other_node():
    assert prints(START + """
async def slow(node):
    await asyncio.sleep(0.3)
async def quick(node):
    await asyncio.sleep(0)
stats = run(horus.Node("slow", slow, 50), horus.Node("quick", quick, 50),
            horus.Node("plain", lambda node: None, 50), duration=1)
for name in ("quick", "plain"):
    print(name, stats[name]["total_ticks"] > 10, stats[name]["failed_ticks"])
slow = stats["slow"]  # Skipped: a release while the last tick still waits.
print(slow["total_ticks"] <= 5, slow["total_ticks"] + slow["skipped_ticks"] >= 45)
""") == ["quick True 0", "plain True 0", "True True"]


def test_time_that_is_waited_is_no_run_time():
    assert prints(START + """
async def tick(node):
    await asyncio.sleep(0.4)
    until = time.monotonic() + 0.01
    while time.monotonic() < until:
        pass
    said.append(horus.budget_remaining())
stats = run(horus.Node("a", tick, 2, budget=0.3, deadline=0.3), duration=2)["a"]
print(10 <= stats["p50_tick_duration_ms"] < 300, 390e3 <= stats["p50_await_us"])
print(stats["budget_overruns"], 0.0 < min(said) <= max(said) <= 0.29)
""") == ["True True", "0 True"]


def test_tasks_of_a_node_count_as_its_run_time():
    assert prints(START + """
def burn():
    until = time.monotonic() + 0.02
    while time.monotonic() < until:
        pass
async def work():
    await asyncio.sleep(0)
    burn()
async def tick(node):
    await asyncio.gather(work(), work())
print(run(horus.Node("a", tick, 10))["a"]["p50_tick_duration_ms"] >= 39)
""") == ["True"]


def test_a_run_cancels_what_waits_at_its_stop_and_shuts_down():
    assert prints(START + """
async def tick(node):
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)  # Cleaning up may wait.
        said.append("cleaned")
async def shutdown(node):
    await asyncio.sleep(0.01)
    said.append("shut down")
stats = run(horus.Node("a", tick, 10, shutdown=shutdown))["a"]
print(said, stats["failed_ticks"], stats["state"])
""") == ["['cleaned', 'shut down'] 0 stopped"]


def test_two_hundred_coroutines_leave_nothing_behind():
    done = ended(START + """
import os, warnings
warnings.simplefilter("error")
fds = lambda: sorted(os.listdir("/proc/self/fd"))
begun, ends = [], []
async def wait_for_ever():
    begun.append(1)
    try:
        await asyncio.Event().wait()
    finally:
        ends.append(1)
async def init(node):
    for _ in range(100):
        asyncio.create_task(wait_for_ever())
async def tick(node):
    await wait_for_ever()
horus.run(horus.Node("first", lambda node: None, 10), duration=0.1)
before = fds(), threading.active_count()
def all_begun(node):
    if len(begun) == 201:
        node.request_stop()
nodes = [horus.Node(f"n{i}", tick, 10) for i in range(100)]
run(horus.Node("a", tick, 10, init=init), horus.Node("ends", all_begun, 20), *nodes, duration=None)
del nodes  # They keep the numbers of their run.
gc.collect()
print(len(ends), (fds(), threading.active_count()) == before)
print([o for o in gc.get_objects() if isinstance(o, (asyncio.Task, asyncio.AbstractEventLoop))])
print([o for o in gc.get_objects() if asyncio.iscoroutine(o)])
""")
    assert done.stdout == "201 True\n[]\n[]\n"
    assert texts(done.stderr) == []


def test_what_is_over_is_not_kept_while_the_run_goes_on():
    tasks, calls = map(int, prints(START + """
import concurrent.futures
def kept(kind):
    return sum(isinstance(one, kind) for one in gc.get_objects())
async def tick(node):
    await asyncio.to_thread(int)
    if horus.tick() == 50:
        gc.collect()
        print(kept(asyncio.Task), kept(concurrent.futures.Future))
        node.request_stop()
run(horus.Node("a", tick, 500), duration=None)
""")[-1].split())
    assert tasks < 10 and calls < 10


def test_an_exception_is_that_of_any_tick():
    done = ended(START + """
async def fetch():
    await asyncio.sleep(0)
    raise ValueError("no such page")
async def tick(node):
    await fetch()
errors = []
def on_error(node, error):
    errors.append(repr(error))
    if len(errors) == 3:
        node.request_stop()
stats = run(horus.Node("a", tick, 10, on_error=on_error), duration=None)["a"]
print(set(errors), stats["failed_ticks"] == stats["total_ticks"] == len(errors))
""")
    assert done.stdout == "{\"ValueError('no such page')\"} True\n"
    assert "in fetch" in done.stderr and "in tick" in done.stderr
    assert "_loop.py" not in done.stderr


def test_a_fatal_exception_leaves_run_with_its_traceback():
    assert prints(START + """
import traceback
async def tick(node):
    await asyncio.sleep(0)
    raise ValueError("broken")
try:
    run(horus.Node("a", tick, 10, failure_policy="fatal"))
except ValueError as error:
    print(traceback.extract_tb(error.__traceback__)[-1].name, error)
""") == ["tick broken"]


def test_a_restart_runs_init_again_and_ends_the_tasks_of_the_life_before():
    assert prints(START + """
async def background(number):
    try:
        await asyncio.Event().wait()
    finally:
        said.append(f"ended {number}")
async def init(node):
    node.life = getattr(node, "life", 0) + 1
    said.append(f"init {node.life}")
    asyncio.create_task(background(node.life))
async def tick(node):
    await asyncio.sleep(0)
    if node.life == 1:
        raise ValueError
    node.request_stop()
run(horus.Node("a", tick, 50, init=init, failure_policy="restart",
               failure={"retries": 3, "delay": 0.01}), duration=None)
print(said)
""") == ["['init 1', 'ended 1', 'init 2', 'ended 2']"]


def test_an_init_that_fails_ends_the_run_with_its_exception():
    assert prints(START + """
async def init(node):
    await asyncio.sleep(0)
    raise OSError("no camera")
try:
    run(horus.Node("a", lambda node: None, 10, init=init))
except OSError as error:
    print(error)
""") == ["no camera"]


def test_the_functions_of_time_and_the_log_know_the_node():
    done = ended(START + """
async def other():
    await asyncio.sleep(0)
    return horus.dt(), horus.tick()
async def tick(node):
    await asyncio.sleep(0.001)
    node.log_info(f"dt {horus.dt():g} tick {horus.tick()} {await asyncio.create_task(other())}")
    if horus.tick() == 1 and node.name == "b":
        node.request_stop()
run(horus.Node("a", tick, 20), horus.Node("b", tick, 10), duration=None)
print(horus.dt())
""")
    assert done.stdout == "0.0\n"
    assert "a[1]: dt 0.05 tick 1 (0.05, 1)" in done.stderr
    assert "b[1]: dt 0.1 tick 1 (0.1, 1)" in done.stderr


def test_what_an_init_sets_in_the_context_is_there_in_its_ticks_and_no_other_nodes():
    assert prints(START + """
var = contextvars.ContextVar("var", default="none")
async def init(node):
    var.set(node.name)
async def tick(node):
    said.append((node.name, var.get()))
    if len(set(said)) == 3:
        node.request_stop()
nodes = [horus.Node(name, tick, 10, init=init) for name in "ab"]
run(*nodes, horus.Node("c", tick, 10), duration=None)
print(sorted(set(said)))
""") == ["[('a', 'a'), ('b', 'b'), ('c', 'none')]"]


def test_topics_reach_a_coroutine_by_polling_and_by_waiting():
    assert prints(START + """
import horus.aio
async def init(node):
    node.topic = horus.aio.Topic("n")
async def tick(node):
    node.send("answer", await node.topic.recv())
def add(node):
    said.extend(node.recv_all("answer"))
    if said:
        node.request_stop()
sent = []
def send(node):
    node.send("n", 1)
    sent.append(1)
run(horus.Node("source", send, 50, pubs=["n"]),
    horus.Node("a", tick, 100, init=init, pubs=["answer"]),
    horus.Node("sum", add, 50, subs=["answer"]), duration=None)
print(0 < len(said) <= len(sent))
""") == ["True"]


def test_aio_comes_with_horus_and_asyncio_only_with_it():
    assert prints("""
import sys
import horus
print("asyncio" in sys.modules, horus.aio.Topic.__name__, "asyncio" in sys.modules)
""") == ["False Topic True"]


def test_sys_exit_and_interrupts_of_a_coroutine_end_the_run():
    assert prints(START + """
async def tick(node):
    await asyncio.sleep(0)
    raise SystemExit(7)
try:
    run(horus.Node("a", tick, 10, shutdown=lambda node: print("shut down")), duration=None)
except SystemExit as error:
    print(error.code)
""") == ["shut down", "7"]


def test_a_cancellation_that_is_no_stop_is_a_failure():
    assert prints(START + """
async def tick(node):
    if horus.tick() == 0:
        raise asyncio.CancelledError
    node.request_stop()
stats = run(horus.Node("a", tick, 50), duration=None)["a"]
print(stats["failed_ticks"], stats["total_ticks"])
""") == ["1 2"]


def test_a_coroutine_that_will_not_be_cancelled_is_named_and_ends_the_process():
    done = ended(START + """
import atexit
async def stubborn(node):
    while True:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
run(horus.Node("stubborn", stubborn, 10),
    horus.Node("other", lambda node: None, 10, shutdown=lambda node: print("shut", flush=True)))
""")
    assert done.returncode == 75
    assert done.stdout == "shut\n"
    assert "node 'stubborn' does not come back from its tick" in done.stderr


def test_the_watchdog_names_who_blocks_the_loop_and_nobody_who_waits():
    done = ended(START + """
async def blocks(node):
    await asyncio.sleep(0)
    time.sleep(1.6)
async def waits(node):
    await asyncio.sleep(1.6)
run(horus.Node("blocks", blocks, 100), horus.Node("waits", waits, 100, budget=None),
    duration=2.5, watchdog_ms=300)
""")
    assert "node 'blocks' has been in its tick for" in done.stderr
    assert "'waits'" not in done.stderr


def test_a_watchdog_that_was_given_counts_what_is_waited():
    done = ended(START + """
async def tick(node):
    await asyncio.sleep(1 if horus.tick() else 0)  # A first tick may take long.
run(horus.Node("a", tick, 10, watchdog=0.2), duration=1)
""")
    assert re.search(r"node 'a' has been in its tick for \d+ ms", done.stderr)


def test_init_may_be_async_where_the_tick_is_plain():
    assert prints(START + """
async def init(node):
    node.value = await asyncio.to_thread(lambda: 7)
def tick(node):
    said.append((node.value, threading.current_thread().name))
    node.request_stop()
print(run(horus.Node("a", tick, 10, init=init), duration=None)["a"]["class"], said)
""") == ["tick [(7, 'a')]"]


def test_what_outlives_the_run_in_a_thread_is_told_as_all_else_is():
    done = ended("""
import asyncio, threading
import horus
release = threading.Event()
async def tick(node):
    node.request_stop()
    await asyncio.to_thread(release.wait)
scheduler = horus.Scheduler(stop_timeout=0.2)
scheduler.add(horus.Node("a", tick, 50))
scheduler.run()
print("ran")
release.set()
""")
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    said = ("warning: a function in asyncio.to_thread() goes on after the run; "
            "the program ends when it does")
    assert texts(done.stderr) == [said], done.stderr


def test_an_exception_that_nobody_awaits_is_logged_with_its_node():
    done = ended(START + """
async def background():
    raise KeyError("lost")
async def tick(node):
    asyncio.create_task(background())
    await asyncio.sleep(0.01)
    node.request_stop()
run(horus.Node("a", tick, 10), duration=None)
""")
    assert "a: Task exception was never retrieved" in done.stderr
    assert "KeyError: 'lost'" in done.stderr


def test_asyncio_knows_the_tasks_and_how_they_are_drawn():
    assert prints(START + """
import inspect
async def inner():
    await asyncio.sleep(0.05)
async def tick(node):
    task = asyncio.current_task()
    child = asyncio.ensure_future(inner())
    await asyncio.sleep(0)
    said.append((task.get_name(), task.get_stack()[-1].f_code.co_name,
                 inspect.getcoroutinestate(child.get_coro()), child.get_coro().__qualname__))
    await child
    node.request_stop()
run(horus.Node("a", tick, 10), duration=None)
print(said)
""") == ["[('a', 'tick', 'CORO_SUSPENDED', 'inner')]"]


def test_a_task_that_is_drawn_by_hand_ends_with_its_value_whatever_it_is():
    assert prints(START + """
import contextlib
values = [None, 1, (1, 2), (), ValueError("kept")]
async def give(value):
    return value
async def tick(node):
    for value in values:
        task = asyncio.create_task(give(value))
        try:
            task.get_coro().send(None)
        except StopIteration as end:
            said.append(end.value is value)
        task.cancel()
        with contextlib.suppress(BaseException):
            await task
    node.request_stop()
horus.run(horus.Node("a", tick=tick, rate=1))
print(said[:5])
""") == ["[True, True, True, True, True]"]


@pytest.mark.parametrize("arguments, says", [
    ({"compute": True}, "compute=True and an async tick are mutually exclusive"),
    ({"on": "topic", "rate": None}, "on= and an async tick are mutually exclusive"),
    ({"rate": None}, "an async tick needs a rate"),
])
def test_classes_exclude_each_other(arguments, says):
    async def tick(node):
        pass

    for function in (tick, functools.partial(tick)):
        with pytest.raises(ValueError, match=says):
            horus.Node("a", function, **arguments)


@pytest.mark.parametrize("callback", ["on_error", "safe_state"])
def test_only_tick_init_and_shutdown_may_wait(callback):
    async def function(*arguments):
        pass

    with pytest.raises(ValueError, match="is an async function; only tick, init and shutdown"):
        horus.Node("a", lambda node: None, **{callback: function})


def test_an_event_loop_of_the_caller_goes_on_undisturbed():
    async def main():
        done = await asyncio.to_thread(
            horus.run, horus.Node("inner", _one_turn, rate=50), duration=0.05)
        return done, asyncio.get_running_loop().is_running()

    assert asyncio.run(main()) == (None, True)
    assert "horus-asyncio" not in [thread.name for thread in threading.enumerate()]


async def _one_turn(node):
    await asyncio.sleep(0)


def test_a_stop_between_steps_ends_the_loops_thread():
    assert prints("""
        import threading, horus
        async def tick(node):
            pass
        scheduler = horus.Scheduler().add(horus.Node("a", tick, 50))
        scheduler.tick_once()
        def loops():
            return [thread.name for thread in threading.enumerate() if "asyncio" in thread.name]
        print(len(loops()))
        scheduler.stop()
        print(len(loops()))
    """) == ["1", "0"]
