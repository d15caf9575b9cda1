# SPDX-License-Identifier: Apache-2.0
"""What the units make in /dev/shm before a service starts: on a machine of its own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from running import BUILD, program

SERVICE, STRANGER = 61001, 61003
CONFIGURATION = pathlib.Path(__file__).parents[2] / "systemd/horus.tmpfiles"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-tmpfiles") is None,
                                reason="becoming another user needs root, and systemd-tmpfiles")


def make(linked):
    """In its own namespace: the folders, and what was said."""
    for name, line in (("passwd", f"horus:x:{SERVICE}:{SERVICE}::/:/bin/sh\n"),
                       ("group", f"horus:x:{SERVICE}:\n")):
        known = pathlib.Path("/etc", name).read_text()
        others = [one for one in known.splitlines(True) if not one.startswith("horus:")]
        pathlib.Path("/dev/shm", name).write_text("".join(others) + line)
        os.system(f"mount --bind /dev/shm/{name} /etc/{name}")
    os.mkdir("/dev/shm/roots", 0o700)
    if linked:
        os.symlink("/dev/shm/roots", "/dev/shm/horus")
        os.lchown("/dev/shm/horus", STRANGER, STRANGER)
    subprocess.run(["systemd-tmpfiles", "--create", "--prefix=/dev/shm/horus",
                    str(CONFIGURATION)], capture_output=True)
    done = subprocess.run([program("horus-sweep"), "--make"], capture_output=True, text=True,
                          env=dict(os.environ) | {"HORUS_BASE": "/dev/shm/horus"})
    base = pathlib.Path("/dev/shm/horus")
    made = {str(path.relative_to(base)): [path.stat().st_uid, path.stat().st_gid,
                                          oct(path.stat().st_mode & 0o7777)]
            for path in (base, *base.rglob("*"))}
    return {"code": done.returncode, "said": done.stderr, "made": made,
            "roots": os.listdir("/dev/shm/roots")}


def seen(linked):
    code = (f"import json, os, sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
            "os.system('mount -t tmpfs -o mode=1777 tmpfs /dev/shm')\n"
            f"import test_base_folders as t; print(json.dumps(t.make({linked})))")
    done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, "-c", code],
                          capture_output=True, text=True,
                          env=dict(os.environ) | {"HORUS_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_services_folders_are_their_users_and_their_groups():
    shown = seen(linked=False)
    assert shown["code"] == 0, shown["said"]
    shared = ["pools", "bells", "hosts", *(f"topics/{n:02x}" for n in range(32))]
    expected = {name: [SERVICE, SERVICE, "0o2750"] for name in (".", "topics", "declared")}
    assert shown["made"] == expected | {name: [SERVICE, SERVICE, "0o3770"] for name in shared}


def test_below_a_link_of_a_stranger_root_makes_nothing():
    shown = seen(linked=True)
    assert shown["roots"] == []
    assert "a link stands in the place of a folder: /dev/shm/horus (uid 61003)" in shown["said"]
