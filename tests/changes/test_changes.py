# SPDX-License-Identifier: Apache-2.0
"""What is often added is added in few files.

CONTRIBUTING.md names the files; a patch beside this is a worked example of each. One that does not
apply any more is written anew.
"""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent
# In how many files of code; a sentence in a manual comes beside them.
FILES = {"command": 2, "configuration_key": 3, "counter": 2, "message": 2, "miss_policy": 3}


def patched(name):
    return re.findall(r"^\+\+\+ b/(.+)$", (HERE / f"{name}.patch").read_text(), re.M)


def test_each_example_has_its_number_of_files():
    assert sorted(path.stem for path in HERE.glob("*.patch")) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_an_addition_touches_few_files_and_compiles(name, tmp_path):
    files = patched(name)
    assert len([file for file in files if "/man/" not in file]) == FILES[name]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / file).exists():
            (tmp_path / file).write_text((ROOT / file).read_text())
    subprocess.run(["git", "apply", str(HERE / f"{name}.patch")], cwd=tmp_path, check=True)
    for file in files:
        assert not (ROOT / file).exists() or (
            (tmp_path / file).read_text() != (ROOT / file).read_text())
        if file.endswith(".cpp"):
            folders = [f"-I{root}/{folder}" for root in (tmp_path, ROOT)
                       for folder in (".", "rt/include", "shm/include", "service/include")]
            subprocess.run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                            *folders, file], cwd=tmp_path, check=True)
        if file.endswith(".py"):
            compile((tmp_path / file).read_text(), file, "exec")
