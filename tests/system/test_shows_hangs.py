# SPDX-License-Identifier: Apache-2.0
"""Hangs are seen, named and ended, and a stop always ends: robots of real processes."""
import ctypes
import os
import pathlib
import re
import signal

import pytest

from running import Running, assert_grid, nodes, own_base, plugin_node, program, run, until

LEFT_BEHIND = 75
LIBC = ctypes.CDLL(None)
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
HANG = """
import ctypes, horus, time
def tick(n):
    if horus.tick() == 20:
        {blocks}
nodes = [horus.Node("stuck", tick, rate=50), horus.Node("fine", lambda n: None, rate=20)]
"""
HOST = """[robot]
stop_timeout = "1 s"
[realtime]
mode = "off"
[[host]]
name = "py"
module = "hang.py"
watchdog = "200 ms"
hang_timeout = "300 ms"
"""
BLOCKS = {"sleep": "time.sleep(3600)", "loop": "while True: pass",
          "loop with the GIL": "ctypes.PyDLL('libc.so.6').sleep(3600)"}


def robot(tmp_path, module, text=HOST):
    (tmp_path / "hang.py").write_text(module)
    (tmp_path / "robot.toml").write_text(text)
    return [program("horus"), "launch", str(tmp_path / "robot.toml")]


def spinning(**params):
    return '[robot]\nstop_timeout = "1 s"\n' + plugin_node("spin", "Hanging", **params)


@pytest.mark.parametrize("how", BLOCKS)
def test_a_host_that_hangs_is_ended_with_its_stacks_and_started_again(how, tmp_path):
    with own_base() as environment:
        command = robot(tmp_path, HANG.format(blocks=BLOCKS[how]))
        with Running(command, environment) as launch:
            until(lambda: launch.text().count("host 'py' ready") == 2, "the next life", launch)
            said = launch.text()
    assert re.search(r"host 'py' ended: hang: node 'stuck' has been in its tick for \d+ ms", said)
    assert re.search(r'hang\.py", line \d+ in tick', said), "its stack"


def thread_named(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        if pathlib.Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip() == name:
            return int(tid)
    raise AssertionError(f"no thread {name} of {pid}")


def test_a_hang_is_told_although_the_thread_that_writes_the_log_stands(tmp_path):
    go = tmp_path / "go"
    module = f"""
import horus, os, pathlib, time
def tick(n):
    if pathlib.Path({str(go)!r}).exists():
        time.sleep(3600)
print("host is", os.getpid())
nodes = [horus.Node("stuck", tick, rate=50)]
"""
    with own_base() as environment:
        with Running(robot(tmp_path, module), environment) as launch:
            until(lambda: "host 'py' ready" in launch.text(), "the host is ready", launch)
            pid = int(re.search(r"host is (\d+)", launch.text())[1])
            log = thread_named(pid, "horus-log")
            assert LIBC.ptrace(PTRACE_SEIZE, log, None, None) == 0
            assert LIBC.ptrace(PTRACE_INTERRUPT, log, None, None) == 0
            go.touch()
            while not os.WIFSIGNALED(os.waitpid(log, WALL)[1]):
                pass
            until(lambda: "host 'py' ended: hang: " in launch.text(), "its end", launch)
            said = launch.text()
    assert re.search(r"error: hang: node 'stuck' has been .*; the host is ended", said), said


def test_what_takes_long_is_shown(tmp_path):
    text = HOST.replace("300 ms", "600 s")
    with own_base() as environment:
        with Running(robot(tmp_path, HANG.format(blocks="time.sleep(3600)"), text),
                     environment) as launch:
            until(lambda: nodes(environment).get("stuck", {}).get("busy_in") == "tick",
                  "the node is seen in its tick", launch)
            assert nodes(environment)["stuck"]["busy_s"] >= 1
            assert nodes(environment)["fine"]["busy_in"] == ""
            for shown in (["stats"], ["node", "list"], ["status"]):
                done = run([program("horusctl"), *shown], environment)
                assert re.search(r"in its tick for \d+ s", done.stdout), done.stdout


def test_f07_a_host_that_stands_still_is_killed_and_one_that_goes_on_in_time_is_not(tmp_path):
    module = "import horus\nnodes = [horus.Node('n', lambda n: None, rate=50)]\n"
    with own_base() as environment:
        text = HOST.replace("300 ms", "10 s") + plugin_node("motor", "Counter", 200)
        with Running(robot(tmp_path, module, text), environment) as launch:
            until(lambda: "host 'py' ready" in launch.text(), "the host is ready", launch)
            pid = lambda: nodes_pid(environment)  # noqa: E731
            first = until(pid, "the host's number", launch)
            skipped = nodes(environment)["n"]["skipped"]
            os.kill(first, signal.SIGSTOP)
            before = nodes(environment)["motor"]["ticks"]
            until(lambda: nodes(environment)["motor"]["ticks"] > before + 100, "half a second",
                  launch)
            os.kill(first, signal.SIGCONT)
            ticks = nodes(environment)["n"]["ticks"]
            until(lambda: nodes(environment)["n"]["ticks"] > ticks, "it goes on", launch)
            assert pid() == first
            node = nodes(environment)["n"]
            assert node["skipped"] >= skipped + 20, "what it missed is counted"
            assert_grid(node)
            os.kill(first, signal.SIGSTOP)
            until(lambda: launch.text().count("host 'py' ready") == 2, "the next life", launch)
            assert "hang: its process does not move any more" in launch.text()
            assert_grid(nodes(environment)["motor"])


def test_a_host_that_a_debugger_holds_is_no_hang(tmp_path):
    module = """import horus, os
print("host", os.environ["WHO"], "is", os.getpid())
nodes = [horus.Node(os.environ["WHO"], lambda n: None, rate=50)]
"""
    text = HOST.replace("300 ms", "3 s") + 'env = { WHO = "py" }\n'
    text += text[text.index("[[host]]"):].replace('"py"', '"other"')
    with own_base() as environment:
        with Running(robot(tmp_path, module, text), environment) as launch:
            until(lambda: all(f"host '{who}' ready" in launch.text() for who in ("py", "other")),
                  "the hosts are ready", launch)
            held, other = (int(re.search(rf"host {who} is (\d+)", launch.text())[1])
                           for who in ("py", "other"))
            os.kill(held, signal.SIGSTOP)
            until(lambda: pathlib.Path(f"/proc/{held}/stat").read_text().rsplit(")")[1][1] == "T",
                  "it stands", launch)
            assert LIBC.ptrace(PTRACE_SEIZE, held, None, None) == 0
            os.kill(other, signal.SIGSTOP)
            until(lambda: launch.text().count("host 'other' ready") == 2, "its next life", launch)
            assert launch.text().count("does not move any more") >= 1
            assert "host 'py' hang" not in launch.text() and "host 'py' ended" not in launch.text()
            os.kill(held, signal.SIGKILL)
            while not os.WIFSIGNALED(os.waitpid(held, WALL)[1]):
                pass


def nodes_pid(environment):
    shown = run([program("horusctl"), "node", "list", "--json"], environment)
    found = re.search(r'"name":"n".*?"pid":(\d+)|"pid":(\d+).*?"name":"n"', shown.stdout)
    return int(found[1] or found[2]) if found else None


def test_a_start_that_takes_too_long_is_ended_with_its_stack(tmp_path):
    text = HOST + 'start_timeout = "1 s"\nrestart = "never"\n'
    with own_base() as environment:
        with Running(robot(tmp_path, "import time\ntime.sleep(3600)\n", text),
                     environment) as launch:
            until(lambda: "its policy: not started again" in launch.text(), "the end", launch)
            assert launch.stop() != 0
            said = launch.text()
    assert "hang: not ready in time, still importing" in said
    assert re.search(r'hang\.py", line 2 in <module>', said), said


@pytest.mark.parametrize("params", [{"at": 30}, {"at": 30, "sleeps": "true"}])
def test_a_cpp_node_that_hangs_ends_the_robot(params, tmp_path):
    with own_base() as environment:
        with Running(robot(tmp_path, "", spinning(**params)), environment) as launch:
            assert launch.wait() == LEFT_BEHIND
            said = launch.text()
    assert re.search(r"node 'spin' hangs: it has been in its tick for .* the robot ends", said)
    assert "moves again" not in said
    assert "error: node 'spin' does not move any more" in said


def test_a_cpp_node_that_hangs_beside_one_whose_safe_state_blocks_ends_the_robot(tmp_path):
    text = spinning(at=30) + plugin_node("rest", "Hanging", **{"in": '"safe_state"'})
    with own_base() as environment:
        with Running(robot(tmp_path, "", text), environment) as launch:
            assert launch.wait() == LEFT_BEHIND
            said = launch.text()
    assert re.search(r"node 'spin' hangs: it has been in its tick for .* the robot ends", said)


@pytest.mark.parametrize("where", ["init", "shutdown"])
@pytest.mark.parametrize("sleeps", ["true", "false"])
def test_a_cpp_callback_that_blocks_does_not_keep_a_stop(where, sleeps, tmp_path):
    text = spinning(**{"in": f'"{where}"', "sleeps": sleeps})
    with own_base() as environment:
        with Running(robot(tmp_path, "", text), environment) as launch:
            state = "initializing" if where == "init" else "running"
            until(lambda: nodes(environment).get("spin", {}).get("state") == state,
                  "the robot runs", launch)
            assert launch.stop() == LEFT_BEHIND
            said = launch.text()
            left = [name for name in os.listdir(environment["HORUS_BASE"] + "/hosts")
                    ] if os.path.isdir(environment["HORUS_BASE"] + "/hosts") else []
    assert f"node 'spin' did not come back from its {where}" in said
    assert left == []


DEAF = """
import horus, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
nodes = [horus.Node("n", lambda n: None, rate=50)]
"""


def test_a_host_that_is_deaf_is_killed_and_named_and_the_launch_fails(tmp_path):
    with own_base() as environment:
        with Running(robot(tmp_path, DEAF), environment) as launch:
            until(lambda: "host 'py' ready" in launch.text(), "the host is ready", launch)
            assert launch.stop() != 0
            said = launch.text()
    assert "host 'py' ignores SIGTERM: killed" in said


def test_a_host_that_hangs_when_all_stop_is_said_to_hang(tmp_path):
    text = HOST.replace('"1 s"', '"10 s"').replace("300 ms", "1 s")
    module = HANG.format(blocks="print('it blocks', flush=True); time.sleep(3600)")
    with own_base() as environment:
        with Running(robot(tmp_path, module, text), environment) as launch:
            until(lambda: "it blocks" in launch.text(), "its last tick", launch)
            assert launch.stop() != 0
            said = launch.text()
    assert "host 'py' hangs: killed" in said and "ignores SIGTERM" not in said, said
    assert "host 'py' ended: hang: node 'stuck' has been in its tick" in said


def test_a_stop_while_a_host_that_was_ready_starts_again_is_no_failure(tmp_path):
    module = """
import horus, os, pathlib, time
again = pathlib.Path(__file__).with_name("again")
if again.exists():
    print("imports again", flush=True)
    time.sleep(3600)
def tick(node):
    if horus.tick() == 20:
        again.touch()
        os._exit(3)
nodes = [horus.Node("n", tick, rate=50)]
"""
    with own_base() as environment:
        with Running(robot(tmp_path, module), environment) as launch:
            until(lambda: "imports again" in launch.text(), "its next life", launch)
            code = launch.stop()
            said = launch.text().split("imports again")[1]
    assert "Terminated" not in said and "error" not in said, said
    assert code == 0, said


def test_a_host_that_waits_for_its_next_start_when_all_stop_was_down(tmp_path):
    module = "raise ImportError('no camera')\n"
    with own_base() as environment:
        with Running(robot(tmp_path, module), environment) as launch:
            until(lambda: "started again in 3.2 s" in launch.text(), "a long wait", launch)
            before = launch.text()
            assert launch.stop() == 1
            # On a busy machine the copy of its boxes is written only now.
            said = "\n".join(line for line in launch.text()[len(before):].splitlines()
                             if "black box kept" not in line)
    assert re.search(r"warning: host 'py' was down, and waited for its next start; it had ended: "
                     r".*hang\.py:1: ImportError: no camera", said), said
    assert "host 'py' ended: " not in said and "error" not in said, said


def test_a_supervisor_that_is_deaf_is_killed_and_named(tmp_path):
    module = "import horus\nnodes = [horus.Node('n', lambda n: None, rate=50)]\n"
    with own_base() as environment:
        with Running(robot(tmp_path, module), environment) as launch:
            until(lambda: "host 'py' ready" in launch.text(), "the host is ready", launch)
            supervisor = child_named(launch.pid, "horus-pyhost")
            os.kill(supervisor, signal.SIGSTOP)
            assert launch.stop() == LEFT_BEHIND
            assert "horus-pyhost does not end: killed" in launch.text()


def child_named(parent, name):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                stat = file.read()
        except OSError:
            continue
        if f"({name})" in stat and stat.rsplit(")", 1)[1].split()[1] == str(parent):
            return int(pid)
    raise AssertionError(f"no {name} below {parent}")


def test_a_second_interrupt_ends_the_robot_at_once(tmp_path):
    text = HOST.replace('"1 s"', '"600 s"')
    text = text.replace("300 ms", "600 s")
    with own_base() as environment:
        with Running(robot(tmp_path, HANG.format(blocks="time.sleep(3600)"), text),
                     environment) as launch:
            until(lambda: "in its tick for" in launch.text(), "the node hangs", launch)
            launch.process.send_signal(signal.SIGINT)
            until(lambda: "the stop waits" in launch.text(), "the stop", launch)
            assert launch.stop(signal.SIGINT) == LEFT_BEHIND


@pytest.mark.parametrize("module,restart", [("raise ImportError('no camera')\n", "always"),
                                            ("import os\nos._exit(3)\n", "never")])
def test_a_launch_whose_only_host_never_came_up_fails(module, restart, tmp_path):
    with own_base() as environment:
        with Running(robot(tmp_path, module, HOST + f'restart = "{restart}"\n'),
                     environment) as launch:
            until(lambda: "host 'py' ended" in launch.text(), "the first end", launch)
            assert launch.stop() != 0


def test_a_launch_whose_host_was_killed_and_is_not_restarted_fails(tmp_path):
    module = "import horus\nnodes = [horus.Node('n', lambda n: None, rate=50)]\n"
    with own_base() as environment:
        with Running(robot(tmp_path, module, HOST + 'restart = "never"\n'),
                     environment) as launch:
            until(lambda: "host 'py' ready" in launch.text(), "the host is ready", launch)
            os.kill(until(lambda: nodes_pid(environment), "its number", launch), signal.SIGKILL)
            until(lambda: "(signal 9)" in launch.text(), "its end", launch)
            assert launch.stop() != 0
