# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import the build under test, in a shared-memory base of their own."""
import atexit
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from running import BUILD, unchosen_states  # noqa: E402

sys.path.insert(0, str(BUILD / "python"))
# A process has one base, which its first topic opens.
_BASE = tempfile.mkdtemp(prefix="horus-test-", dir="/dev/shm")
os.environ["HORUS_BASE"] = _BASE
# Where copies of black boxes go.
_STATE = tempfile.mkdtemp(prefix="horus-state-")
os.environ["XDG_STATE_HOME"] = _STATE
unchosen_states.add(_STATE)


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "forks: a child of its program goes on with Python. The address sanitizer of "
        "GCC 12 does not free its allocator's locks there, and the child may wait for ever.")


# After the module's own end, which it registers later: what lives makes its base again.
for folder in (_BASE, _STATE):
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
