# SPDX-License-Identifier: Apache-2.0
"""The functions of time, inside and outside of ticks."""
import math
import time

import pytest

import horus
from snippet import prints


def test_units_are_in_seconds():
    assert 300 * horus.us == pytest.approx(300e-6) and 2 * horus.ms == pytest.approx(2e-3)


def test_outside_of_a_tick_there_is_no_period_and_no_limit():
    assert (horus.dt(), horus.tick()) == (0.0, 0)
    assert horus.budget_remaining() == horus.deadline_remaining() == math.inf


def test_the_clocks_are_the_systems():
    before, after = time.time_ns(), None
    stamp = horus.timestamp_ns()
    after = time.time_ns()
    assert before <= stamp <= after
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert before <= horus.monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert horus.now() <= horus.now()


def test_random_numbers_lie_in_their_range_and_differ():
    numbers = [horus.rng_float() for _ in range(1000)]
    assert all(0 <= number < 1 for number in numbers) and len(set(numbers)) == 1000


def test_time_in_a_tick_is_that_of_its_node():
    assert prints("""
        import horus
        seen = []
        def tick(node):
            seen.append((horus.tick(), horus.dt(), horus.elapsed(), horus.elapsed(), horus.now()))
        scheduler = horus.Scheduler().add(horus.Node("a", tick, 50))
        scheduler.run(0.5)
        numbers, periods, starts, again, nows = zip(*seen)
        print(numbers == tuple(range(len(seen))), {round(p, 6) for p in periods})
        print(starts == again, starts == tuple(sorted(starts)))
        print(all(start <= now for start, now in zip(starts, nows)))
        print(all(start >= number * 0.02 for number, start in zip(numbers, starts)))
    """) == ["True {0.02}", "True True", "True", "True"]


def test_limits_run_down_in_a_tick_and_stop_at_zero():
    assert prints("""
        import horus
        def busy_until(ns):
            while horus.monotonic_ns() < ns:
                pass
        def tick(node):
            first = horus.budget_remaining()
            busy_until(horus.monotonic_ns() + 1_000_000)
            second = horus.budget_remaining()
            deadline = horus.deadline_remaining()
            busy_until(horus.monotonic_ns() + 20_000_000)
            print(0 < first <= 0.010, first - second >= 0.001, second < deadline <= 0.012)
            print(horus.budget_remaining(), horus.deadline_remaining() < 0)
            node.request_stop()
        horus.run(horus.Node("a", tick, 10, budget=10 * horus.ms, deadline=12 * horus.ms))
    """)[1:] == ["0.0 True"]


@pytest.mark.parametrize("arguments, budget, deadline", [
    ("rate=10", 0.08, 0.095), ("rate=10, budget=0.01", 0.01, 0.01),
    ("rate=10, deadline=0.02", 0.08, 0.02), ("rate=None", math.inf, math.inf),
    ("on='t'", math.inf, math.inf), ("on='t', budget=0.5", 0.5, 0.5),
    ("rate=10, compute=True", 0.08, 0.095)])
def test_limits_that_were_not_given_follow_from_the_period(arguments, budget, deadline):
    printed = prints(f"""
        import horus
        def tick(node):
            print(horus.budget_remaining(), horus.deadline_remaining())
            node.request_stop()
        sender = horus.Node("sender", lambda n: n.send("t", 1), 10)
        horus.run(horus.Node("a", tick, {arguments}), sender, duration=30)
    """)
    left, until = map(float, printed[0].split())
    if budget is math.inf:
        assert (left, until) == (math.inf, math.inf)
    else:
        # A busy machine is late, never early.
        assert 0 <= left <= budget and until <= deadline
        assert left > budget * 0.2 or until < deadline * 0.9


def test_init_and_shutdown_know_the_period_and_have_no_limit():
    assert prints("""
        import horus
        def look(node):
            print(round(horus.dt(), 6), horus.tick(), horus.budget_remaining())
        horus.run(horus.Node("a", lambda n: None, 50, init=look, shutdown=look), duration=0.1)
    """) == ["0.02 0 inf", "0.02 0 inf"]


def test_two_nodes_have_numbers_of_their_own():
    assert prints("""
        import horus
        last = {}
        def tick(node):
            last[node.name] = (horus.tick(), round(horus.dt(), 6))
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("slow", tick, 10)).add(horus.Node("fast", tick, 100))
        scheduler.run(1)
        for name in ("slow", "fast"):
            print(last[name][1], last[name][0] + 1 == scheduler.get_node_stats(name)["total_ticks"])
    """) == ["0.1 True", "0.01 True"]
