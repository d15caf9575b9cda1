# SPDX-License-Identifier: Apache-2.0
"""Runs `horusctl` as a user does; finds what the end-to-end tests share."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from running import program, run  # noqa: E402


def horusctl(environment, *words, name="horusctl"):
    return run([program(name), *words], environment)
