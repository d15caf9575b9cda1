# SPDX-License-Identifier: Apache-2.0
"""Breaks one line of the product at a time, and looks whether the tests of its place see it.

The tables beside this file hold the breaks, README.md says how they are written. Each break is
made in an overlay over the checkout, in a mount namespace of its own: whatever happens to this
program, the checkout and its build stay as they are.
"""
from __future__ import annotations

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What tests in Python run besides the module.
PROGRAMS = ["_horus", "horusctl", "horusd", "horus-launch", "horus-pyhost", "horus-recorder"]
BUILDS = ["build/debug", "build/check"]
PATIENCE_S = 60  # A test that a break makes hang is red.
AT_ONCE = 2
CANNOT = 77  # The exit code where no break can be made.
SEEN, UNSEEN = "seen", "UNSEEN"
# How one that runs inside ends, with what it means.
ENDS = {0: UNSEEN, 93: SEEN, 94: "DOES NOT BUILD", 95: "RED WITHOUT THE BREAK",
        96: "NO PLACE TO BREAK IT: see the lines above"}

# $1: an empty folder; $2: the checkout; $3: the file to break; $4: how to build; $5: how to test;
# $6: for how many seconds at most.
INSIDE = r"""
mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" && mkdir -m 1777 "$1/tmp" &&
  mount -t overlay -o "$OPTIONS"lowerdir="$2",upperdir="$1/upper",workdir="$1/work" none "$2" &&
  mount -t tmpfs -o mode=1777 none /dev/shm && cd "$2" || exit 96
export TMPDIR="$1/tmp" TEST_TMPDIR="$1/tmp/"  # Two at once have the same process numbers.
$PLAIN timeout -s KILL "$6" sh -c "$5" || exit 95
cat >"$3" || exit 96
sh -c "$4" || exit 94
$PLAIN timeout -s KILL "$6" sh -c "$5" || exit 93
"""


@dataclasses.dataclass(frozen=True)
class Break:
    file: str
    loss: str  # What a user would lose.
    text: str
    broken: str
    tests: tuple[str, ...]
    equal: str = ""  # Why nobody could tell, where that is so.

    @property
    def folder(self):
        return self.file.split("/")[0]


def parse(lines, where):
    """The breaks of one table; blank lines part them."""
    found, block = [], []
    for line in [*lines, ""]:
        if line.strip() and not line.startswith("#"):
            block.append(line)
        elif block:
            found.append(one(block, where))
            block = []
    return found


def one(block, where):
    file, _, loss = block[0].partition(": ")
    old, new, equal = ([line[2:] for line in block[1:] if line[:2].strip() == mark]
                       for mark in "-+=")
    tests = [line for line in block[1:] if line[0] not in "-+="]
    if not loss or not old or bool(tests) == bool(equal):
        raise ValueError(f"{where}: '{block[0]}' wants 'FILE: what a user would lose', '- ' lines, "
                         "and either tests or '= why nobody could tell'")
    return Break(file, loss, "\n".join(old), "\n".join(new), tuple(tests), " ".join(equal))


def table(folder=HERE):
    return [row for path in sorted(folder.glob("*.txt"))
            for row in parse(path.read_text().splitlines(), path.name)]


def broken_file(row, root):
    """The file's text with the break; ValueError where it is not there exactly once."""
    whole = (root / row.file).read_text()
    if whole.count(row.text) != 1:
        raise ValueError(f"{row.file}: '{row.text}' is there {whole.count(row.text)} times")
    return whole.replace(row.text, row.broken)


def targets(row):
    return sorted({target for test in row.tests for target in
                   (PROGRAMS if test.startswith("tests/") else [test.split()[0]])})


def build_folder(root):
    """Below `root`: that of each file alone where there is one, for a break recompiles just that;
    else the one in batches."""
    return next((build for build in BUILDS if (root / build / "build.ninja").exists()), BUILDS[0])


def build_command(build, names, jobs):
    return shlex.join(["ninja", "-C", build, "-j", str(jobs), *names])


def test_command(build, row):
    commands = []
    for test in row.tests:
        if test.startswith("tests/"):
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            commands.append(shlex.join([*command, *shlex.split(test)]))
        else:
            program, *words = test.split()
            commands.append(shlex.join([f"{build}/tests/{program}", "--gtest_fail_fast",
                                        "--gtest_filter=" + (":".join(words) or "*")]))
    return " && ".join(commands)


def namespace():
    """A command that begins a mount and a process namespace, with what INSIDE asks for."""
    # Whoever ends the runner ends what it began.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
               "--kill-child", "--mount-proc", "--propagation", "private"]
    if os.geteuid() == 0:
        return command, {"OPTIONS": "", "PLAIN": ""}
    return ([*command, "--user", "--map-current-user", "--keep-caps"],
            {"OPTIONS": "userxattr,", "PLAIN": "setpriv --inh-caps=-all --ambient-caps=-all"})


def why_not():
    """Why no break can be made here; empty where one can."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([*namespace()[0], "mount", "-t", "tmpfs", "none", scratch],
                              check=False, capture_output=True, text=True)
    return f"no mount namespace here: {done.stderr.strip()}" if done.returncode != 0 else ""


def run_one(row, root, jobs):
    """(SEEN, UNSEEN or what went wrong; what was printed; seconds)."""
    command, words = namespace()
    build = build_folder(root)
    environment = {**os.environ, **words, "HORUS_BUILD": str(root / build),
                   "PYTHONPATH": str(root / build / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    since = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="horus-break-") as scratch:
        done = subprocess.run(
            [*command, "sh", "-c", INSIDE, "sh", scratch, str(root), row.file,
             build_command(build, targets(row), jobs), test_command(build, row),
             str(PATIENCE_S)],
            input=broken_file(row, root), env=environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    end = ENDS.get(done.returncode, f"ENDED WITH {done.returncode}")
    return end, done.stdout, time.monotonic() - since


def choose(rows, what, seed):
    """Those of `what`: a number of them at random, "all", or files and folders."""
    rows = [row for row in rows if row.tests]
    if what == ["all"]:
        return rows
    if len(what) == 1 and what[0].isdigit():
        return random.Random(seed).sample(rows, min(int(what[0]), len(rows)))
    chosen = [row for row in rows
              if any(row.file == name or row.file.startswith(name.rstrip("/") + "/")
                     for name in what)]
    if not chosen:
        raise SystemExit(f"mutants: no break in {' '.join(what)}; `all`, a number, or files as in "
                         "the tables of tests/mutants")
    return chosen


def report(ends):
    """The share that was seen, by folder."""
    folders = collections.defaultdict(list)
    for row, end in ends:
        folders[row.folder].append(end == SEEN)
    for folder, seen in sorted(folders.items()):
        print(f"{folder + ':':10}{sum(seen)} of {len(seen)} seen, {100 * sum(seen) // len(seen)} %")
    return all(end == SEEN for _, end in ends)


def run(rows, root):
    jobs = max(1, (os.cpu_count() or 1) // AT_ONCE)
    for row in rows:
        broken_file(row, root)  # A table that is behind is told before minutes have gone by.
    needed = sorted({target for row in rows for target in targets(row)})
    subprocess.run(shlex.split(build_command(build_folder(root), needed, jobs * AT_ONCE)), cwd=root,
                   check=True, stdout=subprocess.DEVNULL)
    ends = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(run_one, row, root, jobs): row for row in rows}
        try:
            for future in concurrent.futures.as_completed(waiting):
                ends.append((waiting[future], tell(waiting[future], *future.result())))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return report(ends)


def tell(row, end, said, seconds):
    if end not in (SEEN, UNSEEN):
        print(said)
    print(f"{end}: {row.file}: {row.loss} ({seconds:.0f} s)", flush=True)
    if end == UNSEEN:
        print(f"  {row.text!r} -> {row.broken!r}, by {'; '.join(row.tests)}", flush=True)
    return end


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="mutants", description="Breaks lines of the product, and looks whether tests see it.")
    parser.add_argument("what", nargs="*", default=["5"], metavar="N | all | FILE",
                        help="so many at random (5), all, or those of these files and folders")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6),
                        help="which ones are chosen at random")
    options = parser.parse_args(arguments)
    rows = choose(table(), options.what, options.seed)
    if reason := why_not():
        print(f"mutants: {reason}", file=sys.stderr)
        return CANNOT
    if options.what[0].isdigit():
        print(f"{len(rows)} breaks, --seed {options.seed}", flush=True)
    return 0 if run(rows, ROOT) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
