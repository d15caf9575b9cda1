# SPDX-License-Identifier: Apache-2.0
"""`horusctl clean`: what the dead left goes, what the living and other users have stays."""
import os
import signal
import textwrap

import pytest

from ctl import horusctl  # First: it finds `running`.
from running import NOBODY, PYTHON, Running, files_below, own_base, until

# A program that has a host, topics of each kind, a pool and a bell.
PROGRAM = textwrap.dedent("""
    import sys, horus
    name = sys.argv[1]
    typed = horus.Pub(name + "/typed", horus.CmdVel)
    def work(node):
        node.send(name + "/typed", horus.CmdVel(1.0, 0.0))
        node.send(name + "/values", {"a": 1})
        node.send(name + "/image", horus.Image(16, 16))
    waits = horus.Node(name=name + "_waits", tick=lambda node: node.recv(name + "/typed"),
                       on=name + "/typed", subs=[name + "/typed"])
    horus.run(horus.Node(name=name, tick=work, rate=100, pubs=[
        typed, name + "/values", name + "/image"]), waits, name=name)
""")


def kinds(files):
    return {os.path.splitext(file)[1] for file in files}


@pytest.fixture
def base():
    with own_base() as environment:
        yield environment


def start(base, name):
    running = Running([PYTHON, "-c", PROGRAM, name], base)
    until(lambda: {".pool", ".ring", ".sub", ".type", ".stats", ".bell"}
          <= kinds(files_below(base["HORUS_BASE"])), "it has files", running)
    return running


def leave(base, name):
    """The files of a process that was killed."""
    with start(base, name) as running:
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    return files_below(base["HORUS_BASE"])


def removed(done):
    assert done.returncode == 0 and done.stderr == ""
    return {line.split()[-3] for line in done.stdout.splitlines()[:-1]}


def test_what_a_killed_process_left_goes(base):
    left = leave(base, "dead")
    dry = horusctl(base, "clean", "--dry-run")
    assert removed(dry) == set(left) and "would remove /dev/shm/" in dry.stdout
    assert files_below(base["HORUS_BASE"]) == left
    done = horusctl(base, "clean")
    assert removed(done) == set(left)
    assert dry.stdout.replace("would remove", "removed") == done.stdout
    assert f"\n{len(left)} files of dead processes, " in done.stdout
    assert files_below(base["HORUS_BASE"]) == []
    again = horusctl(base, "clean")
    assert (again.returncode, again.stdout) == (0, "nothing that a dead process left\n")


def test_a_living_process_keeps_everything(base):
    with start(base, "alive") as running:
        # Its topics have a dead reader, too.
        killed = Running([PYTHON, "-c", "import horus, time\n"
                          "topic = horus.Topic(horus.CmdVel, endpoint='alive/typed')\n"
                          "print('up', flush=True)\ntime.sleep(600)"], base)
        with killed:
            until(lambda: "up" in killed.text(), "the reader is there", killed)
            living = [file for file in files_below(base["HORUS_BASE"])]
            mine = [file for file in living if f"{killed.pid}-" in os.path.basename(file)]
            killed.stop(signal.SIGKILL)
        assert mine and removed(horusctl(base, "clean")) == set(mine)
        assert sorted(files_below(base["HORUS_BASE"])) == sorted(set(living) - set(mine))
        until(lambda: "alive" in horusctl(base, "node", "list").stdout, "it still shows", running)
        assert running.stop() == 0


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user")
def test_another_user_s_file_stays(base):
    left = leave(base, "dead")
    others = [file for file in left if file.endswith((".pool", ".stats", ".bell"))]
    for file in others:
        os.chown(file, NOBODY, NOBODY)
    assert not removed(horusctl(base, "clean")) & set(others)
    assert sorted(files_below(base["HORUS_BASE"])) == sorted(others)


def test_a_link_is_not_followed(base, tmp_path):
    left = leave(base, "dead")
    precious = tmp_path / "precious"
    precious.write_text("precious")
    pool = next(file for file in left if file.endswith(".pool"))
    os.symlink(precious, os.path.join(os.path.dirname(pool), "1-2-3.9.pool"))
    horusctl(base, "clean")
    assert precious.read_text() == "precious" and files_below(base["HORUS_BASE"]) == []


def test_without_a_base_there_is_nothing_and_none_is_made(base):
    nowhere = base | {"HORUS_BASE": base["HORUS_BASE"] + "/none"}
    done = horusctl(nowhere, "clean")
    assert (done.returncode, done.stdout) == (0, "nothing that a dead process left\n")
    assert not os.path.exists(nowhere["HORUS_BASE"])


@pytest.mark.skipif(os.getuid() != 0, reason="makes another user's base")
def test_another_user_s_base_is_refused():
    with own_base(NOBODY) as environment:
        done = horusctl(environment, "clean")
        assert done.returncode == 4 and environment["HORUS_BASE"] in done.stderr


def test_it_is_in_help_completion_and_manual(base):
    assert "--dry-run" in horusctl(base, "help", "clean").stdout
    assert "--dry-run" in horusctl(base, "man").stdout.replace("\\-", "-")
    assert "clean" in horusctl(base, "completion", "bash").stdout
