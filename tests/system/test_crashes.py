# SPDX-License-Identifier: Apache-2.0
"""A crash names its node, and the end of a host says in words what it was."""
import os
import re
import signal

import pytest

from running import (PYTHON, Running, assert_grid, box_events, files_below, nodes, own_base,
                     plugin_node, program, run, until)

QUIET = '[robot]\nname = "test"\n[realtime]\nmode = "off"\n'
HOST = QUIET + """[[host]]
name = "host"
module = "host.py"
"""


def test_f04_a_crash_of_a_node_is_told_at_once_and_again_by_the_next_service(tmp_path):
    file = tmp_path / "robot.toml"
    command = [program("horusd"), "--config", str(file)]
    with own_base() as environment:
        file.write_text(QUIET + plugin_node("arm", "Crashing", 200, at=20))
        with Running(command, environment) as first:
            assert first.wait() == -signal.SIGSEGV
            assert "\ncrashed in node 'arm', tick 20: Segmentation fault" in first.text()
        file.write_text(QUIET + plugin_node("arm", "Crashing", 200, at=1_000_000))
        with Running(command, environment) as second:
            until(lambda: "ready" in second.text(), "ready", second)
            assert second.stop() == 0
            said = second.text()
            summary = "crashed last time: Segmentation fault (signal 11) in node 'arm', tick 20"
            assert summary in said.split("ready", 1)[0] and "good_plugin.so+0x" in said
            assert summary in said.split("ready", 1)[1], "the status says so as well"
        with Running(command, environment) as third:
            until(lambda: "ready" in third.text(), "ready", third)
            assert third.stop() == 0 and "crashed" not in third.text()
        assert not [path for path in files_below(environment["HORUS_BASE"]) if "crash" in path]


def test_f02_a_crash_in_a_c_extension_is_the_hosts_own_affair(tmp_path):
    (tmp_path / "robot.toml").write_text(HOST + """[[host]]
name = "good"
module = "good.py"
""" + plugin_node("motor", "Counter", 200))
    (tmp_path / "good.py").write_text("import horus\n"
                                      "good = horus.Node('good', lambda n: None, rate=50)\n")
    (tmp_path / "host.py").write_text("""
import ctypes
import horus
def tick(node):
    if horus.tick() == 40:
        ctypes.string_at(0)
arm = horus.Node("arm", tick, 100)
""")
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: launch.text().count("host 'host' ready") == 2, "its next life", launch)
        shown = nodes(environment)
        for name in ("good", "motor"):
            assert_grid(shown[name])
        said = launch.text()
        assert launch.stop() == 0, launch.text()
    assert "host 'host' ended: crashed in node 'arm', tick 40: Segmentation fault" in said
    assert "Fatal Python error: Segmentation fault" in said, "what faulthandler writes"
    assert re.search(r'host\.py", line \d+ in tick', said)
    assert said.count("host 'good' ready") == 1 and "host 'good' ended" not in said


CGROUP = """
mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir supervisor host-py
touch cgroup.subtree_control supervisor/cgroup.procs host-py/cgroup.procs host-py/pids.max
echo 512 >pids.max
python3 -c 'import os; os.setxattr(".", "trusted.delegate", b"1")'
cd / && exec "$@"
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
def test_f24_a_host_has_a_part_of_the_services_tasks(tmp_path):
    """That the kernel keeps it to them is for the virtual machine."""
    (tmp_path / "robot.toml").write_text(HOST.replace('"host"', '"py"'))
    (tmp_path / "host.py").write_text("""
import horus
def tick(node):
    if horus.tick() == 0:
        for name in ("cgroup.subtree_control", "host-py/pids.max"):
            print(name, open("/sys/fs/cgroup/" + name).read())
arm = horus.Node("arm", tick, 100)
""")
    with own_base() as environment, Running(
            ["unshare", "-m", "--propagation", "private", "sh", "-ec", CGROUP, "sh",
             program("horus-pyhost"), "--config", str(tmp_path / "robot.toml")],
            environment) as hosts:
        until(lambda: "pids.max 384" in hosts.text(), "its limit", hosts)
        assert "cgroup.subtree_control +pids" in hosts.text()
        hosts.stop()


@pytest.mark.parametrize("act, words", [
    ("ctypes.string_at(0)",
     "crashed in node 'arm', tick 5: Segmentation fault (signal 11) at address 0x0"),
    ("os.abort()", "crashed in node 'arm', tick 5: Aborted (signal 6)"),
    ("print('<2>crashed in node, it says'); os._exit(3)",
     "its program ended itself as failed (exit code 3)"),
    ("node.request_stop()", "it ended (exit code 0)"),
    ("os._exit(0)", "it ended (exit code 0)"),
    ("sys.exit(4)", "its program ended itself as failed (exit code 4)"),
    ("os.kill(os.getpid(), 9)", "killed by somebody, or by the kernel for its memory (signal 9)")])
def test_the_end_of_a_host_is_said_in_words(tmp_path, act, words):
    (tmp_path / "robot.toml").write_text(HOST)
    (tmp_path / "host.py").write_text(f"""
import ctypes, os, sys
import horus
def tick(node):
    if horus.tick() == 5:
        {act}
arm = horus.Node("arm", tick, 100)
""")
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: f"host 'host' ended: {words}; started again in" in launch.text(), words,
              launch)
        launch.stop()
        line = [line for line in launch.text().splitlines() if "ended: " in line][0]
        assert ("error" in line) == ("exit code 0" not in line), line


@pytest.mark.parametrize("act, words", [
    ("raise RuntimeError('no arm')", "host.py:6: RuntimeError: no arm"),
    ("sys.exit('no arm')", "host.py:6: SystemExit: no arm"),
    ("raise KeyboardInterrupt", "interrupted: {folder}/host.py:6: KeyboardInterrupt"),
    ("os.kill(os.getpid(), signal.SIGINT)", "interrupted: KeyboardInterrupt")])
def test_what_ends_a_host_after_it_was_ready_is_told_as_before_it(tmp_path, act, words):
    (tmp_path / "robot.toml").write_text(HOST)
    (tmp_path / "host.py").write_text(f"""
import os, signal, sys
import horus
def tick(node):
    if horus.tick() == 20:
        {act}
arm = horus.Node("arm", tick, 100, failure_policy="fatal")
""")
    words = words.format(folder=tmp_path) if "{" in words else words
    if words.startswith("host.py"):
        words = f"{tmp_path}/{words}"
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: "host 'host' ended: " in launch.text(), "its end", launch)
        said = launch.text()
        launch.stop()
    assert "host 'host' ready" in said.split("ended: ")[0]
    assert f"host 'host' ended: {words}; started again in" in said, said


def test_what_a_child_of_a_host_raises_is_not_told_of_the_host(tmp_path):
    (tmp_path / "robot.toml").write_text(HOST + "script = true\n")
    (tmp_path / "host.py").write_text("""
import os, time
import horus
if os.fork() == 0:
    raise RuntimeError("the child's own")
os.wait()
horus.run(horus.Node("arm", lambda node: node.request_stop() if horus.tick() == 20 else None, 100))
os._exit(3)
""")
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: "host 'host' ended: " in launch.text(), "its end", launch)
        said = launch.text()
        launch.stop()
    assert "ended: its program ended itself as failed (exit code 3)" in said, said


@pytest.mark.parametrize("restart, follows", [
    ("always", "started again in"), ("on-failure", "started again in"),
    ("never", "its policy: not started again")])
def test_a_host_that_ends_before_it_is_ready_has_failed(tmp_path, restart, follows):
    (tmp_path / "robot.toml").write_text(HOST + f'restart = "{restart}"\n')
    (tmp_path / "host.py").write_text("import os\nos._exit(0)\n")
    words = f"error: host 'host' ended: it ended before it was ready (exit code 0); {follows}"
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: "host 'host' ended: " in launch.text(), "its end", launch)
        assert words in launch.text()
        assert launch.stop() == 1


LATE = """
import time, horus
def tick(node):
    if horus.tick() == 20:
        time.sleep(0.1)
"""
SAYS_STOP = "missed its deadline, and its on_miss is stop: the run ends"


@pytest.mark.parametrize("restart", ["always", "never"])
def test_a_host_whose_missed_deadline_ends_it_says_so(tmp_path, restart):
    (tmp_path / "robot.toml").write_text(HOST + f'restart = "{restart}"\n')
    (tmp_path / "host.py").write_text(
        LATE + "arm = horus.Node('arm', tick, 100, on_miss='stop')\n")
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: "host 'host' ended: " in launch.text(), "its end", launch)
        said = launch.text().split("host 'host' ended: ")
        code = launch.stop()
    assert said[0].count("arm[20]: " + SAYS_STOP) == 1, said
    assert said[0].endswith("error: ")
    assert said[1].startswith("node 'arm' missed its deadline, and its policy is to stop; ")
    assert code == (1 if restart == "never" else code)


def test_a_script_whose_missed_deadline_ends_it_says_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(LATE + "horus.run(horus.Node('arm', tick, 100, on_miss='stop'))\n")
    with own_base() as environment:
        done = run([PYTHON, str(script)], environment)
    assert done.returncode == 0, "the program goes on"
    assert done.stderr.count("error: arm[20]: " + SAYS_STOP) == 1, done.stderr


def test_a_cpp_node_whose_missed_deadline_ends_the_robot_says_so(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(QUIET + plugin_node("arm", "Counter", 100, 'on_miss = "stop"\n'
                                        'budget = "1 us"\ndeadline = "1 us"\n'))
    with own_base() as environment, Running(
            [program("horusd"), "--config", str(file)], environment) as daemon:
        assert daemon.wait() != 0
        said = daemon.text()
    assert len(re.findall(r"arm\[\d+\]: " + SAYS_STOP, said)) == 1, said
    assert "error: node 'arm' missed its deadline, and its policy is to stop\n" in said, said


CRASHES = """
import ctypes, sys, threading, horus
def tick(node):
    if horus.tick() == 5:
        ctypes.string_at(0)
def main():
    horus.Scheduler(name="robot").add(horus.Node("a", tick, 100)).run()
"""
TOLD = "crashed in node 'a', tick 5: Segmentation fault (signal 11)"


@pytest.mark.parametrize("starts", [
    "main()", "thread = threading.Thread(target=main)\nthread.start()\nthread.join()",
    "horus.run(horus.Node('b', lambda node: None, 100), duration=0.1)\nmain()",
    "s = horus.Scheduler(name='robot').add(horus.Node('a', tick, 100))\n"
    "while True: s.tick_once()"])
def test_a_crash_of_a_script_names_the_node(tmp_path, starts):
    script = tmp_path / "script.py"
    script.write_text(CRASHES + starts + "\n")
    with own_base() as environment:
        done = run([PYTHON, str(script)], environment)
        kept = box_events(environment, "--event", "crash")
    assert done.returncode == -signal.SIGSEGV
    said = [line for line in done.stderr.splitlines() if "crashed" in line]
    assert said == [TOLD + " at address 0x0"], done.stderr
    assert [(event["node"], event["tick"]) for event in kept] == [("a", 5)], kept


@pytest.mark.parametrize("before, within", [
    ("faulthandler.enable()", ""), ("", "faulthandler.enable()")])
def test_a_scripts_own_fault_handler_has_its_say_as_well(tmp_path, before, within):
    script = tmp_path / "script.py"
    script.write_text("import faulthandler\n" + CRASHES.replace(
        "ctypes.string_at", f"{within}\n        ctypes.string_at") + before + "\nmain()\n")
    with own_base() as environment:
        done = run([PYTHON, str(script)], environment)
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.count(TOLD) == 1 and "Fatal Python error: Segmentation" in done.stderr


@pytest.mark.parametrize("before, within", [
    ("faulthandler.enable()", "pass"), ("", "faulthandler.enable()"), ("", "pass")])
def test_a_crash_after_a_run_is_the_scripts_own(tmp_path, before, within):
    script = tmp_path / "script.py"
    script.write_text(f"""
import ctypes, faulthandler, horus
{before}
def tick(node):
    {within}
both = [horus.Scheduler().add(horus.Node(name, tick, 100)) for name in "ab"]
for scheduler in both:
    scheduler.run(0.1)
ctypes.string_at(0)
""")
    with own_base() as environment:
        done = run([PYTHON, str(script)], environment)
    assert done.returncode == -signal.SIGSEGV
    assert ("Fatal Python error" in done.stderr) == ("enable" in before + within), done.stderr
    if within == "pass":  # Else the fault handler leads to ours.
        assert "crashed" not in done.stderr
