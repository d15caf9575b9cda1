# SPDX-License-Identifier: Apache-2.0
"""What this user may not look into is not nothing: whose it is, and who may, is said."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from running import NOBODY, PYTHON, as_user, own_base, program, run  # noqa: E402

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, for a second user")

COMMANDS = [["topic", "list"], ["topic", "echo", "a", "--count", "1"], ["topic", "hz", "a"],
            ["topic", "pub", "a", "1"], ["clean"], ["stats"], ["node", "list"], ["status"]]
SENDS = 'import horus\ntopic = horus.Topic("a")\ntopic.send(1)\nprint(flush=True)\ninput()\n'


@pytest.fixture(name="base", scope="module")
def roots_base():
    """One that root was the first to use, and may be seen, but not entered."""
    with own_base() as environment:
        with subprocess.Popen([PYTHON, "-c", SENDS], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as sender:
            sender.stdout.readline()
            os.chmod(environment["HORUS_BASE"], 0o755)
            yield environment
            sender.communicate(b"\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_whose_it_is_and_who_may_is_said(command, base):
    done = run(as_user(NOBODY, [program("horusctl"), *command]), base)
    topics = os.path.join(base["HORUS_BASE"], "topics")
    assert done.returncode == 4, done.stdout
    assert ("the folder is closed to this user (run as its owner, or join its group): "
            f"{topics} (uid 0, gid 0)") in done.stderr


def test_a_folder_on_the_way_is_named(base):
    os.chmod(base["HORUS_BASE"], 0o700)
    try:
        done = run(as_user(NOBODY, [program("horusctl"), "topic", "list"]), base)
    finally:
        os.chmod(base["HORUS_BASE"], 0o755)
    assert done.returncode == 4
    assert f"closed to this user (run as its owner): {base['HORUS_BASE']} (uid 0)" in done.stderr


def test_a_python_program_is_told_as_well(base):
    done = run(as_user(NOBODY, [PYTHON, "-c", 'import horus; horus.Topic("a").send(1)']), base)
    assert "PermissionError" in done.stderr and "(uid 0" in done.stderr
