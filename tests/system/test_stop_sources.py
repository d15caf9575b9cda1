# SPDX-License-Identifier: Apache-2.0
"""What stops a robot by itself, and keeps it from going on: a key of an input device, a node that
it cannot do without."""
import contextlib
import os
import signal
import socket
import struct
import textwrap

import pytest

from running import Running, own_base, plugin_node, program, until
from stopping import ctl, hosts, is_now, safety, stop_cause

CONFIG = ('[robot]\nname = "rover"\n[realtime]\nmode = "off"\n'
          + plugin_node("wheel", "Counter", more="actuator = true\n"))
KEY_ENTER, KEY_F12 = 28, 88


def press(device, key, value):
    """As the kernel says it: the time, the type (1 is a key's), the code and the value."""
    os.write(device, struct.pack("llHHi", 0, 0, 1, key, value))


def test_a_key_stops_the_robot_and_keeps_it_stopped_while_it_is_pressed(tmp_path):
    fifo = tmp_path / "event0"
    os.mkfifo(fifo)
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + f'[safety]\nstop_device = "{fifo}"\nstop_key = {KEY_F12}\n')
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "wheel", "disarmed")
        assert ctl(environment, "arm").returncode == 0
        device = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        press(device, KEY_ENTER, 1)
        press(device, KEY_F12, 1)
        is_now(environment, launch, "wheel", "estopped")
        assert stop_cause(environment, launch, "rover") == "device"
        until(lambda: f"the key of {fifo} was pressed" in launch.text(), "it says so", launch)
        kept = ctl(environment, "release", "--reason", "looked at it")
        assert kept.returncode == 1
        assert "stop key is pressed" in kept.stderr and str(fifo) in kept.stderr
        press(device, KEY_F12, 0)
        until(lambda: ctl(environment, "release", "--reason", "let go").returncode == 0,
              "it is let go", launch)
        is_now(environment, launch, "wheel", "disarmed")
        assert ctl(environment, "arm").returncode == 0
        os.close(device)  # As a device that is unplugged.
        is_now(environment, launch, "wheel", "estopped")


def test_a_robot_whose_stop_key_is_missing_starts_stopped(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + f'[safety]\nstop_device = "{tmp_path}/event0"\n')
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "wheel", "estopped")
        assert stop_cause(environment, launch, "rover") == "device"
        assert "cannot be opened (No such file or directory)" in launch.text()
        assert ctl(environment, "arm").returncode == 1
        kept = ctl(environment, "release", "--reason", "never mind")
        assert kept.returncode == 1 and "cannot be read" in kept.stderr
        os.mkfifo(tmp_path / "event0")
        until(lambda: ctl(environment, "release", "--reason", "plugged in").returncode == 0,
              "it is there", launch)


EYES = textwrap.dedent("""
    import os, horus
    def tick(node):
        if os.path.exists(GO): raise ValueError("no picture")
    eyes = horus.Node("eyes", tick, rate=100, critical=CRITICAL, failure_policy="skip",
                      failure={"failures": 2, "rest": 3600})
""")


@pytest.mark.parametrize("critical", [True, False])
def test_that_a_critical_node_rests_stops_all_hosts_of_the_robot(tmp_path, critical):
    go = tmp_path / "go"
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG + '[[host]]\nname = "vision"\nmodule = "vision.py"\n')
    (tmp_path / "vision.py").write_text(
        EYES.replace("GO", repr(str(go))).replace("CRITICAL", str(critical)))
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "eyes", "armed")
        assert ctl(environment, "arm").returncode == 0
        is_now(environment, launch, "wheel", "armed")
        go.touch()
        if not critical:
            until(lambda: "rests now" in launch.text(), "it rests", launch)
            assert safety(environment, "wheel") == "armed"
            return
        is_now(environment, launch, "wheel", "estopped")
        assert stop_cause(environment, launch, "vision") == "node"
        # Who knows of the cause is in another process.
        kept = ctl(environment, "release", "--reason", "it will do")
        assert kept.returncode == 1 and "host 'vision'" in kept.stderr, kept.stderr
        assert safety(environment, "wheel") == "estopped"
        assert os.path.exists(os.path.join(environment["XDG_STATE_HOME"], "horus", "rover.stop"))
        # One that does not answer has nothing to say.
        os.kill(hosts(environment)["vision"]["pid"], signal.SIGSTOP)
        assert ctl(environment, "release", "--reason", "it is switched off").returncode == 0
        is_now(environment, launch, "wheel", "disarmed")


def test_who_asks_too_much_keeps_no_emergency_stop_out(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG)
    ask = b'{"method":"org.varlink.service.GetInfo"}\0'
    with own_base() as environment, contextlib.ExitStack() as kept, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "wheel", "disarmed")
        run_folder = os.path.join(environment["HORUS_BASE"], "run")

        def connected(name):
            client = kept.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(os.path.join(run_folder, name))
            return client

        # A dashboard that went wild: the requests of this user are used up, the places too.
        client = connected("stats.sock")
        client.settimeout(0.2)
        with contextlib.suppress(OSError):
            for _ in range(1000):
                client.sendall(ask)
                if b"TooManyRequests" in client.recv(65536):
                    break
        for _ in range(40):
            connected("control.sock")
        refused = ctl(environment, "release", "--reason", "nothing is wrong")
        assert refused.returncode == 1 and "too much to do" in refused.stderr, refused.stderr
        for _ in range(20):
            done = ctl(environment, "estop", "somebody is in the cell")
            assert done.returncode == 0 and not done.stderr, done.stderr
        is_now(environment, launch, "wheel", "estopped")


def test_a_stop_socket_that_somebody_removed_keeps_no_emergency_stop_out(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(CONFIG)
    with own_base() as environment, \
            Running([program("horus"), "launch", str(file)], environment) as launch:
        is_now(environment, launch, "wheel", "disarmed")
        # The service makes it again, but not at once.
        os.unlink(os.path.join(environment["HORUS_BASE"], "run", "estop.sock"))
        done = ctl(environment, "estop", "somebody is in the cell")
        assert done.returncode == 0 and not done.stderr, done.stderr
        is_now(environment, launch, "wheel", "estopped")
