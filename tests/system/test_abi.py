#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs that were compiled with an earlier libhorus.so.1 rely on is as it was.

tests/abi holds, for the present SOVERSION, what abidw reads from the public types, and the symbols
and virtual functions. After a change that old programs survive (a new function, a new type):

    HORUS_BUILD=build/check tests/system/test_abi.py      # writes both anew

After any other (a field, a parameter, an order) SOVERSION goes up by one first, in CMakeLists.txt.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HORUS_BUILD", ROOT / "build/debug"))
FOLDER = ROOT / "tests/abi"
RECORD = sorted(FOLDER.glob("libhorus.so.*.abi"))[-1:]


def output(*command, allowed=(0,), **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode in allowed, done.stdout + done.stderr
    return done.stdout


def soversion():
    shown = output("readelf", "-d", BUILD / "lib/libhorus.so")
    return re.search(r"soname: \[(.*)\]", shown)[1]


def symbols():
    shown = output("nm", "-D", "--with-symbol-versions", "--defined-only",
                   BUILD / "lib/libhorus.so")
    return sorted(line.split()[-1].removesuffix("@@HORUS_1") for line in shown.splitlines()
                  if line.endswith("@@HORUS_1"))


def read_face(folder):
    """The types' description by abidw, as a file; and the order of virtual functions."""
    library, description = folder / "face.so", folder / "face.abi"
    dump = folder / "classes"
    output("g++", "-std=c++20", "-g", "-O0", "-shared", "-fPIC", "-fvisibility=hidden",
           '-Dface=__attribute__((visibility("default"))) face', f"-fdump-lang-class={dump}",
           *(f"-I{ROOT}/{part}/include" for part in ("rt", "shm", "service")),
           FOLDER / "face.cpp", "-o", library)
    faces = [line.split()[-1] for line in output("nm", "-D", "--defined-only",
                                                 library).splitlines() if "4face" in line]
    (folder / "list").write_text("[abi_whitelist]\n" + "\n".join(f"  {name}" for name in faces))
    output("abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
           "-w", folder / "list", library, "--out-file", description)
    text = re.sub(r"0x[0-9a-f]+", "", dump.read_text())
    tables = re.findall(r"^Vtable for (horus::[\w:]+)\n[^\n]*\n(.*?)\n\n", text, re.M | re.S)
    lines = [f"{name} {entry.split(None, 1)[1]}" for name, body in sorted(tables)
             if "detail" not in name for entry in body.splitlines()
             if re.match(r"\d+ ", entry)]
    return description, lines


def present(folder):
    description, virtual = read_face(folder)
    return description, "\n".join([*symbols(), *virtual]) + "\n"


@pytest.mark.skipif(shutil.which("abidw") is None, reason="abigail-tools are not installed")
@pytest.mark.skipif("(Debian 12." not in output("g++", "--version"),
                    reason="the record is by Debian 12's compiler, whose names of types differ")
def test_old_programs_run_with_this_library(tmp_path):
    name = soversion()
    assert [path.name for path in RECORD] == [f"{name}.abi"], "write a record of this SOVERSION"
    description, listed = present(tmp_path)
    told = output("abidiff", RECORD[0], description, allowed=range(16))
    assert told == "", f"types differ from {RECORD[0].name}\n{told}"
    was = (FOLDER / f"{name}.txt").read_text().splitlines()
    now = listed.splitlines()
    assert [line for line in was if line not in now] == [], "gone: raise SOVERSION"
    assert now == was, "new: see the head of this file"


def write():
    with tempfile.TemporaryDirectory() as folder:
        description, listed = present(pathlib.Path(folder))
        shutil.copy(description, FOLDER / f"{soversion()}.abi")
    (FOLDER / f"{soversion()}.txt").write_text(listed)


if __name__ == "__main__":
    sys.exit(write())
