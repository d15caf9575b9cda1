# SPDX-License-Identifier: Apache-2.0
"""Documentation that cannot rot: what a README shows as runnable is built and run as it stands.

    ```python run      a program; it ends with 0
    ```cpp run         a program, compiled as a user's would be; it ends with 0
    ```console         commands after `$ `, from the root of the tree, each followed by its output,
                       where a line `...` stands for any lines

A ```text block right after a program is what it prints.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "system"))
from running import BUILD, PYTHON, ROOT, own_base, run  # noqa: E402

FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<body>.*?)^```$", re.M | re.S)


@dataclasses.dataclass(frozen=True)
class Block:
    place: str
    kind: str
    body: str
    prints: str | None


def pages():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listing.split("\0") if name.endswith(".md")]


def blocks(path):
    text = path.read_text()
    found = list(FENCE.finditer(text))
    for match, after in zip(found, found[1:] + [None]):
        prints = None
        if after and after["kind"] == "text" and not text[match.end():after.start()].strip():
            prints = after["body"]
        line = text.count("\n", 0, match.start()) + 1
        place = f"{path.relative_to(ROOT)}:{line}"
        yield Block(place, match["kind"].strip(), match["body"], prints)


RUNNABLE = [block for path in pages() for block in blocks(path)
            if block.kind in ("python run", "cpp run", "console")]


def run_python(block, folder, environment):
    program = folder / "program.py"
    program.write_text(block.body)
    return run([PYTHON, str(program)], environment, cwd=folder)


def run_cpp(block, folder, environment):
    (folder / "program.cpp").write_text(block.body)
    command = ["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "program.cpp", "-o", "program",
               *(f"-I{ROOT}/{folder}/include" for folder in ("rt", "shm", "service")),
               f"-L{BUILD}/lib", "-lhorus",
               f"-Wl,-rpath,{BUILD}/lib"]
    compiled = run(command, environment, cwd=folder)
    assert compiled.returncode == 0, f"{block.place}\n{compiled.stderr}"
    return run([str(folder / "program")], environment, cwd=folder)


def looks_like(expected, printed):
    """Whether `printed` is `expected`, whose lines `...` stand for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n"
                      for line in expected.splitlines())
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("block", RUNNABLE, ids=lambda block: block.place)
def test_what_a_readme_shows_works(block, tmp_path):
    with own_base() as environment:
        environment["PATH"] = f"{BUILD}/bin:{os.environ['PATH']}"
        if block.kind == "console":
            run_console(block, environment)
            return
        runner = run_python if block.kind == "python run" else run_cpp
        done = runner(block, tmp_path, environment)
    assert done.returncode == 0, f"{block.place}\n{done.stdout}{done.stderr}"
    if block.prints is not None:
        assert looks_like(block.prints, done.stdout), f"{block.place} printed\n{done.stdout}"


def run_console(block, environment):
    commands = re.split(r"^\$ ", block.body, flags=re.M)
    assert commands[0] == "" and len(commands) > 1, f"{block.place}: starts with no command"
    for command in commands[1:]:
        line, _, expected = command.partition("\n")
        done = run(["bash", "-c", line], environment, cwd=ROOT)
        printed = done.stdout + done.stderr
        assert looks_like(expected, printed), f"{block.place}: `{line}` printed\n{printed}"


def test_the_front_page_shows_something_that_runs():
    assert any(block.place.startswith("README.md:") for block in RUNNABLE)
