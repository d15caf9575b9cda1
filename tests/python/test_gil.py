# SPDX-License-Identifier: Apache-2.0
"""Nodes beside busy Python threads: every wait for the GIL is measured, nothing stays changed."""
from running import program
from snippet import prints

BUSY = """
import horus, sys, threading
going = True
def burn():
    while going:
        pass
busy = threading.Thread(target=burn)
busy.start()
scheduler = horus.Scheduler()
"""
QUIET = """
going = False
busy.join()
"""


def test_a_node_ticks_beside_a_busy_thread_and_every_wait_is_counted():
    assert prints(BUSY + """
seen = []
node = horus.Node("a", lambda n: seen.append(sys.getswitchinterval()), 200)
scheduler.add(node).run(2)
stats = scheduler.get_node_stats("a")
print(stats["total_ticks"] + stats["skipped_ticks"] >= 390, stats["total_ticks"] > 3)
print(0 < stats["p50_gil_wait_us"] <= stats["p99_gil_wait_us"] <= stats["max_gil_wait_us"])
print(sys.getswitchinterval(), set(seen))
""" + QUIET) == ["True True", "True", "0.005 {0.005}"]


def test_the_histogram_of_waits_has_an_entry_for_each_tick():
    assert prints(BUSY + """
import json, os, subprocess
counts = []
def look(node):
    if horus.tick() < 10:
        return
    shown = subprocess.run([sys.argv[1], "stats", "--json"], capture_output=True, check=True)
    found = json.loads(shown.stdout)["hosts"][0]["nodes"][0]
    counts.append((found["ticks"], found["gil_wait_us"]["count"]))
    node.request_stop()
scheduler.add(horus.Node("a", look, 100)).run(30)
print(len(counts), counts[0][0] >= 10, abs(counts[0][0] - counts[0][1]) <= 1)
""" + QUIET, program("horusctl")) == ["1 True True"]


def test_a_switch_interval_of_the_users_is_kept():
    assert prints(BUSY + """
sys.setswitchinterval(0.002)
def tick(node):
    if horus.tick() == 3:
        sys.setswitchinterval(0.003)
    if horus.tick() == 6:
        node.request_stop()
scheduler.add(horus.Node("a", tick, 200)).run()
print(round(sys.getswitchinterval(), 6))
""" + QUIET) == ["0.003"]


def test_compute_nodes_tick_on_threads_of_their_own():
    assert prints("""
        import horus, threading
        threads = {}
        def tick(node):
            threads.setdefault(node.name, set()).add(threading.get_ident())
        scheduler = horus.Scheduler()
        for name in ("x", "y"):
            scheduler.add(horus.Node(name, tick, 50, compute=True))
        scheduler.add(horus.Node("a", tick, 50)).add(horus.Node("b", tick, 50))
        scheduler.run(0.5)
        main = threading.get_ident()
        print([len(idents) for idents in threads.values()])
        print(threads["a"] == threads["b"], len(threads["a"] | threads["x"] | threads["y"]),
              main in threads["a"])
    """) == ["[1, 1, 1, 1]", "True 3 False"]


def test_a_compute_node_that_sleeps_delays_no_tick():
    assert prints("""
        import horus, time
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("slow", lambda n: time.sleep(0.3), 5, compute=True))
        scheduler.add(horus.Node("fast", lambda n: None, 100))
        scheduler.run(1)
        fast = scheduler.get_node_stats("fast")
        print(fast["total_ticks"] > 50, scheduler.get_node_stats("slow")["deadline_misses"] > 0)
    """) == ["True True"]


def test_thread_locals_and_the_current_thread_work_in_ticks():
    assert prints("""
        import contextvars, horus, threading
        local, variable, seen = threading.local(), contextvars.ContextVar("v", default=0), []
        def tick(node):
            local.count = getattr(local, "count", 0) + 1
            variable.set(variable.get() + 1)
            seen.append((local.count, variable.get(), threading.current_thread().name))
        horus.run(horus.Node("a", tick, 100), duration=0.2)
        print(seen[-1][0] == seen[-1][1] == len(seen), len({name for _, _, name in seen}))
    """) == ["True 1"]
