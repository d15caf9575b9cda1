# SPDX-License-Identifier: Apache-2.0
"""What the verdict says of a host without statistics: its supervisor knows why it has none."""
import json
import os

import pytest

from running import Running, files_below, own_base, program, remove_base, run, until

ROBOT = '[robot]\nname = "down"\n[realtime]\nmode = "off"\n'
BLOCKED = """
import os
fifo = os.path.join(os.environ["HORUS_BASE"], "gate")
if not os.path.exists(fifo):
    os.mkfifo(fifo)
open(fifo).read()
nodes = []
"""
# What the module is, what else its table says, and the line of the verdict.
CASES = {
    "imports": (BLOCKED, "", "host 'py' is starting, for ", "importing /"),
    "fails": ("raise SystemExit(3)", "", "host 'py' is down, for ", "starts it again"),
    "was left": ("raise ValueError('no map')", 'restart = "never"\n', "host 'py' has ended: ",
                 "no map"),
}


def robot(folder, module, more=""):
    (folder / "py.py").write_text(module)
    (folder / "robot.toml").write_text(
        f'{ROBOT}[[host]]\nname = "py"\nmodule = "py.py"\n{more}')
    return [program("horus"), "launch", str(folder / "robot.toml")]


def status(environment, *options):
    done = run([program("horusctl"), "status", "--json", *options], environment)
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}


def state_of(environment):
    hosts = {host["name"]: host["state"] for host in status(environment).get("hosts", [])}
    return hosts.get("py")


@pytest.mark.parametrize("case", CASES)
def test_why_a_host_does_not_run_is_said(case, tmp_path):
    module, more, begin, words = CASES[case]
    with own_base() as environment:
        with Running(robot(tmp_path, module, more), environment) as launch:
            def said():
                return [reason for reason in status(environment).get("reasons", [])
                        if reason.startswith(begin) and words in reason]
            until(said, f"it says {begin}", launch)
        assert files_below(environment["HORUS_BASE"]) in (
            [], [os.path.join(environment["HORUS_BASE"], "gate")])


def test_a_host_that_fails_again_and_again_is_down_at_every_look(tmp_path):
    with own_base() as environment, \
            Running(robot(tmp_path, "raise ValueError('no map')"), environment) as launch:
        until(lambda: status(environment).get("status") == "failed", "it has failed", launch)
        starts = 0
        while starts < 3:
            seen = until(lambda: status(environment).get("reasons") and status(environment),
                         "a verdict", launch)
            assert seen["status"] == "failed", seen
            assert any("no map" in reason for reason in seen["reasons"]), seen
            starts += any("starting again" in reason for reason in seen["reasons"])


def test_a_host_that_has_done_its_work_is_no_fault(tmp_path):
    module = "import horus\nn = horus.Node('once', lambda n: n.request_stop(), 50)\n"
    with own_base() as environment, \
            Running(robot(tmp_path, module, 'restart = "never"\n'), environment) as launch:
        until(lambda: state_of(environment) == "ended", "it has ended", launch)
        verdict = until(lambda: (seen := status(environment)).get("ready") and seen, "ready",
                        launch)
        assert verdict["status"] == "healthy" and verdict["reasons"] == []


def test_a_board_whose_name_is_gone_comes_again(tmp_path):
    module = "raise SystemExit(3)"
    with own_base() as environment, Running(robot(tmp_path, module), environment) as launch:
        board = os.path.join(environment["HORUS_BASE"], "hosts", "down.board")
        # A daemon that has not begun to work there yet would be right to end.
        until(lambda: os.path.exists(board) and "ready: " in launch.text(), "it runs", launch)
        remove_base(environment)
        until(lambda: os.path.exists(board) and state_of(environment) in ("waiting", "starting"),
              "there is one again", launch)


def test_the_sockets_lie_where_they_are_wanted(tmp_path):
    module = "import horus\nn = horus.Node('quick', lambda n: None, 50)\n"
    where = ["--socket-dir", str(tmp_path / "s")]
    with own_base() as environment:
        with Running(robot(tmp_path, module) + where, environment) as launch:
            seen = until(lambda: status(environment, *where).get("ready"), "it is found there",
                         launch)
            assert seen
            assert not os.path.exists(os.path.join(environment["HORUS_BASE"], "run"))
            levels = run([program("horusctl"), *where, "node", "log-level", "quick", "debug"],
                         environment)
            assert levels.returncode == 0, levels.stderr
        assert files_below(tmp_path / "s") == []


def test_a_program_may_lie_at_a_path_that_is_no_utf_8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    with open(folder + b"/node.py", "w", encoding="ascii") as file:
        file.write("import beside, horus\n"
                   "horus.run(horus.Node('a', lambda n: n.request_stop(), 50))\n"
                   "print(ascii(__file__[-13:]), beside.WORD)\n")
    with open(folder + b"/beside.py", "w", encoding="ascii") as file:
        file.write("WORD = 'found'\n")
    with own_base() as environment:
        done = run([program("horus"), "run", os.fsdecode(folder + b"/node.py")], environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "'/caf\\udce9/node.py' found\n"


def test_a_host_that_is_not_to_wait_is_started_again_at_once(tmp_path):
    with own_base() as environment:
        command = robot(tmp_path, "raise ValueError('no map')", 'restart_wait = "0"\n')
        with Running(command, environment) as launch:
            until(lambda: launch.text().count("no map; started again at once") > 2,
                  "started three times", launch)
