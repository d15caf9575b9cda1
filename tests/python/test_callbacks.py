# SPDX-License-Identifier: Apache-2.0
"""A node's functions: which are called, with what, and what follows when they raise."""
import pytest

from snippet import ended, prints

START = """
import horus, sys
said = []
def run(*nodes, over=lambda stats: stats["total_ticks"] >= 8):
    # Until the first node's numbers say that it is over.
    scheduler = horus.Scheduler()
    def watch(node):
        if over(scheduler.get_node_stats(nodes[0].name)):
            node.request_stop()
    for node in (*nodes, horus.Node("watch", watch, 47)):  # A rate, and so a thread, of its own.
        scheduler.add(node)
    try:
        scheduler.run()
    finally:
        run.stats = {node.name: scheduler.get_node_stats(node.name) for node in nodes}
    return run.stats
"""


def test_functions_are_called_in_order_with_their_node():
    assert prints(START + """
def note(word):
    def callback(node):
        assert type(node) is horus.Node
        said.append((word, node.name))
    return callback
run(horus.Node("a", note("tick"), 50, init=note("init"), shutdown=note("shutdown")))
print(said[0], said[1], said[-1], {word for word, _ in said[1:-1]})
""") == ["('init', 'a') ('tick', 'a') ('shutdown', 'a') {'tick'}"]


def test_methods_of_a_subclass_are_called():
    assert prints(START + """
class Arm(horus.Node):
    def __init__(self):
        super().__init__(name="arm", rate=50)
        self.count = 0
    def init(self):
        said.append("init")
    def tick(self):
        self.count += 1
    def shutdown(self, node):
        assert node is self
        said.append("shutdown")
arm = Arm()
run(arm)
print(said, arm.count == run.stats["arm"]["total_ticks"], arm.count > 5)
""") == ["['init', 'shutdown'] True True"]


@pytest.mark.parametrize("tick", [
    "lambda: said.append(1)", "lambda node: said.append(1)", "lambda *nodes: said.append(1)",
    "lambda node=None: said.append(1)", "functools.partial(lambda word, node: said.append(1), 1)",
    "Other().tick", "Other()", "Other.static"])
def test_every_kind_of_callable_ticks(tick):
    assert prints(START + f"""
import functools
class Other:
    def tick(self, node):
        said.append(1)
    def __call__(self, node):
        said.append(1)
    @staticmethod
    def static(node):
        said.append(1)
node = horus.Node("a", {tick}, 50)
run(node)
print(len(said) == run.stats["a"]["total_ticks"] > 5, run.stats["a"]["errors_count"])
""") == ["True 0"]


def test_an_exception_is_logged_once_with_its_traceback_counted_and_told():
    done = ended(START + """
def tick(node):
    {}["missing"]
def on_error(node, error):
    said.append((node.name, type(error).__name__, error.args))
    if len(said) > 5:
        node.request_stop()
node = horus.Node("a", tick, 50, on_error=on_error)
stats = run(node)["a"]
print(stats["total_ticks"] == stats["failed_ticks"] == stats["errors_count"] == len(said))
print(stats["successful_ticks"], stats["total_ticks"] > 5, said[0], node.info.failed_ticks() > 5)
""")
    assert done.stdout.splitlines() == ["True", "0 True ('a', 'KeyError', ('missing',)) True"]
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert "KeyError: 'missing' (tick 0)" in done.stderr and "in tick" in done.stderr


def test_on_error_of_a_subclass_gets_the_exception():
    assert prints(START + """
class Arm(horus.Node):
    def tick(self):
        raise ValueError("bent")
    def on_error(self, error):
        said.append(str(error))
        raise RuntimeError("also this")
print(run(Arm("arm", rate=50))["arm"]["failed_ticks"] == len(said), said[0])
""") == ["True bent"]


def test_a_fatal_exception_leaves_run_with_its_traceback_after_shutdown():
    done = ended(START + """
def lift(node):
    raise ValueError("too heavy")
node = horus.Node("a", lift, 50, failure_policy="fatal", shutdown=lambda n: print("down"))
other = horus.Node("b", lambda n: None, 50, shutdown=lambda n: print("down"))
run(node, other)
""")
    assert done.returncode == 1 and done.stdout == "down\ndown\n"
    assert done.stderr.rstrip().endswith("ValueError: too heavy")
    assert ", in lift" in done.stderr
    assert done.stderr.count("Traceback (most recent call last)") == 1  # It leaves run(), no more.


def test_a_restart_shuts_down_and_initialises_again():
    assert prints(START + """
def tick(node):
    if said.count("init") == 1:
        raise ValueError
node = horus.Node("a", tick, 50, failure_policy="restart", failure={"delay": 0.01},
                  init=lambda n: said.append("init"), shutdown=lambda n: said.append("shutdown"))
stats = run(node)["a"]
print(said, stats["failed_ticks"], stats["successful_ticks"] > 5, stats["state"])
""") == ["['init', 'shutdown', 'init', 'shutdown'] 1 True stopped"]


def test_an_init_that_fails_at_a_restart_is_an_error_but_no_failed_tick():
    assert prints(START + """
def init(node):
    said.append("init")
    if len(said) == 2:
        raise ValueError
def tick(node):
    if len(said) == 1:
        raise ValueError
stats = run(horus.Node("a", tick, 50, init=init, failure_policy="restart",
                       failure={"delay": 0.01}))["a"]
print(len(said), stats["errors_count"], stats["failed_ticks"])
print(stats["successful_ticks"] == stats["total_ticks"] - 1)
""") == ["3 2 1", "True"]


def test_restarts_end_after_the_given_retries():
    done = ended(START + """
def tick(node):
    raise ValueError("again")
run(horus.Node("a", tick, 100, failure_policy="restart", failure={"retries": 2, "delay": 0.01}))
""")
    assert done.returncode == 1 and done.stderr.rstrip().endswith("ValueError: again")


def test_skip_rests_after_so_many_failures():
    assert prints(START + """
def tick(node):
    raise ValueError
stats = run(horus.Node("a", tick, 100, failure_policy="skip", failure={"failures": 3}),
            over=lambda stats: stats["failed_ticks"] == 3 and stats["skipped_ticks"] > 5)["a"]
print(stats["failed_ticks"], stats["skipped_ticks"] > 5)
""") == ["3 True"]


def test_ignore_counts_and_says_nothing():
    done = ended(START + """
def tick(node):
    raise ValueError("psst")
print(run(horus.Node("a", tick, 100, failure_policy="ignore"))["a"]["failed_ticks"] > 5)
""")
    assert done.stdout == "True\n" and "psst" not in done.stderr


def test_an_init_that_fails_keeps_everything_from_starting():
    done = ended(START + """
def init(node):
    raise OSError("no such arm")
run(horus.Node("a", lambda n: print("tick"), 50, init=init))
""")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.rstrip().endswith("OSError: no such arm")


@pytest.mark.parametrize("callback", ["tick", "init", "shutdown"])
def test_sys_exit_ends_the_program_with_its_code(callback):
    done = ended(START + f"""
def leave(node):
    sys.exit(7)
run(horus.Node("a", rate=50, {callback}=leave))
""")
    assert done.returncode == 7 and "Traceback" not in done.stderr


def test_a_keyboard_interrupt_in_a_tick_ends_the_run():
    assert prints(START + """
def tick(node):
    raise KeyboardInterrupt
try:
    run(horus.Node("a", tick, 50, shutdown=lambda n: print("shut down")))
except KeyboardInterrupt:
    print("interrupted")
""") == ["shut down", "interrupted"]


def test_a_coroutine_of_a_plain_function_is_an_error_that_says_so():
    done = ended(START + """
async def tick(node):
    said.append(1)
print(run(horus.Node("a", lambda node: tick(node), 50))["a"]["successful_ticks"], said)
""")
    assert done.stdout == "0 []\n"
    assert "tick returned a coroutine, but is no async function: write 'async def'" in done.stderr


def test_a_missed_deadline_calls_safe_state_once_an_episode():
    assert prints(START + """
class Arm(horus.Node):
    def tick(self):
        end = horus.monotonic_ns() + (60_000_000 if horus.tick() < 3 else 0)
        while horus.monotonic_ns() < end:
            pass
    def enter_safe_state(self):
        said.append(horus.tick())
scheduler = horus.Scheduler().add(Arm("arm", rate=20, on_miss="safe_mode"))
scheduler.run(1)
stats = scheduler.safety_stats()
print(len(said) >= 1, stats["degrade_activations"] == len(said), stats["deadline_misses"] >= 3)
""") == ["True True True"]


def test_on_miss_stop_stops_the_scheduler():
    assert prints(START + """
def tick(node):
    end = horus.monotonic_ns() + 60_000_000
    while horus.monotonic_ns() < end:
        pass
run(horus.Node("a", tick, 20, on_miss="stop"))
print(run.stats["a"]["total_ticks"])
""") == ["1"]


def test_a_hanging_node_sends_the_others_into_safe_state():
    assert prints(START + """
import time
def hang(node):
    if horus.tick() == 3:
        time.sleep(3)
        node.request_stop()
scheduler = horus.Scheduler(watchdog_ms=500)
scheduler.add(horus.Node("hung", hang, 20, compute=True))
scheduler.add(horus.Node("arm", lambda n: None, 50, safe_state=lambda n: said.append(n.name)))
scheduler.run()
stats = scheduler.safety_stats()
print(said, stats["degrade_activations"] >= 1, stats["watchdog_expirations"] >= 1)
""") == ["['arm'] True True"]


def test_nodes_and_their_callbacks_are_collected():
    assert prints(START + """
import gc, weakref
def make():
    node = horus.Node("a", lambda n: node, 50)
    node.info.set_custom_data("self", node)
    horus.run(node, duration=0.1)
    return weakref.ref(node)
reference = make()
gc.collect()
print(reference())
""") == ["None"]
