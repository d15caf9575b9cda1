#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree against its own rules: floors, rooms, lengths, banned names, references, packages.

Prints one line a finding, `file:line: what`, and exits with 1 if there is any.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 600
MAX_COLUMNS = 100

# Folder -> the folders it may include; the longest matching prefix is the file's own.
FLOORS = {
    "rt/include": set(),
    "rt/base": {"rt/include"},
    "rt": {"rt/base", "rt/include"},
    "shm/include": {"rt/include"},
    "shm": {"shm/include", "rt/base", "rt/include"},
    "shm/interop": {"shm", "shm/include", "rt/base", "rt/include"},
    "service/include": {"shm/include", "rt/include"},
    "service/wire": {"rt/base", "rt/include"},
    "pyhost": {"rt", "shm", "shm/interop", "service/wire", "rt/base", "rt/include", "shm/include"},
    "service": {"rt", "shm", "shm/interop", "service/wire", "rt/base", "rt/include", "shm/include",
                "service/include"},
    "tools/cli": {"shm", "shm/interop", "service/wire", "rt/base", "rt/include", "shm/include"},
}
# Where <horus/...> lies: the public headers, which are installed.
PUBLIC = ("rt/include", "shm/include", "service/include")
MAX_PUBLIC = 20
# Folder -> its rooms, lowest first: a room includes only itself and lower ones.
ROOMS = {
    "pyhost": ["cpython", "message", "payload", "topic", "node", "run"],
}
# Folder -> libraries it must not see.
ANY_LIBRARY = r"boost/|pybind11|Python\.h|systemd/|nlohmann|toml|CLI/|fmt/"
FOREIGN = {
    **dict.fromkeys(PUBLIC, ANY_LIBRARY),
    "rt/base": ANY_LIBRARY,
    "rt": ANY_LIBRARY,
    "shm": r"pybind11|Python\.h|systemd/|nlohmann|toml|CLI/|fmt/",
    "shm/interop": r"boost/|pybind11|Python\.h|systemd/|toml|CLI/",
    "service/wire": r"boost/|pybind11|Python\.h|systemd/|toml|CLI/",
    "pyhost": r"boost/|systemd/|toml|CLI/",
    "service": r"pybind11|Python\.h|CLI/|boost/",
    "tools/cli": r"pybind11|Python\.h|systemd/|boost/",
}
# What rt/ and shm/ do without, each with its reason. A line that says `not RT:` and why is exempt.
BANNED = {
    r"\bstd::function\b": "allocates; use an interface or a template",
    r"\bstd::(recursive_|shared_)?mutex\b": "an executor could wait for a thread without rights",
    r"\bstd::condition_variable\b": "an executor could wait for a thread without rights",
    r"\bstd::(cout|cerr|clog)\b": "libraries do not speak; the program's main does",
    r"\bthrow\b": "errors are Result; nothing unwinds through an executor",
    r"\bsleep_for\b|\busleep\(": "wait for an instant or an event, not for a length of time",
    r"\bsystem_clock::": "wall-clock time jumps; use MonotonicClock",
    r"\batomic_thread_fence\b": "ThreadSanitizer cannot see fences; order the accesses",
}
# What shm/ does by descriptor alone: a name in a folder that others write may lead anywhere. A line
# that says `by path:` and why is exempt.
BY_PATH = re.compile(
    r"(?<![\w>])::(open|creat|unlink|remove|chmod|l?chown|mkdir|rmdir|rename|l?stat|truncate"
    r"|opendir|link|symlink|mkfifo|inotify_add_watch)\s*\(|std::filesystem|ofstream")
SOURCES = {".c", ".cpp", ".h", ".hpp", ".py", ".pyi", ".sh"}
DECISION = re.compile(r"\b(?:RT|SHM|IO|PY|SVC|WIRE|CLI|SYS|VM)-\d+\b")


def tracked_files() -> list[pathlib.Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def folder_of(name: str, folders) -> str | None:
    matches = [folder for folder in folders if name.startswith(folder + "/")]
    return max(matches, key=len, default=None)


def check_includes(name: str, lines: list[str]):
    folder = folder_of(name, FLOORS)
    if folder is None:
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not match:
            continue
        target = match[2]
        if match[1] == '"' or target.startswith("horus/"):
            floor = folder_of(target, FLOORS)
            if match[1] == "<":
                floor = next((place for place in PUBLIC if (ROOT / place / target).exists()), None)
            if floor is None:
                yield number, f'include "{target}" is not written from the root'
            elif floor != folder and floor not in FLOORS[folder]:
                yield number, f"{folder} must not include {floor} ({target})"
        elif re.match(FOREIGN[folder], target):
            yield number, f"{folder} must not know <{target}>"


def check_rooms(name: str, lines: list[str]):
    folder, _, rest = name.partition("/")
    rooms = ROOMS.get(folder, [])
    room = rest.partition("/")[0]
    if room not in rooms:
        if rooms and "/" not in rest and rest.endswith(".hpp"):
            yield 1, f"a header of {folder} stands in one of its rooms"
        return
    lower = rooms[:rooms.index(room) + 1]
    for number, line in enumerate(lines, 1):
        match = re.match(rf'\s*#\s*include\s+"{folder}/([^/"]+)', line)
        if match and match[1] not in lower:
            yield number, f"{folder}/{room} must not include {folder}/{match[1]}"


def check_banned(name: str, lines: list[str]):
    if not name.startswith(("rt/", "shm/")):
        return
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        if "not RT:" in line:
            continue
        for pattern, reason in BANNED.items():
            if re.search(pattern, code):
                yield number, f"'{re.search(pattern, code)[0]}' is banned here: {reason}"


def check_paths(name: str, lines: list[str]):
    if not name.startswith("shm/"):
        return
    for number, line in enumerate(lines, 1):
        match = BY_PATH.search(line.split("//")[0])
        if match and "by path:" not in line:
            yield number, f"'{match[0]}' goes by a path; use Folder"


def check_shape(name: str, lines: list[str]):
    if len(lines) > MAX_LINES:
        yield MAX_LINES, f"{len(lines)} lines; a file is at most {MAX_LINES}"
    head = "\n".join(lines[:3])
    if "SPDX-License-Identifier: Apache-2.0" not in head:
        yield 1, "no SPDX line"
    if name.endswith(".hpp") and not any(line == "#pragma once" for line in lines[:10]):
        yield 1, "no #pragma once"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and "http" not in line:
            yield number, f"{len(line)} columns; a line is at most {MAX_COLUMNS}"
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and name != "tests/tidy.py":
            yield number, "unfinished work belongs into DECISIONS.md, not into code"


def check_decisions(files: list[pathlib.Path]):
    """A reference to a numbered decision leads to a DECISIONS.md that holds it."""
    decided = set()
    for path in files:
        if path.name == "DECISIONS.md":
            decided |= set(DECISION.findall(path.read_text()))
    for path in files:
        if path.suffix not in SOURCES:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for reference in set(DECISION.findall(line)) - decided:
                yield path, number, f"{reference} is in no DECISIONS.md"


def check_public(files: list[pathlib.Path]):
    """What is installed is little."""
    public = [path for path in files if str(path.relative_to(ROOT)).startswith(PUBLIC)]
    for path in public[MAX_PUBLIC:]:
        yield path, 1, f"a public header more than {MAX_PUBLIC}"


def check_orphans(files: list[pathlib.Path]):
    """A header of ours is included by somebody."""
    included = set()
    for path in files:
        if path.suffix in {".cpp", ".hpp", ".in"}:
            included |= set(re.findall(r'#\s*include\s+["<]([^">]+)[">]', path.read_text()))
    for path in files:
        name = str(path.relative_to(ROOT)).rpartition("/include/")[2]
        if path.suffix == ".hpp" and folder_of(str(path.relative_to(ROOT)), FLOORS) and (
                name not in included):
            yield path, 1, "a header that nobody includes"


def check_packages():
    """Each build dependency of the packages is in the one list, among what a build installs."""
    control = ROOT / "debian/control"
    if not control.exists():
        return
    parts = re.split(r"^# \[(\w+)\]", (ROOT / "tools/dev/packages.txt").read_text(), flags=re.M)
    parts = dict(zip(parts[1::2], parts[2::2]))
    listed = set((parts["build"] + parts["vm"]).split())
    match = re.search(r"^Build-Depends:(.*?)^\S", control.read_text(), re.M | re.S)
    for entry in re.split(r"[,\n]", match[1] if match else ""):
        words = entry.split()
        name = words[0].split(":")[0] if words else ""
        virtual = name.startswith(("debhelper-compat", "dh-sequence-"))
        if name and not virtual and name not in listed:
            yield control, 1, f"{name} is not in tools/dev/packages.txt, [build] or [vm]"


def findings():
    files = tracked_files()
    for path in files:
        if path.suffix not in SOURCES:
            continue
        name = str(path.relative_to(ROOT))
        lines = path.read_text().splitlines()
        for check in (check_includes, check_rooms, check_banned, check_paths, check_shape):
            for number, text in check(name, lines):
                yield path, number, text
    yield from check_decisions(files)
    yield from check_public(files)
    yield from check_orphans(files)
    yield from check_packages()


def main() -> int:
    found = list(findings())
    for path, number, text in found:
        print(f"{path.relative_to(ROOT)}:{number}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
