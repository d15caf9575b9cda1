# SPDX-License-Identifier: Apache-2.0
"""Lines of log: which are written, whom they name, where they are kept, and what is missing."""
import re

import pytest
from running import program, run, until
from snippet import beside, ended, texts

import horus

STEPPED = """
import sys
import horus
def tick(node):
    node.log_debug("d")
    node.log_info("i")
    node.log_error("e")
async def later(node):
    node.log_info("async")
    return horus.dt()
scheduler = horus.Scheduler(name="steps", verbose="verbose" in sys.argv)
scheduler.add(horus.Node("a", tick, 10, init=lambda node: node.log_info("begins"),
                         shutdown=lambda node: node.log_info("ends")))
scheduler.add(horus.Node("b", later, 10, order=1))
for _ in range(2):
    scheduler.tick_once()
"""


@pytest.mark.parametrize("verbose", [False, True])
def test_a_stepped_node_is_named_with_its_tick_and_follows_verbose(verbose):
    done = ended(STEPPED + "scheduler.stop()", *(["verbose"] if verbose else []))
    said = [line for line in texts(done.stderr) if verbose or "debug" not in line]
    assert texts(done.stderr) == said
    debug = [["debug: a[0]: d"], ["debug: a[1]: d"]] if verbose else [[], []]
    assert said == ["a[0]: begins", *debug[0], "a[0]: i", "error: a[0]: e", "b[0]: async",
                    *debug[1], "a[1]: i", "error: a[1]: e", "b[1]: async", "a[2]: ends"]


def test_what_stepped_nodes_log_is_kept_while_they_live():
    with beside(STEPPED + "import signal; signal.pause()") as (running, environment):
        until(lambda: "b[1]: async" in running.text(), "stepped", running)
        log = run([program("horusctl"), "log", "steps"], environment).stdout
    assert re.findall(r"a\[\d\]: \w+", log) == ["a[0]: begins", "a[0]: i", "a[0]: e", "a[1]: i",
                                               "a[1]: e"], log
    assert "b[1]: async" in log


def test_a_best_effort_node_has_the_schedulers_period_when_it_is_stepped():
    seen = []

    def tick(node):
        seen.append(horus.dt())
        if len(seen) == 2:
            node.request_stop()

    scheduler = horus.Scheduler(tick_rate=200)
    scheduler.add(horus.Node("n", tick, rate=None))
    scheduler.tick_once()
    scheduler.stop()
    scheduler.run()
    assert len(seen) == 2 and seen[0] == seen[1]


def test_steps_of_two_schedulers_log_apart():
    done = ended("""
        import threading, horus
        begun, stepped = threading.Event(), threading.Event()
        def wait(node):
            begun.set()
            stepped.wait()
            node.log_info("one")
        one = horus.Scheduler(name="one").add(horus.Node("a", wait, 10))
        two = horus.Scheduler(name="two").add(
            horus.Node("b", lambda node: node.log_info("two"), 10))
        thread = threading.Thread(target=one.tick_once)
        thread.start()
        begun.wait()
        two.tick_once()
        two.stop()
        del two
        stepped.set()
        thread.join()
        one.stop()
    """)
    assert texts(done.stderr) == ["b[0]: two", "a[0]: one"], done.stderr


@pytest.mark.parametrize(("level", "heard"), [("error", ""), ("info", "i"), ("debug", "di")])
def test_a_nodes_level_counts_on_whichever_thread_it_logs(level, heard):
    done = ended("""
        import sys, threading, horus
        def tick(node):
            def log():
                node.log_debug("d")
                node.log_info("i")
                node.log_error("e")
            thread = threading.Thread(target=log)
            thread.start()
            thread.join()
            node.request_stop()
        scheduler = horus.Scheduler().add(horus.Node("n", tick, 10))
        scheduler._set_log_level(sys.argv[1])
        scheduler.run()
    """, level)
    lines = {"d": "debug: n: d", "i": "n: i"}
    assert texts(done.stderr) == [*(lines[one] for one in heard), "error: n: e"], done.stderr


def test_what_a_host_does_without_is_told_once_with_its_cause():
    done = ended("""
        import resource, horus
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        node = horus.Node("n", lambda node: node.request_stop(), 10)
        horus.Scheduler(name="/" * 40).add(node).run()
    """)
    assert done.returncode == 0, done.stderr
    log, socket = texts(done.stderr)
    assert re.fullmatch(r"warning: 'horusctl log' has no lines of host '/{40}': .+: "
                        r"File too large; raise LimitFSIZE= .+", log)
    assert re.fullmatch(r"warning: a level that is set while it runs does not reach host '/{40}': "
                        r"name a socket: .+\.sock: File name too long", socket)


def test_a_loop_whose_thread_does_not_end_in_time_blames_no_function_that_has():
    done = ended("""
        import asyncio, os, threading, time, horus
        workers = min(32, os.cpu_count() + 4)
        together = threading.Barrier(workers)
        async def ends_late():
            try:
                yield
            finally:
                time.sleep(1.0)
        async def tick(node):
            global late
            late = ends_late()
            await anext(late)
            await asyncio.gather(*[asyncio.to_thread(together.wait) for _ in range(workers)])
            node.request_stop()
        scheduler = horus.Scheduler(stop_timeout=0.2).add(horus.Node("a", tick, 10))
        scheduler.run()
    """)
    assert (done.returncode, texts(done.stderr)) == (0, [])


@pytest.mark.parametrize("error", ["ValueError('x' * 10_000_000)", "chain(300)"])
def test_of_a_traceback_without_end_the_beginning_and_the_end_are_told(error):
    done = ended(f"""
import horus
def chain(length):
    error = ValueError("first")
    for i in range(length):
        following = ValueError(i)
        following.__cause__ = error
        error = following
    return error
def tick(node):
    if horus.tick() == 2:
        raise {error}
    node.log_info("other line")
    if horus.tick() == 4:
        node.request_stop()
horus.run(horus.Node("a", tick, 50))
""")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "lines left out)" in done.stderr and "were lost" not in done.stderr
    assert "failed: ValueError: " in done.stderr
    assert ("ValueError: first" in done.stderr) == ("chain" in error)
    assert done.stderr.count("other line") == 4
