# SPDX-License-Identifier: Apache-2.0
"""`horus.profile()`: where the time of ticks goes."""
import re
import types

from horus import _profile
from snippet import ended, prints


def test_own_code_is_told_by_function_and_node():
    lines = prints("""
import horus, time
def slow():
    time.sleep(0.004)
def arm(n):
    slow()
    if horus.tick() == 20:
        n.request_stop()
def leg(n):
    pass
with horus.profile() as p:
    horus.run(horus.Node("leg", leg, rate=50), horus.Node("arm", arm, rate=50, order=1))
nodes = p.as_dict()["nodes"]
arm = nodes["arm"]
worst = arm["functions"][0]
print(sorted(nodes), worst["function"], worst["calls"] == arm["ticks"] > 5)
print(worst["own_s"] >= 0.004 * arm["ticks"], arm["own_s"] >= worst["own_s"])
place = next(one for one in arm["functions"] if one["function"] == "slow")
print(place["file"], place["line"], place["own_s"] < worst["own_s"])
print([one["function"] for one in nodes["leg"]["functions"]])
print(str(p))
""")
    assert lines[:4] == ["['arm', 'leg'] time.sleep True", "True True", "<string> 3 True",
                         "['leg']"]
    text = "\n".join(lines[4:])
    assert re.search(r"^node arm: \d+ ticks, [\d.]+ ms each$", text, re.M), text
    for part in ("wait", "GIL", "GC", "send", "own code"):
        assert re.search(rf"^  {part} +[\d.]+ ms +[\d.]+ %$", text, re.M), text
    assert re.search(r"^ +[\d.]+ ms in 1\.0 calls of time\.sleep$", text, re.M), text
    assert re.search(r"^ +[\d.]+ ms in 1\.0 calls of slow \(<string>:3\)$", text, re.M), text


def test_collections_and_sends_are_no_own_code():
    assert prints("""
import gc, horus
def arm(n):
    kept = [[i] for i in range(100_000)]
    gc.collect()
    for i in range(10):
        n.send("t", {"i": i})
with horus.profile("arm") as p:
    horus.run(horus.Node("arm", arm, rate=20, pubs=["t"]),
              horus.Node("leg", lambda n: None, rate=20), duration=0.5)
nodes = p.as_dict()["nodes"]
arm = nodes["arm"]
names = [one["function"] for one in arm["functions"]]
print(list(nodes), arm["gc_s"] > 0, arm["send_s"] > 0, "arm" in names)
print([name for name in names if "send" in name or "_collected" in name])
""") == ["['arm'] True True True", "[]"]


def test_what_another_thread_holds_is_the_gil():
    assert prints("""
import horus, threading, time
def busy():
    while True:
        sum(range(3_000_000))
threading.Thread(target=busy, daemon=True).start()
with horus.profile() as p:
    horus.run(horus.Node("arm", lambda n: None, rate=20), duration=1)
arm = p.as_dict()["nodes"]["arm"]
print(arm["gil_s"] > arm["own_s"])
""") == ["True"]


def test_what_a_tick_lost_of_the_gil_is_no_own_code(monkeypatch):
    begun = iter([("arm", 0, 0, 50), ("arm", 0, 0, 350)])  # The last number: lost so far, in ns.
    monkeypatch.setattr(_profile._horus, "_ticking", lambda: next(begun))
    profile = types.SimpleNamespace(only=None, running=True, nodes={})
    thread = _profile._Thread(profile)
    assert thread.begin()
    profile.nodes["arm"].ns["own"] = 1000  # Of that tick, as its clock has it.
    assert thread.begin()
    assert profile.nodes["arm"].ns == {"wait": 0, "gil": 300, "gc": 0, "send": 0, "own": 700}


def test_an_exception_leaves_the_tick_and_a_stop_leaves_the_thread():
    assert prints("""
import gc, horus, sys, threading
def fall():
    raise ValueError("bent")
def arm(n):
    if horus.tick() == 3:
        p.stop()
    if horus.tick() == 6:
        print(sys.getprofile())
        n.request_stop()
    fall()
before = list(gc.callbacks)
p = horus.profile()
horus.run(horus.Node("arm", arm, rate=100, failure_policy="ignore"))
arm = p.as_dict()["nodes"]["arm"]
print(arm["ticks"], {one["function"]: one["calls"] for one in arm["functions"]}["fall"] in (3, 4))
print(sys.getprofile(), threading.getprofile(), gc.callbacks == before)
p.stop()
""") == ["None", "4 True", "None None True"]


def test_one_tick_at_a_time_is_profiled_too():
    assert prints("""
import horus
def arm(n):
    horus.now()
scheduler = horus.Scheduler()
scheduler.add(horus.Node("arm", arm, rate=100))
with horus.profile() as p:
    for _ in range(3):
        scheduler.tick_once()
arm = p.as_dict()["nodes"]["arm"]
print(arm["ticks"], sorted(one["function"].split(".")[-1] for one in arm["functions"]))
scheduler.stop()
""") == ["3 ['arm', 'now']"]


def test_it_says_what_was_not_measured_and_what_else_profiles():
    done = ended("""
import horus, sys
p = horus.profile()
p.stop()
print(p)
sys.setprofile(lambda *_: None)
horus.profile()
""")
    assert done.stdout == "no tick was measured: begin the profile before run()\n"
    assert done.stderr.endswith("RuntimeError: profile: another profiler runs; stop it first\n")
