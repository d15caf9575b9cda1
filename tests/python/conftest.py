# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import the build under test, in a shared-memory base of their own."""
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from running import BUILD  # noqa: E402

sys.path.insert(0, str(BUILD / "python"))
# A process has one base, which its first topic opens.
_BASE = tempfile.mkdtemp(prefix="horus-test-", dir="/dev/shm")
os.environ["HORUS_BASE"] = _BASE


def pytest_unconfigure():
    shutil.rmtree(_BASE, ignore_errors=True)
