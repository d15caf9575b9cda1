# SPDX-License-Identifier: Apache-2.0
"""What ran out is named, with how much there is and what helps."""
from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap

import pytest

DESCRIPTORS = """
    import errno, resource, horus
    topics = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
    try:
        for number in range(100):
            topics.append(horus.Topic(f"t{number}"))
            topics[-1].send({"a": 1})
        print("no error")
    except MemoryError as error:
        assert isinstance(error, OSError)
        print(error.errno, error)
    print(all(topic.send({"a": 2}) for topic in topics[:-1]))
"""
FILES = """
    import resource, horus
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        horus.Topic("t").send({"a": 1})
    except MemoryError as error:
        print(error.errno, error)
"""
ADDRESSES = """
    import os, resource, horus
    topic = horus.Topic("declared", msg_type=horus.Image, size=(480, 640, "rgb8"), capacity=2)
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    # Room for what is small.
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 20), resource.RLIM_INFINITY))
    try:
        horus.Image(1080, 1920)
    except MemoryError as error:
        print(error.errno, error)
    print(all(topic.send(horus.Image(480, 640)) for _ in range(100)))
"""
MEMORY = """
    import os, sys, horus
    base = os.environ["HORUS_BASE"] = sys.argv[1] + "/base"
    frames = []
    def fill(number):
        for attempt in range(number):
            topic = horus.Topic(f"camera{attempt}", msg_type=horus.Image)
            topic.send(horus.Image(480, 640))
            frames.append(topic)
    def open_topics(number):
        for attempt in range(number):
            frames.append(horus.Topic(f"t{attempt}"))
            frames[-1].send({"a": 1})
    for work in (fill, open_topics):
        try:
            work(999)
        except OSError as error:
            assert isinstance(error, MemoryError)
            print(error.errno, error)
"""

UNUSED = """
    import glob, os, sys, time, horus
    base = os.environ["HORUS_BASE"] = sys.argv[1] + "/base"
    pools = lambda: glob.glob(base + "/pools/*.pool")
    frames = [horus.Image(480, 640) for _ in range(3)]
    print(len(pools()) > 0)
    del frames
    until = time.monotonic() + 30
    while pools() and time.monotonic() < until:
        time.sleep(0.01)
    print(len(pools()))
"""


def run(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_end_of_the_descriptors_names_their_limit() -> None:
    lines = run(sys.executable, "-c", textwrap.dedent(DESCRIPTORS))
    assert lines[0].startswith(f"{errno.EMFILE} ")
    assert "Too many open files; raise LimitNOFILE= in the unit, or 'ulimit -n', which is 48" in (
        lines[0])
    assert lines[1] == "True", "topics that are there go on"


def test_a_limit_of_the_size_of_files_is_named() -> None:
    lines = run(sys.executable, "-c", textwrap.dedent(FILES))
    assert lines[0].startswith(f"{errno.EFBIG} ")
    assert "File too large; raise LimitFSIZE= in the unit, or 'ulimit -f'" in lines[0]


def test_a_limit_of_addresses_is_named_and_no_declared_frame_fails_for_it() -> None:
    lines = run(sys.executable, "-c", textwrap.dedent(ADDRESSES))
    assert lines[0].startswith(f"{errno.ENOMEM} ")
    assert "Cannot allocate memory; raise LimitAS= in the unit, or 'ulimit -v', which is" in (
        lines[0])
    assert lines[1] == "True"


def run_in_4_mb(folder: os.PathLike[str], program: str) -> list[str]:
    mounted = f"mount -t tmpfs -o size=4m none {folder} && exec \"$@\""
    return run("unshare", "-m", "--propagation", "private", "sh", "-c", mounted, "sh",
               sys.executable, "-c", textwrap.dedent(program), str(folder))


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
def test_where_shared_memory_runs_out_what_a_process_does_not_use_is_others(tmp_path) -> None:
    assert run_in_4_mb(tmp_path, UNUSED) == ["True", "0"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
def test_the_end_of_shared_memory_names_what_was_wanted_and_what_there_is(tmp_path) -> None:
    lines = run_in_4_mb(tmp_path, MEMORY)
    assert len(lines) == 2, lines
    for line, action in zip(lines, ("no shared memory for frames: ", "reserve shared memory: ")):
        assert line.startswith(f"{errno.ENOSPC} ")
        assert action in line and " MB wanted, " in line and " of 4.2 MB free in " in line
        assert "No space left on device; make room in /dev/shm" in line
