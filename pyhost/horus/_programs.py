# SPDX-License-Identifier: Apache-2.0
"""Where HORUS's own programs lie."""
from __future__ import annotations

import os
import pathlib

PACKAGE = pathlib.Path(__file__).resolve().parent


def find(name: str, wanted_by: str) -> str:
    """The path of a program: beside the package's folder in a build tree, else installed.
    RuntimeError where it is nowhere."""
    folders = [PACKAGE.parents[1] / "bin", pathlib.Path("/usr/libexec/horus"),
               pathlib.Path("/usr/local/libexec/horus")]
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    raise RuntimeError(f"{wanted_by} needs the program {name}, which is not in "
                       f"{', '.join(map(str, folders))}: apt install horus")
