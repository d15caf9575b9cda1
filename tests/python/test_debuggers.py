# SPDX-License-Identifier: Apache-2.0
"""What debuggers, coverage and profilers see of the threads that tick, and what they may take."""
import sys

import pytest

from snippet import ended, prints

RUN = """
import horus, sys, threading, time
def run(tick, duration=0.5, node=None, **options):
    scheduler = horus.Scheduler(**options)
    scheduler.add(horus.Node("planner", tick, 50, **(node or {})))
    scheduler.run(duration)
    return scheduler
"""


def test_a_thread_that_ticks_is_one_of_threadings_while_it_lives():
    assert prints(RUN + """
seen = set()
def tick(node):
    mine = threading.current_thread()
    seen.add((mine.name, mine in threading.enumerate(), mine.native_id == threading.get_native_id(),
              mine.daemon))
before = threading.enumerate()
for _ in range(2):
    run(tick)
print(seen, threading.enumerate() == before)
""") == ["{('planner', True, True, True)} True"]


@pytest.mark.parametrize("compute", [False, True])
def test_trace_and_profile_functions_of_new_threads_see_ticks(compute):
    assert prints(RUN + f"""
traced, profiled = set(), set()
threading.settrace(lambda frame, event, _: traced.add(frame.f_code.co_name))
threading.setprofile(lambda frame, event, _: profiled.add(frame.f_code.co_name))
def helper():
    return 1
run(lambda node: helper(), node=dict(compute={compute}))
print("helper" in traced, "helper" in profiled)
""") == ["True True"]


def test_a_thread_ticks_also_where_threading_is_not_what_it_was():
    done = ended(RUN + """
def no(): raise RuntimeError("gone")
threading.gettrace = no
calls = []
def tick(node):
    calls.append(1)
    if len(calls) == 4:
        node.request_stop()
run(tick, None)
print(len(calls) == 4)
""")
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("trace, expired", [("None", True), ("lambda *_: None", False)])
def test_the_watchdogs_clock_stands_while_a_debugger_holds_the_thread(trace, expired):
    assert prints(RUN + f"""
def tick(node):
    if horus.tick() == 3:
        sys.settrace({trace})
        time.sleep(3)
        sys.settrace(None)
        node.request_stop()
scheduler = run(tick, None, watchdog_ms=500)
print(scheduler.safety_stats()["watchdog_expirations"] > 0)
""") == [str(expired)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
@pytest.mark.parametrize("tool, expired", [("COVERAGE_ID", True), ("DEBUGGER_ID", False)])
def test_the_watchdogs_clock_stands_while_a_debugger_monitors(tool, expired):
    assert prints(RUN + f"""
sys.monitoring.use_tool_id(sys.monitoring.{tool}, "tool")
def tick(node):
    if horus.tick() == 3:
        time.sleep(3)
        node.request_stop()
scheduler = run(tick, None, watchdog_ms=500)
print(scheduler.safety_stats()["watchdog_expirations"] > 0)
""") == [str(expired)]


@pytest.mark.parametrize("limit", [512 << 10, 8 << 20, 64 << 20, -1])
def test_a_tick_may_recurse_as_deep_as_a_thread_of_the_program(limit):
    deep = {512 << 10: 1500, 64 << 20: 60000}.get(limit, 8000)
    assert prints(f"""
import resource, subprocess, sys
limit = {limit}
program = '''
import horus, sys
sys.setrecursionlimit(10**6)
class Nested:
    def __init__(self, inner):
        self.inner = inner
    def __repr__(self):
        return repr(self.inner)
nested = 1
for _ in range({deep}):
    nested = Nested(nested)
horus.run(horus.Node("a", lambda n: print(repr(nested)) or n.request_stop(), 50))
'''
done = subprocess.run([sys.executable, "-c", program], preexec_fn=lambda: resource.setrlimit(
    resource.RLIMIT_STACK, (limit, resource.getrlimit(resource.RLIMIT_STACK)[1])))
print(done.returncode)
""") == ["1", "0"]


def test_a_child_forked_in_a_tick_has_a_main_thread_and_the_parent_its_own():
    assert prints(RUN + """
import multiprocessing
def child(queue):
    queue.put((threading.current_thread() is threading.main_thread(),
               len(threading.enumerate())))
context = multiprocessing.get_context("fork")
def tick(node):
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get(), process.join(), process.exitcode, threading.current_thread().name)
    node.request_stop()
run(tick)
""") == ["(True, 1) None 0 planner"]
