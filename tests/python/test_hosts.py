# SPDX-License-Identifier: Apache-2.0
"""Nodes with host=: processes of their own from one script, which ends, fails and prints as one."""
import os
import re
import select
import signal
import textwrap

import pytest
from running import PYTHON, WATCHDOG, Running, own_base, run, until

import horus

GUARD = 'if __name__ == "__main__":\n'
PROGRAM = """
import os, sys, time
import horus

def tick(node):
    node.send("pid", {"pid": os.getpid(), "node": node.name})

def collect(node):
    # Until all nodes were heard.
    for message in node.recv_all("pid"):
        node.pids[message["node"]] = message["pid"]
    if len(node.pids) == node.wanted:
        node.request_stop()

def collector(wanted):
    node = horus.Node("collector", collect, 50, subs=["pid"])
    node.pids, node.wanted = {}, wanted
    return node
"""


class Script:
    """A program in a file, as hosts need it."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, source, main):
        file = self.folder / "robot.py"
        own = textwrap.indent(textwrap.dedent(main), "    ")
        file.write_text(f"{textwrap.dedent(source)}\n{GUARD}{own}")
        return [PYTHON, str(file)]

    def run(self, source, main):
        with own_base() as environment:
            return run(self.write(source, main), environment)


@pytest.fixture
def script(tmp_path):
    return Script(tmp_path)


def test_nodes_of_a_host_share_a_process_and_topics_with_the_others(script):
    done = script.run(PROGRAM, """
        all = collector(3)
        horus.run(horus.Node("a", tick, 50, pubs=["pid"], host="vision"),
                  horus.Node("b", tick, 50, pubs=["pid"], host="vision"),
                  horus.Node("c", tick, 50, pubs=["pid"], host="arm"), all, duration=50)
        print(all.pids["a"] == all.pids["b"] != all.pids["c"], os.getpid() in all.pids.values())
    """)
    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr


def test_a_run_may_have_hosts_only_and_its_numbers_outlive_them(script):
    done = script.run(PROGRAM, """
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("a", tick, 100, pubs=["pid"], host="vision"))
        scheduler.run(0.5)
        stats = scheduler.get_node_stats("a")
        print(stats["total_ticks"] > 0, stats["messages_sent"] == stats["total_ticks"])
        print(stats["state"], stats["failed_ticks"], scheduler.status())
    """)
    assert (done.returncode, done.stdout) == (0, "True True\nstopped 0 stopped\n"), done.stderr


def test_a_subclass_is_made_anew_and_started_clean(script):
    done = script.run(PROGRAM + textwrap.dedent("""
        LOADED = []

        class Camera(horus.Node):
            def __init__(self, index, *, scale=1.0):
                super().__init__(f"camera{index}", rate=50, host=f"host{index}")
                self.scale = scale

            def init(self):
                LOADED.append(self.scale)
                print(self.name, self.scale, LOADED, __name__, flush=True)

            def tick(self):
                pass
        """), """
        LOADED.append("mine")
        horus.run(Camera(1, scale=2.0), duration=0.1)
    """)
    assert (done.returncode, done.stdout) == (0, "camera1 2.0 [2.0] __mp_main__\n"), done.stderr


def test_a_fatal_exception_leaves_run_as_from_one_process(script):
    done = script.run("""
        import horus
        class Broken(Exception):
            pass
        def tick(node):
            if horus.tick() == 3:
                raise Broken("lens")
        """, """
        try:
            horus.run(horus.Node("a", tick, 50, host="vision", failure_policy="fatal"))
        except Broken as error:
            print(repr(error), "in tick" in str(error.__cause__))
    """)
    assert (done.returncode, done.stdout) == (0, "Broken('lens') True\n"), done.stderr
    assert "started again" not in done.stderr


def test_a_stop_and_an_exit_of_a_node_end_all(script):
    done = script.run("""
        import sys
        import horus
        def stop(node):
            if horus.tick() == 20:
                node.request_stop()
        def leave(node):
            sys.exit(7)
        """, """
        horus.run(horus.Node("a", stop, 50, host="vision"),
                  horus.Node("own", lambda node: None, 10, shutdown=lambda n: print("shut")))
        horus.run(horus.Node("b", leave, 50, host="vision"))
    """)
    assert (done.returncode, done.stdout) == (7, "shut\n"), done.stderr


def test_logs_and_prints_come_as_from_one_process(script):
    done = script.run("""
        import horus
        def tick(node):
            node.log_warning("dark")
            print("seen", flush=True)
            if horus.tick() == 1:
                node.request_stop()
            raise ValueError("blind")
        """, """
        horus.run(horus.Node("a", tick, 10, host="vision"), duration=50)
    """)
    assert set(done.stdout.splitlines()) == {"seen"}
    assert "vision" in done.stderr and "dark" in done.stderr and "blind" in done.stderr


@pytest.mark.parametrize("node, says", [
    ("horus.Node('a', lambda node: None, host='vision')",
     "node 'a': its argument 2 cannot go to host 'vision'"),
    ("horus.Node('a', init=local, host='vision')", "node 'a': its init cannot go to host 'vision'"),
])
def test_what_cannot_be_imported_there_is_refused(script, node, says):
    done = script.run("import horus", f"""
        def main():
            def local(node):
                pass
            horus.run({node}, duration=0.1)
        main()
    """)
    assert done.returncode == 1
    assert f"ValueError: {says}" in done.stderr
    assert "functions and classes at the top of a module" in done.stderr


def test_a_program_without_a_file_is_told_so():
    with own_base() as environment:
        done = run([PYTHON, "-c", textwrap.dedent("""
            import horus
            def tick(node):
                pass
            horus.run(horus.Node("a", tick, host="vision"), duration=0.1)
            """)], environment)
    assert "ValueError: host= needs a program that was started from a file" in done.stderr


def test_a_program_without_the_guard_is_told_so(tmp_path):
    file = tmp_path / "robot.py"
    file.write_text("import horus\ndef tick(node): pass\n"
                    "horus.run(horus.Node('a', tick, host='vision'), duration=0.1)\n")
    with own_base() as environment:
        done = run([PYTHON, str(file)], environment)
    assert done.returncode == 1
    assert "RuntimeError: host 'vision' cannot start: " in done.stderr
    assert 'put that under if __name__ == "__main__":' in done.stderr


BESIDE = """
import os, signal
import horus
def tick(node):
    if horus.tick() == 0:
        print("pid", os.getpid(), flush=True)
def shutdown(node):
    print("host shut down", flush=True)
"""
RUNS = """
try:
    horus.run(horus.Node("a", tick, 50, host="vision", shutdown=shutdown),
              horus.Node("own", tick, 50))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def pids(running, count):
    """Of the hosts' first ticks, and of the program's own, in order."""
    def told():
        return re.findall(r"^pid (\d+)$", running.text(), re.MULTILINE)

    until(lambda: len(told()) >= count, f"{count} first ticks", running)
    return [int(pid) for pid in told()]


def test_ctrl_c_shuts_all_down_and_leaves_no_process(script):
    with own_base() as environment, Running(script.write(BESIDE, RUNS), environment) as running:
        host, own = pids(running, 2)
        os.kill(own, signal.SIGINT)
        assert running.wait() == 0
        assert running.text().index("host shut down") < running.text().index("interrupted")
        assert not os.path.exists(f"/proc/{host}")


def test_a_host_that_is_killed_comes_back(script):
    with own_base() as environment, Running(script.write(BESIDE, RUNS), environment) as running:
        host, own = pids(running, 2)
        os.kill(host, signal.SIGKILL)
        again = pids(running, 3)[2]
        assert again not in (host, own)
        os.kill(own, signal.SIGTERM)
        assert running.wait() == 0


def test_a_host_that_cannot_come_back_is_tried_again(script, tmp_path):
    refuses = textwrap.dedent("""
        import pathlib
        folder = pathlib.Path(__file__).parent
        if __name__ != "__main__" and (folder / "killed").exists():
            if not (folder / "refused").exists():
                (folder / "refused").touch()
                raise RuntimeError("not yet")
    """)
    with own_base() as environment, \
            Running(script.write(BESIDE + refuses, RUNS), environment) as running:
        host, own = pids(running, 2)
        (tmp_path / "killed").touch()
        os.kill(host, signal.SIGKILL)
        assert pids(running, 3)[2] not in (host, own)
        assert (tmp_path / "refused").exists()
        os.kill(own, signal.SIGTERM)
        assert running.wait() == 0, running.text()


IN_A_PHASE = """
import os, pathlib, time
import horus
folder = pathlib.Path(__file__).parent
def hold(phase):
    (folder / phase).touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
def tick(node):
    pass
def slow(node):
    hold("PHASE")
"""


@pytest.mark.parametrize("phase, callback", [("start", "init"), ("stop", "shutdown")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_hosts_start_or_stop_ends_the_run_and_kills_nothing(
        script, tmp_path, phase, callback, number):
    program = script.write(IN_A_PHASE.replace("PHASE", phase), f"""
        import signal
        horus.run(horus.Node("a", tick, 50, host="vision", {callback}=slow), duration=0.1)
        print("run is over", signal.getsignal(signal.{number.name}) is signal.SIG_DFL)
    """)
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / phase).exists, f"they {phase}", running)
        running.process.send_signal(number)
        if phase == "stop":
            running.process.send_signal(number)  # Once more: the first one may still be handled.
        (tmp_path / "go").touch()
        assert running.wait() == 0, running.text()
        assert running.text().endswith("run is over True\n"), running.text()


def test_a_signal_ends_a_run_with_hosts_also_where_a_tick_keeps_the_interpreter(script, tmp_path):
    program = script.write("""
        import ctypes, pathlib
        import horus
        def tick(node):
            pass
        def hang(node):
            pathlib.Path(__file__).with_name("hangs").touch()
            ctypes.PyDLL(None).sleep(3600)  # With the GIL.
    """, """
        horus.Scheduler(stop_timeout=0.5).add(horus.Node("a", tick, 50, host="vision")).add(
            horus.Node("own", hang, 50)).run()
    """)
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "hangs").exists, "it hangs", running)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 75, running.text()


def test_a_handler_of_the_program_s_own_is_left_to_it(script, tmp_path):
    program = script.write(IN_A_PHASE.replace("PHASE", "start"), """
        import signal
        def own(number, frame):
            print("heard", flush=True)
        signal.signal(signal.SIGTERM, own)
        horus.run(horus.Node("a", tick, 50, host="vision", init=slow), duration=0.1)
        print("over", signal.getsignal(signal.SIGTERM) is own)
    """)
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "start").exists, "they start", running)
        running.process.send_signal(signal.SIGTERM)
        until(lambda: "heard" in running.text(), "heard", running)
        (tmp_path / "go").touch()
        assert running.wait() == 0, running.text()
        assert running.text().endswith("over True\n"), running.text()


@pytest.mark.parametrize("ends", ["os.abort()", "os._exit(3)"])
def test_a_host_that_dies_at_each_start_ends_the_run_with_the_reason(script, ends):
    done = script.run(f"""
        import os
        import horus
        def tick(node):
            pass
        if __name__ != "__main__":
            {ends}
    """, """
        try:
            horus.run(horus.Node("a", tick, 50, host="vision"), horus.Node("own", tick, 50),
                      duration=0.1)
        except RuntimeError as error:
            print(error)
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("host 'vision' cannot start: it ended 3 times before it was "
                                  "ready; the last time: "), done.stdout


def test_a_path_of_any_bytes_is_handed_on(script):
    with own_base() as environment:
        path = environment["PYTHONPATH"] + ":/odd/\udcff"
        done = run(script.write("""
            import sys
            import horus
            def said(node):
                print(ascii([one for one in sys.path if "odd" in one]), flush=True)
                node.request_stop()
        """, """
            horus.run(horus.Node("a", said, 50, host="arm"))
        """), environment | {"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (0, "['/odd/\\udcff']\n"), done.stderr


def test_hosts_end_with_a_program_that_is_killed_and_leave_no_file(script, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    program = script.write(BESIDE, RUNS)
    with own_base() as environment, \
            Running(program, environment | {"TMPDIR": str(temporary)}) as running:
        host, own = pids(running, 2)
        watch = os.pidfd_open(host)
        os.kill(own, signal.SIGKILL)
        running.wait()
        assert select.select([watch], [], [], WATCHDOG)[0]
        os.close(watch)
    assert list(temporary.iterdir()) == []


def test_a_host_has_the_names_of_a_configurations_hosts(script):
    longest = "v.1-" + "x" * 59
    done = script.run(PROGRAM, f"""
        all = collector(1)
        horus.run(horus.Node("a", tick, 50, pubs=["pid"], host="{longest}"), all, duration=50)
        print(len(all.pids))
    """)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_no_descriptor_of_a_run_with_hosts_is_left(script):
    done = script.run(PROGRAM, """
        node = horus.Node("a", tick, 50, pubs=["pid"], host="arm")
        horus.run(node, duration=0.1)
        before = len(os.listdir("/proc/self/fd"))
        horus.run(node, duration=0.1)
        try:
            horus.run(horus.Node("b", lambda node: None, 50, host="arm"))
        except ValueError:
            print("refused")
        print(len(os.listdir("/proc/self/fd")) - before)
    """)
    assert (done.returncode, done.stdout) == (0, "refused\n0\n"), done.stderr


def test_the_attribute_says_the_host():
    assert horus.Node("a", print, host="vision").host == "vision"
    assert horus.Node("a", print).host is None


def test_a_node_of_another_host_is_changed_while_nothing_runs(script):
    done = script.run("""
        import horus

        def far(node):
            pass

        def change(node):
            for ask in (lambda: scheduler.remove_node("far"),
                        lambda: scheduler.set_node_rate("far", 20),
                        lambda: scheduler.set_tick_budget("far", 500),
                        lambda: scheduler.add_critical_node("far", 500)):
                try:
                    ask()
                except RuntimeError as error:
                    print(error)
            node.request_stop()
    """, """
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("far", far, 50, host="other"))
        scheduler.add(horus.Node("here", change, 50)).run(duration=30)
        scheduler.set_node_rate("far", 20)
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("node 'far' does not tick in this process now") == 4
