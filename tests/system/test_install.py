# SPDX-License-Identifier: Apache-2.0
"""What an installation below another prefix than the packages' puts where."""
import os
import re
import subprocess
import sys

import pytest

from running import BUILD, files_below, run

CACHE = (BUILD / "CMakeCache.txt").read_text() if (BUILD / "CMakeCache.txt").exists() else ""
PREFIX = "".join(re.findall(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", CACHE, re.M))

pytestmark = pytest.mark.skipif(PREFIX in ("", "/usr"), reason="no build for another prefix")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    environment = dict(os.environ) | {"DESTDIR": str(folder)}
    done = run(["cmake", "--install", str(BUILD)], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_installed_outside_of_the_prefix(installed):
    inside = f"{installed}{PREFIX}/"
    files = files_below(installed)
    assert [file for file in files if not file.startswith(inside)] == []
    names = {file.removeprefix(inside) for file in files}
    folder = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/dist-packages/horus"
    for name in ("bin/horusctl", "sbin/horusd", "etc/horus/horus.toml", f"{folder}/__init__.py",
                 "lib/systemd/system/horus.service", "include/horus/horus/recording.hpp",
                 "include/horus/shm/interop/recording.hpp", "lib/libhorus-recording.so",
                 "lib/systemd/system/horus-recorder.service", "lib/udev/rules.d/60-horus.rules",
                 "lib/sysusers.d/horus.conf", "lib/tmpfiles.d/horus.conf"):
        assert name in names, sorted(names)
    unit = (installed / PREFIX[1:] / "lib/systemd/system/horus.service").read_text()
    assert f"{PREFIX}/sbin/horusd --config {PREFIX}/etc/horus" in unit


def test_what_is_installed_there_finds_its_library(installed):
    shown = subprocess.run(["readelf", "-d", f"{installed}{PREFIX}/sbin/horusd"],
                           capture_output=True, text=True, check=True).stdout
    assert f"[{PREFIX}/lib" in shown, shown
