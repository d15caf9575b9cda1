# SPDX-License-Identifier: Apache-2.0
"""The ways in which a program ends itself from within a node."""
import pytest

from snippet import ended, prints

START = """
import horus, os, sys, threading
def node(tick, **options):
    return horus.Node("arm", tick, 100, **options)
"""


@pytest.mark.parametrize("ending", [
    "horus.run(node(lambda n: sys.exit(7)))", "horus.run(node(lambda n: quit(7)))",
    "horus.run(node(lambda n: sys.exit(7), compute=True))",
    "horus.run(node(lambda n: None, init=lambda n: sys.exit(7)))",
    "horus.run(node(lambda n: None, shutdown=lambda n: sys.exit(7)), duration=0.1)",
    "horus.run(node(lambda n: 1 / 0, on_error=lambda n, e: sys.exit(7)))"])
def test_sys_exit_ends_the_run_and_the_program_as_it_says(ending):
    done = ended(START + ending)
    assert done.returncode == 7 and "Fatal" not in done.stderr, done.stderr
    assert "SystemExit" not in done.stderr, "it is no failure"


@pytest.mark.parametrize("ending, code", [("os._exit(9)", 9), ("os.abort()", -6),
                                          ("os.kill(os.getpid(), 11)", -11)])
def test_a_program_that_ends_at_once_leaves_nothing_that_hurts_others(ending, code):
    done = ended(START + f"""
import subprocess
program = '''{START}
horus.run(node(lambda n: {ending}), name="host")
'''
print(subprocess.run([sys.executable, "-c", program]).returncode)
horus.run(node(lambda n: None), name="host", duration=0.1)
""")
    assert done.stdout == f"{code}\n" and done.returncode == 0, done.stderr


def test_a_new_program_in_the_place_of_this_one_runs():
    assert prints(START + """
horus.run(node(lambda n: os.execv("/bin/echo", ["echo", "another"])))
""") == ["another"]


def test_an_on_error_that_fails_does_not_flood_the_log():
    done = ended(START + """
def fail(*_):
    raise ValueError("also this")
ticks = []
def tick(node):
    ticks.append(1)
    if len(ticks) > 20:
        node.request_stop()
    1 / 0
horus.run(node(tick, on_error=fail), duration=50)
print(len(ticks) > 20)
""")
    assert done.stdout == "True\n"
    assert done.stderr.count("on_error failed: ValueError: also this") == 1
    assert done.stderr.count("Traceback") == 2
