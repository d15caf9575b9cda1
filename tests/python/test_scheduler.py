# SPDX-License-Identifier: Apache-2.0
"""Scheduler objects: what they take, what they tell while they run, and what is not there yet."""
import math

import pytest

import horus
from snippet import ended, prints

WATCHED = """
import horus, threading, time
def watched(scheduler, look, duration=30, after=5):
    # Runs the scheduler, and `look` in another thread once there were `after` ticks.
    def watch():
        try:
            while scheduler.current_tick() < after:
                pass
            look()
        finally:
            scheduler.stop()
    thread = threading.Thread(target=watch)
    thread.start()
    scheduler.run(duration)
    thread.join()
"""
QUANTILES = ["p50", "p90", "p99", "p999", "max"]
KEYS = {
    "name", "order", "priority", "rate_hz", "total_ticks", "successful_ticks", "failed_ticks",
    "errors_count", "avg_tick_duration_ms", "min_tick_duration_ms", "last_tick_duration_ms",
    "uptime_seconds", "messages_sent", "messages_received", "deadline_misses", "budget_overruns",
    "skipped_ticks", "messages_dropped", "minor_faults", "major_faults", "involuntary_switches",
    "cpu", "state", *(f"{q}_{what}" for q in QUANTILES for what in (
        "tick_duration_ms", "release_lateness_us", "gil_wait_us")),
    *(f"gc_gen{g}_{q}_pause_us" for g in range(3) for q in QUANTILES),
    *(f"gc_gen{g}_{what}" for g in range(3) for what in (
        "collections", "forced", "collected", "longest_tick"))}


@pytest.mark.parametrize("options, says", [
    ({"tick_rate": 0}, "tick_rate must be"), ({"tick_rate": math.nan}, "tick_rate must be"),
    ({"watchdog_ms": -1}, "watchdog_ms must be"), ({"watchdog_ms": math.nan}, "watchdog_ms must"),
    ({"cores": []}, "cores must name at least one CPU"), ({"cores": [4000]}, "CPU 4000 is not"),
    ({"max_deadline_misses": 0}, "max_deadline_misses must be at least 1"),
    ({"gc": "never"}, "gc must be 'slack', 'off' or 'python', not 'never'"),
    ({"spin": 0.5}, "spin must be at most 0.001 s"), ({"spin": -1e-6}, "spin must be at most"),
    ({"spin": math.nan}, "spin must be at most"),
    *(({name: value}, f"{name}.* is not available yet; leave it at its default")
      for name, value in [("deterministic", True),
                          ("telemetry", "udp:x"), ("net", True)])])
def test_an_option_that_cannot_be_followed_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        horus.Scheduler(**options)
    with pytest.raises(ValueError, match=says):
        horus.run(horus.Node(), **options)


@pytest.mark.parametrize("spin", [None, True, False, 0, 0.0002, 0.001])
def test_a_spin_is_a_choice_or_a_limit_in_seconds(spin):
    horus.Scheduler(spin=spin)


def test_the_longest_spin_reaches_the_scheduler():
    # Until it knows how late a sleep ends, a thread wakes the whole spin before each release. On a
    # busy machine it wakes too late to spin, so each is tried until it is seen; what a tick costs
    # without a spin is what it costs on this machine.
    assert prints("""
        import horus, time
        def cpu_of_30_ticks(spin):
            at = []
            horus.run(horus.Node(tick=lambda node: at.append(time.thread_time()), rate=100),
                      duration=0.3, spin=spin)
            return at[-1] - at[0]
        never = min(cpu_of_30_ticks(False) for _ in range(3))
        print(any(cpu_of_30_ticks(0.001) - never > 0.015 for _ in range(20)),
              any(0.003 < cpu_of_30_ticks(True) - never < 0.012 for _ in range(20)))
        """) == ["True True"]


@pytest.mark.parametrize("spin", ["auto", [1], object()])
def test_a_spin_of_another_type_is_a_type_error(spin):
    with pytest.raises(TypeError, match="spin must be None, True, False or a number of seconds"):
        horus.Scheduler(spin=spin)


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="colour"):
        horus.Scheduler(colour="red")
    with pytest.raises(TypeError, match="colour"):
        horus.run(horus.Node(), colour="red")


def test_a_scheduler_knows_its_nodes():
    scheduler = horus.Scheduler(name="planner")
    first, second = horus.Node("a", order=3), horus.Node("b")
    assert scheduler.add(first) is scheduler and scheduler.add(second) is scheduler
    assert scheduler.get_node_names() == ["a", "b"] and scheduler.get_node_count() == 2
    assert [stats["name"] for stats in scheduler.get_all_nodes()] == ["a", "b"]
    assert scheduler.has_node("a") and not scheduler.has_node("c")
    assert scheduler.get_node_info("a") == 3 and scheduler.scheduler_name == "planner"
    with pytest.raises(ValueError, match="there is a node 'a' already"):
        scheduler.add(horus.Node("a"))
    with pytest.raises(TypeError, match="a horus.Node is needed, not str"):
        scheduler.add("a")
    scheduler.remove_node("a")
    assert scheduler.get_node_names() == ["b"]
    scheduler.add(horus.Node("a"))


@pytest.mark.parametrize("call", [
    lambda s: s.get_node_stats("x"), lambda s: s.get_node_info("x"), lambda s: s.remove_node("x"),
    lambda s: s.set_node_rate("x", 1), lambda s: s.set_tick_budget("x", 1),
    lambda s: s.add_critical_node("x", 1)])
def test_a_node_that_is_not_there_is_not_found(call):
    with pytest.raises(horus.HorusNotFoundError, match="no node 'x' in this scheduler"):
        call(horus.Scheduler())


@pytest.mark.parametrize("call, says", [
    (lambda s: s.set_node_rate("a", math.nan), "rate must be"),
    (lambda s: s.set_node_rate("event", 5), "has no rate to change"),
    (lambda s: s.set_tick_budget("a", -1), "us must be"),
    (lambda s: s.set_tick_budget("a", 0.0003), "us is in microseconds: write 300 for 300 us"),
    (lambda s: s.set_tick_budget("a", 1e9), "longer than the period"),
    (lambda s: s.add_critical_node("a", 0), "timeout_ms must be"),
    (lambda s: s.run(0), "duration must be"), (lambda s: s.run(math.nan), "duration must be"),
    (lambda s: s.tick_for(-1), "duration must be"),
    (lambda s: horus.Scheduler().run(), "no nodes to run")])
def test_a_number_that_cannot_be_is_refused(call, says):
    scheduler = horus.Scheduler().add(horus.Node("a", rate=100)).add(horus.Node("event", on="t"))
    with pytest.raises(ValueError, match=says):
        call(scheduler)


def test_before_a_run_everything_is_zero():
    scheduler = horus.Scheduler().add(horus.Node("a", rate=100, order=5, priority=7))
    stats = scheduler.get_node_stats("a")
    assert KEYS <= set(stats)
    assert (stats["name"], stats["order"], stats["priority"]) == ("a", 5, 7)
    assert (stats["total_ticks"], stats["state"]) == (0, "uninitialized")
    assert (scheduler.status(), scheduler.is_running()) == ("idle", False)
    assert scheduler.current_tick() == 0
    assert scheduler.safety_stats() == {"state": "idle", "budget_overruns": 0,
                                        "deadline_misses": 0, "watchdog_expirations": 0,
                                        "degrade_activations": 0}


def test_every_read_works_while_it_runs_from_another_thread():
    lines = prints(WATCHED + """
node = horus.Node("a", lambda n: None, 100)
scheduler = horus.Scheduler().add(node)
def look():
    stats = scheduler.get_node_stats("a")
    print(sorted(stats))
    print(scheduler.status(), scheduler.is_running(), scheduler.has_node("a"), stats["state"])
    print(stats["total_ticks"] >= 5, round(stats["rate_hz"]), stats["uptime_seconds"] > 0)
    print(scheduler.safety_stats()["state"], type(scheduler.degradations()), node.info.state)
    print(stats["p50_tick_duration_ms"] <= stats["p99_tick_duration_ms"]
          <= stats["max_tick_duration_ms"], stats["min_tick_duration_ms"] > 0)
    for forbidden in (lambda: scheduler.add(horus.Node()), lambda: scheduler.run(),
                      lambda: scheduler.tick_once()):
        try:
            forbidden()
        except RuntimeError as error:
            print(error)
watched(scheduler, look)
print(scheduler.status(), scheduler.is_running(), node.info.state.value)
print(node.info.tick_count() == scheduler.get_node_stats("a")["total_ticks"])
""")
    assert KEYS <= set(eval(lines[0]))
    assert lines[1:] == [
        "running True True running", "True 100 True",
        "running <class 'list'> running", "True True",
        "cannot add a node while the scheduler runs",
        "cannot run while the scheduler runs", "cannot tick once while the scheduler runs",
        "stopped False stopped", "True"]


def test_stop_ends_a_run_from_another_thread_and_the_next_run_starts_anew():
    assert prints(WATCHED + """
first = 0
node = horus.Node("a", lambda n: n.request_stop() if first else None, 100)
scheduler = horus.Scheduler().add(node)
watched(scheduler, lambda: None, duration=None)
first = scheduler.get_node_stats("a")["total_ticks"]
scheduler.run(30)
print(first >= 5, scheduler.get_node_stats("a")["total_ticks"] == 1)
""") == ["True True"]


def test_a_duration_is_kept_by_the_releases_that_fit_into_it():
    assert prints("""
        import horus
        scheduler = horus.Scheduler().add(horus.Node("a", lambda n: None, 100))
        for run in (scheduler.run, scheduler.tick_for):
            run(0.5)
            stats = scheduler.get_node_stats("a")
            print(abs(stats["total_ticks"] + stats["skipped_ticks"] - 50) <= 2)
    """) == ["True", "True"]


def test_a_budget_changes_while_it_runs():
    assert prints(WATCHED + """
budgets = []
node = horus.Node("a", lambda n: budgets.append(horus.budget_remaining()), 50, budget=1e-3)
scheduler = horus.Scheduler().add(node)
def look():
    scheduler.set_tick_budget("a", 15_000)
    while max(budgets) <= 1e-3:
        pass
watched(scheduler, look)
print(max(budgets[:5]) <= 1e-3, 1e-3 < max(budgets) <= 15e-3, round(node.budget, 6))
""") == ["True True 0.015"]


def test_a_rate_changes_between_runs():
    assert prints("""
        import horus
        node = horus.Node("a", lambda n: None, 10)
        scheduler = horus.Scheduler().add(node)
        scheduler.set_node_rate("a", 100)
        scheduler.run(0.5)
        stats = scheduler.get_node_stats("a")
        print(round(node.rate), abs(stats["total_ticks"] + stats["skipped_ticks"] - 50) <= 2)
    """) == ["100 True"]


def test_a_node_without_a_rate_ticks_at_the_schedulers():
    assert prints("""
        import horus
        scheduler = horus.Scheduler(tick_rate=200).add(horus.Node("a", lambda n: None, None))
        scheduler.run(0.5)
        stats = scheduler.get_node_stats("a")
        print(abs(stats["total_ticks"] + stats["skipped_ticks"] - 100) <= 2)
    """) == ["True"]


def test_leaving_the_context_stops_what_runs():
    assert prints("""
        import horus, threading
        ended = []
        with horus.Scheduler() as scheduler:
            scheduler.add(horus.Node("a", lambda n: None, 100))
            thread = threading.Thread(target=lambda: (scheduler.run(), ended.append(1)))
            thread.start()
            while scheduler.current_tick() < 3:
                pass
        thread.join()
        print(ended, scheduler.status())
    """) == ["[1] stopped"]


def test_a_node_runs_in_one_scheduler_at_a_time():
    done = ended(WATCHED + """
node = horus.Node("a", lambda n: None, 100)
def look():
    try:
        horus.run(node, duration=0.1)
    except RuntimeError as error:
        print(error)
watched(horus.Scheduler().add(node), look)
horus.run(node, duration=0.1)
""")
    assert done.stdout == "node 'a' runs in another scheduler\n" and done.returncode == 0


def test_what_was_not_granted_comes_with_its_cure():
    assert prints("""
        import horus
        scheduler = horus.Scheduler().add(horus.Node("a", lambda n: None, 100, priority=50))
        print(scheduler.degradations())
        scheduler.run(0.05)
        for entry in scheduler.degradations():
            print(sorted(entry), entry["feature"], entry["fix"])
    """) == ["[]", "['feature', 'fix', 'reason', 'severity'] fifo give rt=True to the scheduler"]


def test_capabilities_are_what_this_process_may_do():
    found = horus.Scheduler().capabilities()
    assert set(found) == {"preempt_rt", "rt_priority_available", "max_rt_priority",
                          "min_rt_priority"}
    assert 0 <= found["max_rt_priority"] <= 99
    assert found["rt_priority_available"] == (found["max_rt_priority"] > 0)
    assert isinstance(horus.Scheduler().has_full_rt(), bool)


@pytest.mark.parametrize("name", [
    "replay_from", "add_replay", "start_at_tick", "stop_at_tick", "set_replay_speed",
    "set_replay_override"])
def test_replay_says_that_it_is_not_available(name):
    with pytest.raises(RuntimeError, match="replay is not available yet"):
        getattr(horus.Scheduler(), name)("argument")
    assert not horus.Scheduler().is_replaying()


@pytest.mark.parametrize("owner, names", [
    (horus, ["Params", "TransformFrame", "Transform"])])
def test_what_is_not_there_yet_is_not_pretended(owner, names):
    assert [name for name in names if hasattr(owner, name)] == []


def test_the_version_has_one_source():
    assert horus.get_version() == horus.__version__ and horus.__version__[0].isdigit()


@pytest.mark.parametrize("use", [
    "", "robot.scheduler.run(duration=0.05)",
    "robot.scheduler.tick_once(); robot.scheduler.stop()",
    "robot.scheduler._on_ready = robot.tick", "robot.fails = True\ntry: robot.scheduler.run()\n"
    "except ValueError as error: del error"])
def test_one_whose_nodes_know_who_has_it_is_freed_with_them(use):
    assert prints("""
        import gc, weakref, horus
        gc.disable()
        class Robot:
            fails = False
            def __init__(self):
                self.scheduler = horus.Scheduler(gc="python").add(
                    horus.Node("arm", self.tick, rate=100, failure_policy="fatal"))
            def tick(self, node=None):
                if self.fails:
                    raise ValueError
        robot = Robot()
        half = horus.Scheduler.__new__(horus.Scheduler)  # Seen by the collector all the same.
        exec(USE)
        gone = [weakref.ref(robot), weakref.ref(robot.scheduler)]
        gc.collect()
        print([one() is None for one in gone])
        del robot
        gc.collect()
        print([one() is None for one in gone])
    """.replace("USE", repr(use))) == ["[False, False]", "[True, True]"]
