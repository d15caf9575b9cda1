# SPDX-License-Identifier: Apache-2.0
"""Nodes that leave, get another rate or a watchdog while their scheduler runs; tick_once()."""
import threading

import pytest

import horus
from running import until
from snippet import ended


class Robot:
    """A scheduler that runs on a thread of its own; the block begins when every node has ticked."""

    def __init__(self, *nodes, **options):
        self.scheduler = horus.Scheduler(**options)
        self.nodes = nodes
        for node in nodes:
            self.scheduler.add(node)
        self.thread = threading.Thread(target=self.scheduler.run)

    def __enter__(self):
        self.thread.start()
        for node in self.nodes:
            self.wait_for(node.name, 1)
        return self.scheduler

    def wait_for(self, name, ticks):
        def ticked():
            try:
                return self.scheduler.get_node_stats(name)["total_ticks"] >= ticks
            except KeyError:
                return False
        until(lambda: ticked() or not self.thread.is_alive(), f"{ticks} ticks of {name}")

    def __exit__(self, *_):
        self.scheduler.stop()
        self.thread.join()


def ticking(name, rate=200, **more):
    return horus.Node(name=name, tick=lambda node: None, rate=rate, **more)


def further(scheduler, name, ticks=5):
    """Waits for so many ticks more."""
    begin = scheduler.get_node_stats(name)["total_ticks"]
    until(lambda: scheduler.get_node_stats(name)["total_ticks"] >= begin + ticks,
          f"{ticks} more ticks of {name}")


def test_a_removed_node_shuts_down_and_the_others_go_on():
    ends = []
    gone = ticking("gone", shutdown=lambda node: ends.append(threading.current_thread().name))
    with Robot(gone, ticking("stays"), ticking("slow", rate=1)) as scheduler:
        scheduler.remove_node("gone")
        assert "gone" in ends[0]  # On its own thread, before it returns.
        count = gone.info.tick_count()
        assert scheduler.get_node_names() == ["stays", "slow"]
        assert not scheduler.has_node("gone")
        further(scheduler, "stays", 20)
        assert gone.info.tick_count() == count and gone.info.state == horus.NodeState.STOPPED
        scheduler.remove_node("slow")  # Not only at its next release, a second later.
        with pytest.raises(horus.HorusNotFoundError, match="'gone'"):
            scheduler.remove_node("gone")
    assert len(ends) == 1


def test_the_last_node_s_removal_leaves_a_run_that_can_be_stopped():
    with Robot(ticking("only")) as scheduler:
        scheduler.remove_node("only")
        assert scheduler.is_running() and scheduler.get_node_names() == []
        assert scheduler.status() == "running"


def test_an_event_node_and_a_compute_node_can_be_removed():
    ends = []
    event = horus.Node(name="event", tick=lambda node: node.recv("go"), on="go", subs=["go"],
                       shutdown=lambda node: ends.append("event"))
    compute = ticking("compute", rate=50, compute=True,
                      shutdown=lambda node: ends.append("compute"))
    scheduler = horus.Scheduler()
    for node in (event, compute, ticking("stays")):
        scheduler.add(node)
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    until(lambda: scheduler.is_running() and event.info.state == horus.NodeState.RUNNING,
          "the event node runs")
    further(scheduler, "stays")
    scheduler.remove_node("event")
    scheduler.remove_node("compute")
    assert ends == ["event", "compute"]
    scheduler.stop()
    thread.join()
    assert ends == ["event", "compute"]


def test_a_node_removes_itself_and_another_from_its_tick():
    ends = []
    scheduler = horus.Scheduler()

    def once(node):
        scheduler.remove_node("other")
        scheduler.remove_node("self")

    def last(node):
        if horus.tick() > 40:
            node.request_stop()

    scheduler.add(horus.Node(name="self", tick=once, rate=100,
                             shutdown=lambda node: ends.append("self")))
    scheduler.add(ticking("other", rate=100, shutdown=lambda node: ends.append("other")))
    scheduler.add(horus.Node(name="last", tick=last, rate=200))
    scheduler.run(duration=60)
    assert sorted(ends) == ["other", "self"] and scheduler.get_node_names() == ["last"]


def test_a_node_that_fails_is_removed_by_its_on_error():
    ends = []
    scheduler = horus.Scheduler()

    def fail(node):
        raise KeyError("bent")

    scheduler.add(horus.Node(name="fails", tick=fail, rate=100, failure_policy="ignore",
                             on_error=lambda node, error: scheduler.remove_node(node.name),
                             shutdown=lambda node: ends.append("fails")))
    with Robot(ticking("stays")) as other:
        thread = threading.Thread(target=scheduler.run, args=(60,))
        thread.start()
        until(lambda: ends, "its shutdown")
        further(other, "stays")
        scheduler.stop()
        thread.join()
    assert ends == ["fails"] and scheduler.get_node_names() == []


def test_a_removed_node_follows_no_safe_state():
    safe, late = [], []

    def overrun(node):
        if late:
            begin = horus.monotonic_ns()
            while horus.monotonic_ns() < begin + 600_000_000:
                pass

    # A deadline that a busy machine keeps.
    gone = horus.Node(name="gone", tick=lambda node: None, rate=200,
                      safe_state=lambda node: safe.append("gone"))
    stays = horus.Node(name="stays", tick=overrun, rate=10, budget=0.09, deadline=0.095,
                       safe_state=lambda node: safe.append("stays"))
    with Robot(gone, stays, max_deadline_misses=2) as scheduler:
        scheduler.remove_node("gone")
        late.append(True)
        until(lambda: "stays" in safe, "the safe state")
    assert "gone" not in safe


def test_a_node_s_rate_changes_between_its_ticks():
    periods = []
    fast = horus.Node(name="fast", tick=lambda node: periods.append(horus.dt()), rate=100)
    with Robot(fast, ticking("same", rate=100)) as scheduler:
        scheduler.set_node_rate("fast", 500)
        until(lambda: 0.002 in periods, "the new rate")
        before = {name: scheduler.get_node_stats(name) for name in ("fast", "same")}
        further(scheduler, "same", 20)
        # In this order, so that time that passes between the two adds to "fast" only.
        stats = {name: scheduler.get_node_stats(name) for name in ("same", "fast")}
        assert stats["fast"]["rate_hz"] == fast.rate == 500.0 and stats["same"]["rate_hz"] == 100.0
        released = {name: sum(stats[name][count] - before[name][count]
                              for count in ("total_ticks", "skipped_ticks")) for name in stats}
        # Five for each of the other's, but for what was skipped unseen at either end.
        assert 4 * released["same"] <= released["fast"]
        scheduler.set_node_rate("fast", 50)
        scheduler.set_node_rate("fast", 200)
        further(scheduler, "fast")
        with pytest.raises(ValueError, match="rate must be"):
            scheduler.set_node_rate("fast", 0)
    assert set(periods) <= {0.01, 0.002, 0.02, 0.005}


def test_a_slow_node_takes_a_faster_rate_at_once():
    slow = ticking("slow", rate=0.05)
    with Robot(slow) as scheduler:
        scheduler.set_node_rate("slow", 200)
        further(scheduler, "slow", 10)


def test_a_rate_that_does_not_fit_the_budget_is_refused_and_nothing_changes():
    node = ticking("node", rate=100, budget=0.005)
    with Robot(node) as scheduler:
        with pytest.raises(ValueError, match="budget"):
            scheduler.set_node_rate("node", 1000)
        assert node.rate == 100.0
        further(scheduler, "node")
        scheduler.set_tick_budget("node", 500)
        scheduler.set_node_rate("node", 1000)
        further(scheduler, "node")


def test_a_watchdog_is_given_while_it_runs():
    out = ended("""
        import threading, horus
        hang = threading.Event()
        def work(node):
            if hang.is_set():
                threading.Event().wait(2)
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node(name="critical", tick=work, rate=100))
        thread = threading.Thread(target=scheduler.run)
        thread.start()
        while not scheduler.is_running() or not scheduler.current_tick():
            pass
        scheduler.add_critical_node("critical", 500)
        hang.set()
        while not scheduler.safety_stats()["watchdog_expirations"]:
            pass
        scheduler.stop()
        thread.join()
    """)
    assert out.returncode == 0, out.stderr
    assert "node 'critical' has been in its tick for" in out.stderr


# tick_once


def test_tick_once_ticks_every_node_in_order_and_inits_once():
    calls = []

    def node(name, order, rate=10):
        return horus.Node(
            name=name, order=order, rate=rate, init=lambda node: calls.append("init " + name),
            tick=lambda node: calls.append((name, horus.tick(), horus.dt())),
            shutdown=lambda node: calls.append("shutdown " + name))

    scheduler = horus.Scheduler().add(node("b", 2)).add(node("a", 1, rate=20))
    assert scheduler.status() == "idle"
    assert scheduler.tick_once() is None
    assert calls == ["init a", "init b", ("a", 0, 0.05), ("b", 0, 0.1)]
    assert scheduler.status() == "idle" and not scheduler.is_running()
    assert scheduler.current_tick() == 1
    scheduler.tick_once(["a"])
    assert calls[4:] == [("a", 1, 0.05), ("b", 1, 0.1)]
    assert scheduler.get_node_stats("a")["total_ticks"] == 2
    scheduler.stop()
    assert calls[6:] == ["shutdown a", "shutdown b"] and scheduler.status() == "stopped"
    scheduler.stop()
    scheduler.tick_once()
    assert calls[8:10] == ["init a", "init b"]


def test_tick_once_carries_messages_and_ticks_event_nodes_that_have_one():
    got = []
    send = horus.Node(name="send", rate=10, pubs={"steps/x": "CmdVel"},
                      tick=lambda node: node.send("steps/x", horus.CmdVel(horus.tick(), 0)))
    on = horus.Node(name="on", on="steps/x", subs={"steps/x": "CmdVel"}, order=1,
                    tick=lambda node: got.append(node.recv("steps/x").linear))
    never = horus.Node(name="never", on="steps/y", subs={"steps/y": "CmdVel"},
                       tick=lambda node: got.append("never"))
    with horus.Scheduler().add(send).add(on).add(never) as scheduler:
        for _ in range(3):
            scheduler.tick_once()
    assert got == [0.0, 1.0, 2.0]


def test_what_a_step_raises_follows_the_failure_policy():
    def fail(node):
        raise KeyError("bent")

    scheduler = horus.Scheduler().add(horus.Node(name="logs", tick=fail, failure_policy="ignore"))
    scheduler.tick_once()
    assert scheduler.get_node_stats("logs")["failed_ticks"] == 1
    scheduler.stop()
    ends = []
    fatal = horus.Node(name="fatal", tick=fail, failure_policy="fatal",
                       shutdown=lambda node: ends.append(1))
    scheduler = horus.Scheduler().add(fatal)
    with pytest.raises(KeyError, match="bent"):
        scheduler.tick_once()
    assert ends == [1] and scheduler.status() == "stopped"
    refused = horus.Scheduler().add(horus.Node(name="refused", init=fail))
    with pytest.raises(KeyError, match="bent"):
        refused.tick_once()


def test_a_stepped_scheduler_can_run_and_refuses_what_would_surprise():
    calls = []
    node = horus.Node(name="n", rate=100, init=lambda node: calls.append("init"),
                      tick=lambda node: None, shutdown=lambda node: calls.append("shutdown"))
    scheduler = horus.Scheduler().add(node)
    scheduler.tick_once()
    for change in (lambda: scheduler.add(ticking("m")), lambda: scheduler.remove_node("n")):
        with pytest.raises(RuntimeError, match="call stop\\(\\) first"):
            change()
    scheduler.run(duration=0.05)
    assert calls == ["init", "shutdown", "init", "shutdown"]
    with pytest.raises(ValueError, match="no nodes to tick"):
        horus.Scheduler().tick_once()
    nested = horus.Scheduler()
    said = []

    def again(node):
        with pytest.raises(RuntimeError, match="under way"):
            nested.tick_once()
        nested.stop()
        said.append("stopped")

    nested.add(horus.Node(name="again", tick=again, shutdown=lambda node: said.append("shutdown")))
    nested.tick_once()
    assert said == ["stopped", "shutdown"]


def test_nodes_of_a_stepped_scheduler_shut_down_when_the_program_ends():
    out = ended("""
        import horus
        scheduler = horus.Scheduler().add(horus.Node(
            name="n", tick=lambda node: print("tick"), shutdown=lambda node: print("shutdown")))
        scheduler.tick_once()
    """)
    assert (out.returncode, out.stdout.split()) == (0, ["tick", "shutdown"]), out.stderr
