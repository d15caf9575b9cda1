# SPDX-License-Identifier: Apache-2.0
"""`--socket-dir` names a robot: every command means that one, and no other."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from running import Running, own_base, program, run, until  # noqa: E402

MODULE = """
import horus
def tick(node):
    node.send("of_{name}", 1)
    if horus.tick() == 0:
        node.log_info("I am {name}")
n = horus.Node("n", tick, 20, pubs=["of_{name}"])
"""


def launched(folder, name, environment):
    (folder / f"{name}.py").write_text(MODULE.format(name=name))
    (folder / f"{name}.toml").write_text(
        f'[robot]\nname = "robot_{name}"\n[realtime]\nmode = "off"\n'
        f'[[host]]\nname = "py"\nmodule = "{name}.py"\n')
    return Running([program("horus"), "launch", str(folder / f"{name}.toml"), "--socket-dir",
                    str(folder / name)], environment)


@pytest.fixture(name="two", scope="module")
def two_robots(tmp_path_factory):
    """How to call horusctl where the second robot runs, and the folder of both's sockets."""
    folder = tmp_path_factory.mktemp("robots")
    with own_base() as one, own_base() as other, \
            launched(folder, "one", one) as first, launched(folder, "other", other) as second:

        def ctl(*words):
            return run([program("horusctl"), *words], other)

        for name, running in ("one", first), ("other", second):
            until(lambda name=name: json.loads(
                ctl("--socket-dir", str(folder / name), "status", "--json").stdout or "{}").get(
                    "ready"), "ready", running)
        yield ctl, folder


@pytest.mark.parametrize("command", [
    ["topic", "list"], ["graph"], ["topic", "echo", "of_one", "--count", "1"], ["log", "py"],
    ["blackbox"], ["node", "info", "n"], ["why", "n"]], ids=" ".join)
def test_a_command_means_the_robot_whose_sockets_are_named(two, command):
    ctl, folder = two
    done = ctl("--socket-dir", str(folder / "one"), *command)
    assert done.returncode == 0, done.stderr
    assert "other" not in done.stdout
    assert ctl("--socket-dir", str(folder / "other"), "topic", "list").stdout.count("of_one") == 0


def test_where_nobody_answers_nobody_is_stopped_and_nothing_is_shown(two):
    ctl, folder = two
    for command in (["estop", "x"], ["topic", "list"], ["clean"], ["log"],
                    ["record", "of_other", "--output", str(folder / "none.mcap"), "--for", "1"]):
        done = ctl("--socket-dir", str(folder / "nowhere"), *command)
        assert done.returncode == 3 and done.stdout == "", command
        assert f"no service answers in {folder / 'nowhere'}" in done.stderr
    assert "estopped" not in ctl("--socket-dir", str(folder / "other"), "status").stdout


def test_a_stop_is_seen_as_soon_as_it_was_asked_for_and_so_is_its_end(two):
    ctl, folder = two
    where = ["--socket-dir", str(folder / "one")]
    for _ in range(5):
        assert ctl(*where, "estop", "look").returncode == 0
        assert "host 'robot_one' is estopped (command): look" in ctl(*where, "status").stdout
        assert ctl(*where, "release", "--reason", "seen").returncode == 0
        assert "host 'robot_one' is estopped" not in ctl(*where, "status").stdout
    assert "estopped" not in ctl("--socket-dir", str(folder / "other"), "status").stdout
