# SPDX-License-Identifier: Apache-2.0
"""A robot that is stopped, released and armed from outside: by `horusctl`, over processes and
their deaths."""
import os
import signal
import textwrap

import pytest

from running import PYTHON, Running, own_base, plugin_node, program, run, until
from stopping import DRIVE, ctl, drive, hosts, is_now, safety

def test_scripts_are_armed_stopped_and_released_by_command():
    with own_base() as environment, drive(environment, "left", "one") as one, \
            drive(environment, "right", "two") as two:
        is_now(environment, one, "left", "disarmed")
        is_now(environment, two, "right", "disarmed")
        assert ctl(environment, "arm", "left").returncode == 0
        is_now(environment, one, "left", "armed")
        assert safety(environment, "right") == "disarmed"
        assert ctl(environment, "arm").returncode == 0
        is_now(environment, two, "right", "armed")
        done = ctl(environment, "estop", "a child on the track")
        assert done.returncode == 0, done.stderr
        is_now(environment, one, "left", "estopped")
        is_now(environment, two, "right", "estopped")
        shown = ctl(environment, "node", "info", "left").stdout
        assert "estopped" in shown and "an actuator" in shown
        refused = ctl(environment, "arm", "left")
        assert refused.returncode != 0 and "at rest" in refused.stderr
        for words in (["release"], ["release", "--reason", " "]):
            assert ctl(environment, *words).returncode == 2
        assert ctl(environment, "release", "--reason", "it is at home").returncode == 0
        is_now(environment, one, "left", "disarmed")
        is_now(environment, two, "right", "disarmed")
        assert ctl(environment, "arm", "nobody").returncode == 1
        assert ctl(environment, "disarm").returncode == 0


def test_one_script_stops_the_others_and_its_death_does_not():
    calls = DRIVE.replace("horus.Scheduler(", textwrap.dedent("""
        import threading
        def act():
            sys.stdin.readline()
            horus.estop("enough")
        threading.Thread(target=act, daemon=True).start()
        horus.Scheduler("""))
    import subprocess
    with own_base() as environment, drive(environment, "left", "one") as one:
        is_now(environment, one, "left", "disarmed")
        with subprocess.Popen([PYTHON, "-c", calls, "right", "two"], env=environment,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as two:
            until(lambda: safety(environment, "right") == "disarmed", "runs", one)
            assert ctl(environment, "arm").returncode == 0
            two.stdin.write(b"\n")
            two.stdin.flush()
            is_now(environment, one, "left", "estopped")
            latch = os.path.join(environment["XDG_STATE_HOME"], "horus", "two.stop")
            until(lambda: os.path.exists(latch), "the stop is on disk", one)
            two.kill()
        assert safety(environment, "left") == "estopped"
        assert ctl(environment, "release", "--reason", "it was enough").returncode == 0
        is_now(environment, one, "left", "disarmed")
        with drive(environment, "right", "two") as again:
            is_now(environment, again, "right", "estopped")
            is_now(environment, one, "left", "estopped")


CONFIG = plugin_node("wheel", "Counter", more="actuator = true\n") + plugin_node("eye", "Counter")


def test_a_service_is_stopped_and_a_restart_does_not_release_it(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text('[robot]\nname = "rover"\n[realtime]\nmode = "off"\n' + CONFIG)
    with own_base() as environment:
        command = [program("horus"), "launch", str(file)]
        with Running(command, environment) as launch:
            is_now(environment, launch, "wheel", "disarmed")
            is_now(environment, launch, "eye", "armed")
            assert ctl(environment, "arm", "wheel").returncode == 0
            is_now(environment, launch, "wheel", "armed")
            assert ctl(environment, "estop").returncode == 0
            is_now(environment, launch, "wheel", "estopped")
            is_now(environment, launch, "eye", "estopped")
            until(lambda: hosts(environment)["rover"]["stop_cause"] == "command", "the cause shows",
                  launch)
            shown = ctl(environment, "status").stdout
            assert "is estopped (command): asked for" in shown and "horusctl release" in shown
            assert ctl(environment, "arm").returncode != 0
            latch = os.path.join(environment["XDG_STATE_HOME"], "horus", "rover.stop")
            until(lambda: os.path.exists(latch), "the stop is on disk", launch)
            launch.stop()
        assert os.path.exists(latch), "a clean stop leaves it"
        with Running(command, environment) as launch:
            is_now(environment, launch, "wheel", "estopped")
            until(lambda: hosts(environment)["rover"]["stop_cause"] == "latch", "the cause shows",
                  launch)
            assert ctl(environment, "release", "--reason", "seen to").returncode == 0
            is_now(environment, launch, "wheel", "disarmed")
            assert not os.path.exists(latch)
            assert ctl(environment, "arm", "wheel").returncode == 0
            is_now(environment, launch, "wheel", "armed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_another_user_neither_stops_nor_arms():
    from running import NOBODY, as_user
    with own_base() as environment, drive(environment, "left", "one") as one:
        is_now(environment, one, "left", "disarmed")
        base = environment["HORUS_BASE"]
        os.chmod(base, 0o755)
        os.chmod(os.path.join(base, "hosts"), 0o755)
        os.chmod(os.path.join(base, "hosts", "one.sock"), 0o666)
        for words in (["arm", "left"], ["estop"], ["release", "--reason", "x"]):
            done = run(as_user(NOBODY, [program("horusctl"), *words]), environment)
            assert done.returncode != 0, words
        assert safety(environment, "left") == "disarmed"
        one.stop(signal.SIGTERM)
