# SPDX-License-Identifier: Apache-2.0
"""`horus launch`: two nodes in two processes from one file, and what it says of a wrong one."""
import os
import pathlib
import re
import signal

import pytest

from running import ROOT, Running, files_below, nodes, own_base, plugin_node, program, run, until

FIRST_HOUR = ROOT / "tests/examples/python"
EX_CONFIG = 78
MOTOR = """[[node]]
name = "motor"
plugin = "librover_nodes.so"
type = "Motor"
rate = 1000
"""


def test_two_nodes_run_in_two_processes():
    with own_base() as environment:
        command = [program("horus"), "launch", str(FIRST_HOUR / "two_hosts.toml")]
        with Running(command, environment) as pair:
            found = until(lambda: both(environment), "both nodes ticking", pair)
            assert found["talker"]["host"] != found["listener"]["host"]
            until(lambda: re.search(r"heard [1-9]\d*", pair.text()), "the listener spoke", pair)
            assert pair.stop() == 0, pair.text()


def both(environment):
    found = nodes(environment)
    return found if {"talker", "listener"} <= found.keys() else None


WRONG = {
    "an unknown key": (MOTOR + 'speed = 3\n', 6, "speed"),
    "an unknown section": ('[robots]\nname = "x"\n', 1, "robots"),
    "a duration without a unit": (MOTOR + "budget = 300\n", 6, "budget"),
    "a bad duration": (MOTOR + 'budget = "300 parsecs"\n', 6, "budget"),
    "a duplicate node": (MOTOR + "\n" + MOTOR, 7, "motor"),
    "a missing plug-in": (MOTOR.replace("librover_nodes.so", "libabsent.so"), 1, "libabsent.so"),
    "an unknown node type": (MOTOR.replace("Motor", "Rotor"), 1, "Rotor"),
    "a wrong parameter": (MOTOR + 'params = { kp = "much" }\n', 1, "kp"),
    "a parameter nobody knows": (MOTOR + "params = { pk = 1.0 }\n", 1, "pk"),
    "no TOML at all": ("[[node]\n", 1, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_one_line_with_file_and_line(name, tmp_path):
    text, line, word = WRONG[name]
    file = tmp_path / "robot.toml"
    file.write_text(text)
    with own_base() as environment:
        done = run([program("horusd"), "--config", str(file)], environment)
    said = done.stdout + done.stderr
    assert done.returncode == EX_CONFIG, said
    complaints = [text for text in said.splitlines() if "robot.toml:" in text]
    assert len(complaints) == 1, said
    number = int(re.search(r"robot\.toml:(\d+)", complaints[0])[1])
    # A complaint about a node may stand at its head or at the key.
    assert line <= number <= line + 5, complaints[0]
    assert word in complaints[0]


def test_launch_refuses_a_wrong_configuration_with_the_same_line(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(MOTOR + "speed = 3\n")
    with own_base() as environment:
        done = run([program("horus"), "launch", str(file)], environment)
    assert done.returncode == EX_CONFIG
    assert "robot.toml:6: unknown key 'speed'" in done.stdout + done.stderr


def test_a_module_that_raises_at_import_is_named_with_its_file_and_line(tmp_path):
    (tmp_path / "broken.py").write_text("import horus\n\nraise RuntimeError('no camera here')\n")
    (tmp_path / "robot.toml").write_text('[[host]]\nname = "eyes"\nmodule = "broken.py"\n'
                                         'restart = "never"\n')
    with own_base() as environment:
        with Running([program("horus"), "launch", str(tmp_path / "robot.toml")],
                     environment) as launch:
            until(lambda: "no camera here" in launch.text(), "the reason", launch)
            if launch.process.poll() is None:
                launch.stop()
            said = launch.text()
    assert re.search(r"broken\.py:3.*no camera here", said), said


HOST = '[[host]]\nname = "eyes"\nmodule = "eyes.py"\n'
EYES = "import horus\neyes = horus.Node('eyes', tick=lambda node: None, rate=20)\n"


@pytest.mark.parametrize("service", ["horusd", "horus-pyhost"])
def test_a_service_that_is_killed_leaves_nothing_in_the_base(service, tmp_path):
    (tmp_path / "eyes.py").write_text(EYES)
    (tmp_path / "robot.toml").write_text(plugin_node("counter", "Counter") + HOST)
    with own_base() as environment:
        command = [program("horus"), "launch", str(tmp_path / "robot.toml")]
        with Running(command, environment) as launch:
            until(lambda: {"counter", "eyes"} <= nodes(environment).keys(), "both run", launch)
            children = pathlib.Path(f"/proc/{launch.pid}/task/{launch.pid}/children").read_text()
            names = {pathlib.Path(f"/proc/{pid}/comm").read_text().strip(): int(pid)
                     for pid in children.split()}
            os.kill(names[service], signal.SIGKILL)
            assert launch.wait() != 0
            assert f"{service} ended with signal 9" in launch.text()
            assert files_below(environment["HORUS_BASE"]) == []
