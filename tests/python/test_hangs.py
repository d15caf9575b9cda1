# SPDX-License-Identifier: Apache-2.0
"""A callback that does not come back: the run still ends, says for whom it waited, and shuts down
whatever can be."""
import signal

import pytest

from snippet import beside, ended
from running import files_below, until

LEFT_BEHIND = 75
HEAD = """
import ctypes, horus, signal, socket, subprocess, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
entered = threading.Event()
def say(*words):
    print(*words, flush=True)
def block(n=None):
    say("blocked")
    {blocks}
"""
SLEEP = "time.sleep(3600)"
BLOCKS = {
    "sleep": SLEEP,
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "socket": "pair = socket.socketpair(); pair[0].recv(1)",
    "loop with the GIL": "ctypes.PyDLL('libc.so.6').sleep(3600)",
}
RETURNS = {
    "a busy loop": "while True: pass",
    "a loop of sleeps": "\n    while True: time.sleep(0.01)",
    "a wait for a topic": "horus.Topic('never').wait()",
}


def blocked(where, blocks, options=""):
    return (HEAD.format(blocks=blocks) + f"""
other = horus.Node("other", lambda n: None, rate=50, shutdown=lambda n: say("other is down"))
node = horus.Node("stuck", rate=50, **({{"tick": lambda n: None}} | {{"{where}": block}}))
horus.run(node, other{options})
say("returned")
""")


@pytest.mark.parametrize("where", ["tick", "init", "shutdown"])
@pytest.mark.parametrize("how", BLOCKS)
def test_a_stop_leaves_behind_what_blocks(where, how):
    source = blocked(where, BLOCKS[how], ", stop_timeout=1" + (
        ", duration=0.3" if where == "shutdown" else ""))
    with beside(source) as (program, environment):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        program.process.send_signal(signal.SIGTERM)
        assert program.wait() == LEFT_BEHIND, program.text()
        said = program.text()
        assert files_below(environment["HORUS_BASE"]) == [], said
    assert f"the stop waits for node 'stuck': in its {where} for" in said
    assert f"node 'stuck' does not come back from its {where}" in said
    assert "returned" not in said


@pytest.mark.parametrize("how", RETURNS)
def test_what_python_can_interrupt_comes_back(how):
    with beside(blocked("tick", RETURNS[how])) as (program, _):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        assert program.stop() == 0, program.text()
        said = program.text()
    assert "was interrupted, for the run stops" in said
    assert "other is down" in said and "returned" in said
    assert "failed" not in said and "Traceback" not in said


@pytest.mark.parametrize("rate", [50, 20])
def test_the_other_nodes_are_shut_down_first_once(rate):
    source = blocked("tick", SLEEP, ", stop_timeout=1")
    source = source.replace("None, rate=50", f"None, rate={rate}")
    with beside(source) as (program, _):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        assert program.stop() == LEFT_BEHIND
        assert program.text().count("other is down") == 1


def test_the_end_of_the_duration_is_bounded_too():
    done = ended(blocked("tick", SLEEP, ", duration=0.5, stop_timeout=1"))
    assert done.returncode == LEFT_BEHIND, done.stderr
    assert "does not come back from its tick" in done.stderr


def test_a_run_within_a_run_leaves_no_statistics():
    source = HEAD.format(blocks=SLEEP) + """
def within(n):
    horus.run(horus.Node("inner", block, rate=50), stop_timeout=1)
horus.run(horus.Node("outer", within, rate=50), stop_timeout=1)
"""
    with beside(source) as (program, environment):
        until(lambda: "blocked" in program.text(), "the inner callback blocks", program)
        assert program.stop() == LEFT_BEHIND, program.text()
        assert not [name for name in files_below(environment["HORUS_BASE"])
                    if name.endswith(".stats")]


def test_a_second_interrupt_does_not_wait():
    # The time-out alone would be longer than the test waits.
    with beside(blocked("tick", SLEEP, ", stop_timeout=600")) as (program, _):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        program.process.send_signal(signal.SIGINT)
        until(lambda: "the stop waits" in program.text(), "who is waited for", program)
        assert program.stop(signal.SIGINT) == LEFT_BEHIND


def test_an_interrupt_is_heard_although_the_gil_is_not_to_be_had():
    with beside(blocked("tick", BLOCKS["loop with the GIL"], ", stop_timeout=1")) as (program, _):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        assert program.stop(signal.SIGINT) == LEFT_BEHIND


def test_without_a_stop_timeout_a_stop_waits_for_ever():
    source = blocked("tick", "entered.wait()", ", stop_timeout=0").replace(
        "horus.run", "signal.signal(signal.SIGUSR1, lambda *_: entered.set())\nhorus.run")
    with beside(source) as (program, _):
        until(lambda: "blocked" in program.text(), "the callback blocks", program)
        program.process.send_signal(signal.SIGTERM)
        until(lambda: "the stop waits" in program.text(), "who is waited for", program)
        assert program.stop(signal.SIGUSR1) == 0, program.text()


def test_an_interrupt_that_comes_too_late_hits_nobody():
    """It is taken back when the callback ends by itself."""
    source = HEAD.format(blocks="entered.wait()") + """
def down(n):
    for _ in range(100000): pass
    say("down")
horus.run(horus.Node("stuck", block, rate=50, shutdown=down), duration=0.1)
"""
    source = source.replace("horus.run", "threading.Timer(2.2, entered.set).start()\nhorus.run")
    done = ended(source)
    assert done.returncode == 0 and "down" in done.stdout, done.stderr


def test_a_hang_is_told_with_every_threads_stack_and_the_program_goes_on():
    source = """
import horus, time
def tick(n):
    if horus.tick() == 3:
        time.sleep(12.5)
        print("came back", flush=True)
slow = horus.Node("slow", tick, rate=50, watchdog=0.1)
horus.run(slow, horus.Node("fine", lambda n: None, rate=20), duration=13)
"""
    done = ended(source)
    assert done.returncode == 0, done.stderr
    assert "hang: node 'slow' has been in its tick for" in done.stderr
    assert "most recent call first" in done.stderr and "in tick" in done.stderr
    assert "came back" in done.stdout


def test_safe_state_comes_once_an_episode_also_for_those_who_share_the_hung_thread():
    done = ended("""
import horus, time
calls = []
def hang(n):
    if horus.tick() == 5:
        time.sleep(3)
        n.request_stop()
safe = lambda n: calls.append(n.name)
scheduler = horus.Scheduler(watchdog_ms=500)
for name, tick in (("hangs", hang), ("shares", lambda n: None)):
    scheduler.add(horus.Node(name, tick, rate=50, safe_state=safe))
scheduler.add(horus.Node("apart", lambda n: None, rate=20, safe_state=safe))
scheduler.run()
print(sorted(calls))
""")
    # Of the one that hangs beside its tick, nor once the run ends with that tick.
    assert done.stdout.strip() == "['apart', 'shares']", done.stderr


def test_a_slow_tick_is_warned_of_and_goes_on_ticking():
    done = ended("""
import horus, time
def tick(n):
    if horus.tick() == 5: time.sleep(4)
    if horus.tick() == 20: n.request_stop()
node = horus.Node("slow", tick, rate=50)
horus.run(node, duration=50)
print(node.info.tick_count() > 20)
""")
    assert done.stdout.strip() == "True", done.stderr
    assert "node 'slow' has been in its tick for" in done.stderr
    assert "isolated" not in done.stderr


def test_who_waits_for_the_gil_is_told_with_who_has_it():
    done = ended("""
import ctypes, horus
def tick(n):
    if horus.tick() == 5:
        ctypes.PyDLL("libc.so.6").sleep(3)
        n.request_stop()
scheduler = horus.Scheduler(watchdog_ms=500)
scheduler.add(horus.Node("keeps", tick, rate=50))
scheduler.add(horus.Node("waits", lambda n: None, rate=20))
scheduler.run()
""")
    assert "node 'waits' has been waiting for the GIL for" in done.stderr
    assert "node 'keeps' has it" in done.stderr
    assert "node 'keeps' has been in its tick for" in done.stderr
    assert done.stderr.count("it is isolated") == 1


def test_a_watchdog_of_zero_is_none():
    done = ended("""
import horus, time
def tick(n):
    if horus.tick() == 3: time.sleep(1.5)
horus.run(horus.Node("slow", tick, rate=50, watchdog=0), duration=2)
""")
    assert done.returncode == 0 and "in its tick for" not in done.stderr, done.stderr


@pytest.mark.parametrize("value", ["-1", "float('nan')", "'soon'"])
def test_a_stop_timeout_that_is_none_is_refused(value):
    done = ended(f"import horus\nhorus.Scheduler(stop_timeout={value})")
    assert done.returncode != 0 and "stop_timeout" in done.stderr
