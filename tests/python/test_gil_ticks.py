# SPDX-License-Identifier: Apache-2.0
"""Ticks and the GIL: several rates in one process, busy threads beside, one CPU. The bounds are
loose: only a tick that gets no GIL, or loses it for a whole switch interval, breaks them."""
import json
import re

import pytest
from running import Running, own_base, until
from snippet import ended, prints, program

# A robot of several rates: what its ticks take, and what is skipped, in numbers.
RATES = """
import horus, json, os, sys, threading, time
if sys.argv[1] == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def burn(n):
    x = 0
    for i in range(n):
        x += i
going = True
def busy():
    while going:
        burn(100)
rates = json.loads(sys.argv[3])
scheduler = horus.Scheduler(rt=sys.argv[2] == "rt")
for rate, work in rates:
    scheduler.add(horus.Node(f"n{rate}", lambda n, work=work: burn(work), rate))
beside = [threading.Thread(target=busy) for _ in range(int(sys.argv[4]))]
for thread in beside:
    thread.start()
began = time.monotonic()
scheduler.run(duration=2)
ran = time.monotonic() - began
going = False
for thread in beside:
    thread.join()
stats = [scheduler.get_node_stats(f"n{rate}") for rate, _ in rates]
print(json.dumps([ran] + [[s["skipped_ticks"] / (s["skipped_ticks"] + s["total_ticks"]),
                           s["p90_tick_duration_ms"], s["max_tick_duration_ms"]] for s in stats]))
"""
FIVE = [[1000, 200], [500, 200], [200, 200], [50, 200], [1, 200]]
THREE = [[1000, 10], [100, 10_000], [10, 100_000]]


def run_rates(rates, cpus, policy, beside=0):
    [line] = [line for line in prints(RATES, cpus, policy, json.dumps(rates), str(beside))
              if line.startswith("[")]
    return json.loads(line)


def holds_in_a_run(holds, *arguments):
    """Whether it holds in one run of three. The fault is in each of them; that other programs
    want the CPUs is not."""
    runs = []
    for _ in range(3):
        ran, *nodes = run_rates(*arguments)
        runs.append((ran, nodes))
        if holds(ran, nodes):
            return True
    pytest.fail(f"in none of {runs}")


@pytest.mark.parametrize("cpus", ["all", "one"])
@pytest.mark.parametrize("policy", ["rt", "ordinary"])
@pytest.mark.parametrize("rates", [FIVE, THREE])
def test_several_rates_in_one_process_all_tick(rates, policy, cpus):
    assert holds_in_a_run(lambda ran, nodes: ran < 5 and nodes[0][0] < 0.5 and
                          all(slowest < 1000 for _, _, slowest in nodes), rates, cpus, policy)


@pytest.mark.parametrize("beside", [1, 3])
def test_a_tick_beside_busy_threads_keeps_its_rate_and_its_gil(beside):
    # A whole switch interval is 5 ms.
    assert holds_in_a_run(lambda _, nodes: nodes[0][0] < 0.5 and nodes[0][1] < 4,
                          [[1000, 10]], "all", "rt", beside)


def test_several_rates_beside_a_busy_thread_all_tick():
    assert holds_in_a_run(lambda _, nodes: nodes[0][0] < 0.5 and
                          all(skipped < 0.9 for skipped, _, _ in nodes), THREE, "all", "rt", 1)


def test_two_rates_on_one_cpu_hear_sigterm():
    source = """
        import horus, os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        def burn(n):
            x = 0
            for i in range(n):
                x += i
        scheduler = horus.Scheduler(rt=True)
        scheduler.add(horus.Node("a", lambda n: burn(10), 1000))
        scheduler.add(horus.Node("b", lambda n: burn(10_000), 100))
        scheduler.add(horus.Node("ready", lambda n: print("ready", flush=True), 10))
        scheduler.run()
        print("ended")
    """
    with own_base() as environment, Running(program(source), environment) as running:
        until(lambda: "ready" in running.text(), "the first tick", running)
        running.stop()
        assert "ended" in running.text()


def test_a_tick_that_does_io_beside_a_busy_thread_gets_its_gil_back():
    [line] = prints("""
        import horus, json, threading, time
        going = True
        def busy():
            while going:
                pass
        thread = threading.Thread(target=busy, name="the busy one")
        thread.start()
        def tick(node):
            time.sleep(0.0002)
        scheduler = horus.Scheduler(rt=True)
        scheduler.add(horus.Node("io", tick, 200)).run(duration=2)
        stats = scheduler.get_node_stats("io")
        going = False
        thread.join()
        print(json.dumps([stats["p50_tick_duration_ms"], stats["gil_losses"],
                          stats["total_ticks"], stats["max_gil_lost_us"], stats["gil_lost_to"]]))
    """)
    p50, losses, ticks, longest, holder = json.loads(line)
    assert p50 < 4, "it waits for a whole switch interval"
    # On a busy machine the other thread is not always there to take it.
    assert 0 < losses <= ticks
    assert longest == 0 or holder == "the busy one"


@pytest.mark.parametrize("us", [1, 2, 5000, 10_000])
def test_the_users_switch_interval_reads_the_same_before_and_after_a_run(us):
    assert prints(f"""
        import horus, sys
        sys.setswitchinterval({us}e-6)
        before = sys.getswitchinterval()
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("x", lambda n: None, rate=200))
        scheduler.add(horus.Node("y", lambda n: None, rate=10)).run(.3)
        print(sys.getswitchinterval() == before)
    """) == ["True"]


def test_a_child_of_fork_has_the_users_switch_interval():
    assert prints("""
        import horus, os, sys
        sys.setswitchinterval(0.001)
        def tick(node):
            if os.fork() == 0:
                print(sys.getswitchinterval(), flush=True)
                os._exit(0)
            os.wait()
            node.request_stop()
        horus.Scheduler().add(horus.Node("x", tick, rate=10)).run()
    """) == ["0.001"]


CONSTANT = "import os; os.environ['HORUS_GIL'] = 'constant'\nimport horus, sys\n"


def test_without_the_interpreters_insides_one_interval_serves_the_whole_run():
    assert prints(CONSTANT + """
seen = set()
def tick(node):
    seen.add(round(sys.getswitchinterval() * 1e6))
scheduler = horus.Scheduler()
scheduler.add(horus.Node("x", tick, rate=1000)).run(.2)
[degraded] = [d for d in scheduler.degradations() if d["feature"] == "gil_wait"]
print(seen, sys.getswitchinterval(), "HORUS_GIL=constant" in degraded["reason"])
""") == ["{50} 0.005 True"]


def test_without_the_interpreters_insides_an_interval_of_the_users_stays_too():
    assert prints(CONSTANT + """
def tick(node):
    sys.setswitchinterval(0.003)
horus.Scheduler().add(horus.Node("x", tick, rate=1000)).run(.2)
print(sys.getswitchinterval())
sys.setswitchinterval(20e-6)
horus.Scheduler().add(horus.Node("x", lambda n: None, rate=1000)).run(.2)
print(round(sys.getswitchinterval() * 1e6))
""") == ["0.003", "20"]


def test_on_this_interpreter_nothing_about_the_gil_is_degraded():
    assert prints("""
        import horus
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("x", lambda n: None, rate=100)).run(.1)
        print([d for d in scheduler.degradations() if d["feature"] == "gil_wait"])
    """) == ["[]"]


@pytest.mark.parametrize("call, did", [
    ("ctypes.PyDLL(None).usleep(600_000)", "was asleep"),
    ("sum(range(60_000_000))", "was running"),
])
def test_who_keeps_the_gil_for_long_is_named_and_what_he_did(call, did):
    done = ended(f"""
        import ctypes, horus, threading, time
        begins, done = threading.Event(), threading.Event()
        def keep():
            begins.wait()
            {call}
            done.set()
        thread = threading.Thread(target=keep)
        thread.start()
        ticks = []
        def tick(node):
            ticks.append(1)
            if len(ticks) == 20:
                begins.set()
            if done.is_set():
                node.request_stop()
        scheduler = horus.Scheduler(rt=True)
        scheduler.add(horus.Node("control", tick, rate=100)).run()
        thread.join()
        stats = scheduler.get_node_stats("control")
        print(stats["gil_long_waits"] >= 1, stats["max_gil_wait_us"] >= 100_000,
              stats["total_ticks"] > 20, thread.native_id)
    """)
    assert done.returncode == 0, done.stderr
    *true, thread = done.stdout.split()
    assert true == ["True"] * 3
    assert re.search(r"control\[\d+\]: node 'control' waited", done.stderr)
    # On a busy machine the kernel may keep it from running as well.
    assert did in done.stderr or "without a CPU" in done.stderr
    assert f"thread {thread} had it" in done.stderr


def test_a_pool_of_large_images_is_made_without_the_gil():
    assert prints("""
        import horus, sys, threading
        gate, ran = threading.Lock(), []
        gate.acquire()
        def run():
            gate.acquire()
            ran.append(True)
        thread = threading.Thread(target=run)
        thread.start()
        sys.setswitchinterval(60)      # Who has the GIL keeps it, unless it gives it away.
        gate.release()
        image = horus.Image(1080, 1920, "rgb8")
        print(ran)
        thread.join()
    """) == ["[True]"]
