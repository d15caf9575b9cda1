# SPDX-License-Identifier: Apache-2.0
"""Whom an emergency stop reaches, and who is not armed: hosts that start later, stepped runs, hosts
that do not answer, hosts of a service that never ran, a critical host that fails."""
import os
import signal
import subprocess
import textwrap

import pytest

from running import PYTHON, Running, own_base, plugin_node, program, until
from stopping import DRIVE, ctl, drive, hosts, is_now, safety, stop_cause

# Reads lines: the first stops the robot, the second ends the run.
CALLS = DRIVE.replace("horus.Scheduler(", textwrap.dedent("""
    import threading
    def act():
        sys.stdin.readline()
        horus.estop("enough")
        sys.stdin.readline()
        scheduler.stop()
    threading.Thread(target=act, daemon=True).start()
    scheduler = horus.Scheduler(""")).replace(".add(drive).run()", ".add(drive)\nscheduler.run()")

STEPS = textwrap.dedent("""
    import sys, time, horus
    drive = horus.Node(sys.argv[1], lambda node: node.send("cmd", 1), rate=100,
                       pubs={"cmd": dict}, actuator=True)
    scheduler = horus.Scheduler(name=sys.argv[2]).add(drive)
    while True:
        scheduler.tick_once()
        time.sleep(0.005)
""")


def calls(environment, node, host):
    return subprocess.Popen([PYTHON, "-c", CALLS, node, host], env=environment,
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def say(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def write_latch(environment, robot):
    folder = os.path.join(environment["XDG_STATE_HOME"], "horus")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{robot}.stop"), "w") as latch:
        latch.write("horus stop 1\ncall\na fence\n")


def test_who_starts_after_a_stop_is_stopped_though_who_asked_for_it_has_ended():
    with own_base() as environment, drive(environment, "left", "one") as one:
        is_now(environment, one, "left", "disarmed")
        with calls(environment, "right", "two") as two:
            until(lambda: safety(environment, "right") == "disarmed", "it runs", one)
            say(two)
            is_now(environment, one, "left", "estopped")
            say(two)
            assert two.wait(60) == 0
        assert "two" not in hosts(environment)
        with drive(environment, "late", "three") as three:
            is_now(environment, three, "late", "estopped")
            assert stop_cause(environment, three, "three") == "peer"
            one.stop()
            assert ctl(environment, "release", "--reason", "it was enough").returncode == 0
            is_now(environment, three, "late", "disarmed")
            with drive(environment, "right", "two") as two:
                is_now(environment, two, "right", "estopped")
                assert stop_cause(environment, two, "two") == "latch", "of its own name"
                is_now(environment, three, "late", "estopped")


def test_a_stepped_run_hears_commands_and_the_stops_of_others():
    with own_base() as environment, \
            Running([PYTHON, "-c", STEPS, "left", "one"], environment) as one:
        is_now(environment, one, "left", "disarmed")
        assert ctl(environment, "arm", "left").returncode == 0
        is_now(environment, one, "left", "armed")
        done = ctl(environment, "estop", "a child on the track")
        assert done.returncode == 0, done.stderr
        is_now(environment, one, "left", "estopped")
        latch = os.path.join(environment["XDG_STATE_HOME"], "horus", "one.stop")
        until(lambda: os.path.exists(latch), "the stop is on disk", one)
        assert ctl(environment, "arm").returncode != 0
        assert ctl(environment, "release", "--reason", "it is at home").returncode == 0
        is_now(environment, one, "left", "disarmed")
        assert not os.path.exists(latch)
        with calls(environment, "right", "two") as two:
            until(lambda: safety(environment, "right") == "disarmed", "it runs", one)
            say(two)
            is_now(environment, one, "left", "estopped")
            say(two)
        one.stop(signal.SIGKILL)
        with Running([PYTHON, "-c", STEPS, "left", "one"], environment) as again:
            is_now(environment, again, "left", "estopped")


def test_a_host_that_does_not_answer_is_named_and_the_others_are_stopped():
    with own_base() as environment, drive(environment, "left", "one") as one, \
            drive(environment, "right", "two") as two, drive(environment, "mid", "three") as three:
        for running, node in ((one, "left"), (two, "right"), (three, "mid")):
            is_now(environment, running, node, "disarmed")
        two.process.send_signal(signal.SIGSTOP)
        try:
            done = ctl(environment, "estop", "fire")
            assert done.returncode == 1, "one of them did not say that it is at rest"
            assert "host 'two'" in done.stderr and "'one'" not in done.stderr
            is_now(environment, one, "left", "estopped")
            is_now(environment, three, "mid", "estopped")
        finally:
            two.process.send_signal(signal.SIGCONT)
        is_now(environment, two, "right", "estopped")


# Its init waits for a file: until then it refuses to be armed.
WAITS = textwrap.dedent("""
    import os, sys, time, horus
    def init(node):
        while not os.path.exists(sys.argv[3]): time.sleep(0.01)
    drive = horus.Node(sys.argv[1], lambda node: None, rate=100, init=init, pubs={"cmd": dict},
                       actuator=True)
    horus.Scheduler(name=sys.argv[2]).add(drive).run()
""")


def test_scripts_are_armed_all_or_none(tmp_path):
    go = tmp_path / "go"
    with own_base() as environment, drive(environment, "left", "one") as one, \
            Running([PYTHON, "-c", WAITS, "right", "two", str(go)], environment) as two:
        is_now(environment, one, "left", "disarmed")
        is_now(environment, two, "right", "starting")
        until(lambda: os.path.exists(os.path.join(environment["HORUS_BASE"], "hosts", "two.sock")),
              "it can be called", two)
        done = ctl(environment, "arm")
        assert done.returncode == 1 and "host 'two'" in done.stderr, done.stderr
        assert "init is not over" in done.stderr
        assert safety(environment, "left") == "disarmed"
        go.touch()
        is_now(environment, two, "right", "disarmed")
        assert ctl(environment, "arm").returncode == 0
        is_now(environment, one, "left", "armed")
        is_now(environment, two, "right", "armed")


CONFIG = ('[robot]\nname = "rover"\n[realtime]\nmode = "off"\n'
          + plugin_node("wheel", "Counter", more="actuator = true\n"))


def host(name, more=""):
    return f'[[host]]\nname = "{name}"\nmodule = "{name}.py"\n{more}'


HOST = textwrap.dedent("""
    import os, time, horus
    def init(node):
        while WAITS and not os.path.exists(GO): time.sleep(0.01)
    drive = horus.Node("NAME", lambda node: None, rate=100, init=init, pubs={"cmd": dict},
                       actuator=True, arm_at_start=ARMS)
""")


def write_host(folder, name, waits=False, arms=False):
    source = HOST.replace("NAME", name).replace("GO", repr(str(folder / "go")))
    (folder / f"{name}.py").write_text(
        source.replace("WAITS", str(waits)).replace("ARMS", str(arms)))


def test_a_service_arms_all_of_its_hosts_or_none(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + host("able") + host("late"))
    write_host(tmp_path, "able")
    write_host(tmp_path, "late", waits=True)
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        for name, state in (("wheel", "disarmed"), ("able", "disarmed"), ("late", "starting")):
            is_now(environment, launch, name, state)
        until(lambda: os.path.exists(os.path.join(environment["HORUS_BASE"], "hosts", "late.sock")),
              "it can be called", launch)
        done = ctl(environment, "arm")
        assert done.returncode == 1 and "host 'late'" in done.stderr, done.stderr
        assert safety(environment, "wheel") == safety(environment, "able") == "disarmed"
        (tmp_path / "go").touch()
        is_now(environment, launch, "late", "disarmed")
        assert ctl(environment, "arm").returncode == 0
        for name in ("wheel", "able", "late"):
            is_now(environment, launch, name, "armed")


RAISES = textwrap.dedent("""
    import os, horus
    def tick(node):
        if os.path.exists(GO): ACT
    watcher = horus.Node("watcher", tick, rate=100, failure_policy="fatal")
""")


@pytest.mark.parametrize("act, cause", [("raise ValueError('bent')", "host"),
                                        ("raise SystemExit(3)", "host"),
                                        ("raise SystemExit(0)", "command"),
                                        ("node.request_stop()", "command")])
def test_a_critical_host_that_fails_stops_the_robot_and_one_that_ends_does_not(tmp_path, act,
                                                                              cause):
    go = tmp_path / "go"
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + host("eyes", 'critical = true\nrestart = "never"\n'))
    (tmp_path / "eyes.py").write_text(RAISES.replace("GO", repr(str(go))).replace("ACT", act))
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        until(lambda: ctl(environment, "arm").returncode == 0, "it is whole, and armed", launch)
        is_now(environment, launch, "wheel", "armed")
        go.touch()
        until(lambda: "eyes" not in hosts(environment), "it has ended", launch)
        if cause == "command":
            # The first reason stays: there was no stop before this one.
            assert safety(environment, "wheel") == "armed"
            assert ctl(environment, "estop").returncode == 0
        is_now(environment, launch, "wheel", "estopped")
        assert stop_cause(environment, launch, "rover") == cause


def test_nobody_is_armed_or_released_without_a_critical_host(tmp_path):
    go = tmp_path / "go"
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + host("eyes", 'critical = true\n'))
    (tmp_path / "eyes.py").write_text("import os, time\n"
                                      f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
                                      + RAISES.replace("GO", "'/none'").replace("ACT", "pass"))
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "wheel", "disarmed")
        for words in (["arm"], ["arm", "wheel"], ["release", "--reason", "it is fine"]):
            refused = ctl(environment, *words)
            assert refused.returncode == 1, words
            assert "a host that the robot cannot do without" in refused.stderr
            assert "eyes" in refused.stderr
        assert ctl(environment, "disarm").returncode == 0
        assert safety(environment, "wheel") == "disarmed"
        go.touch()
        until(lambda: ctl(environment, "arm").returncode == 0, "it is armed", launch)
        assert ctl(environment, "estop").returncode == 0
        os.kill(hosts(environment)["eyes"]["pid"], signal.SIGSTOP)
        refused = ctl(environment, "release", "--reason", "it hangs, but so what")
        assert refused.returncode == 1 and "host 'eyes'" in refused.stderr, refused.stderr


@pytest.mark.parametrize("latched", [False, True], ids=["its robot does not run",
                                                        "its robot was stopped"])
def test_a_python_host_whose_service_never_ran_acts_for_nobody(tmp_path, latched):
    file = tmp_path / "robot.toml"
    file.write_text('[robot]\nname = "rover"\n' + host("arm"))
    write_host(tmp_path, "arm", arms=True)
    with own_base() as environment:
        if latched:
            write_latch(environment, "rover")
        with Running([program("horus-pyhost"), "--config", str(file)], environment) as alone:
            is_now(environment, alone, "arm", "estopped")
            cause = stop_cause(environment, alone, "arm")
            assert cause == ("latch" if latched else "owner")


PROGRAM = textwrap.dedent("""
    import horus
    def tick(node):
        node.send("cmd", 1)
    if __name__ == "__main__":
        far = horus.Node("far", tick, 100, pubs={"cmd": dict}, actuator=True, arm_at_start=True,
                         host="apart")
        horus.Scheduler(name="rover").add(far).run()
""")


def test_a_host_of_a_program_begins_stopped_where_the_program_was_stopped(tmp_path):
    file = tmp_path / "robot.py"
    file.write_text(PROGRAM)
    with own_base() as environment:
        write_latch(environment, "rover")
        with Running([PYTHON, str(file)], environment) as running:
            is_now(environment, running, "far", "estopped")
            assert stop_cause(environment, running, "apart") == "latch", "before its first tick"
