# SPDX-License-Identifier: Apache-2.0
"""HORUS in a user's own Python process: no service, no rights, the same tools."""
import os
import textwrap

import pytest

from running import (NOBODY, PYTHON, Running, as_user, files_below, nodes, own_base,
                     punctual_lines, run, until)

ONE_LINER = ('import horus; horus.run(horus.Node(name="hi", '
             'tick=lambda n: n.send("out", {"v": 1.0}), rate=1000), duration=2)')
USERS = [pytest.param(None, id="oneself"),
         pytest.param(NOBODY, id="nobody",
                      marks=pytest.mark.skipif(os.getuid() != 0, reason="needs root"))]


@pytest.mark.parametrize("user", USERS)
def test_three_lines_of_python_tick_and_are_seen_while_they_run(user):
    with own_base(user) as environment:
        # Long enough for a busy machine to look at it.
        line = ONE_LINER.replace("duration=2", "duration=60")
        with Running(as_user(user, [PYTHON, "-c", line]), environment) as program:
            node = until(lambda: (seen := nodes(environment).get("hi")) and seen["ticks"] and seen,
                         "seen by horusctl", program)
            assert (node["kind"], node["rate_hz"]) == ("python", 1000.0)
            assert [pause["generation"] for pause in node["gc"]] == [0, 1, 2]
            assert program.stop() == 0, program.text()
        assert punctual_lines(program.text()) == []


@pytest.mark.parametrize("user", USERS)
def test_two_seconds_at_1_khz_are_2000_releases(user):
    source = textwrap.dedent("""
        import horus
        node = horus.Node(name="hi", tick=lambda n: n.send("out", {"v": 1.0}), rate=1000)
        scheduler = horus.Scheduler()
        scheduler.add(node)
        scheduler.run(duration=2)
        stats = scheduler.get_node_stats("hi")
        print(stats["total_ticks"] + stats["skipped_ticks"], stats["messages_sent"])
        assert stats["messages_sent"] == stats["total_ticks"]
    """)
    with own_base(user) as environment:
        done = run(as_user(user, [PYTHON, "-c", source]), environment)
        assert done.returncode == 0, done.stderr
        assert abs(int(done.stdout.split()[0]) - 2000) <= 2


def test_ctrl_c_ends_a_run_with_keyboard_interrupt_after_shutdown():
    source = textwrap.dedent("""
        import horus
        try:
            horus.run(horus.Node(name="hi", tick=lambda n: None, rate=100,
                                 shutdown=lambda n: print("shut down", flush=True)))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """)
    with own_base() as environment, Running([PYTHON, "-c", source], environment) as program:
        until(lambda: nodes(environment).get("hi"), "seen by horusctl", program)
        assert program.stop(2) == 0
        assert program.text().split("\n")[:2] == ["shut down", "interrupted"]


def test_nothing_is_left_in_shared_memory_after_a_clean_end():
    with own_base() as environment:
        done = run([PYTHON, "-c", ONE_LINER.replace("duration=2", "duration=0.2")], environment)
        assert done.returncode == 0, done.stderr
        assert files_below(environment["HORUS_BASE"]) == []
