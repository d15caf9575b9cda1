# SPDX-License-Identifier: Apache-2.0
"""`horusctl blackbox`: what hosts went through, read while they live, after their death, from a
copy; and how copies are kept."""
import os
import pathlib
import re
import signal
import stat
import struct
import tempfile

import pytest

import ctl
from running import (NOBODY, PYTHON, ROOT, Running, as_user, box_events, boxes, files_below,
                     own_base, run, until)

ARM = """
import sys, time, horus
n = 0
def tick(node):
    global n
    n += 1
    if n == 10:
        time.sleep(0.2)
    if n == 20:
        raise ValueError("bent \\x1b[31marm")
leg = horus.Node("leg", lambda node: None, rate=20)
horus.run(horus.Node("arm", tick, rate=100, failure_policy="log"), leg, name="rover",
          duration=float(sys.argv[1]) or None)
"""


@pytest.fixture
def environment():
    with own_base() as own:
        yield own


def rover(environment, duration):
    return Running([PYTHON, "-c", ARM, str(duration)], environment)


def blackbox(environment, *words):
    return ctl.horusctl(environment, "blackbox", *words)


def seen(environment, kind, *words):
    return [event for event in box_events(environment, *words) if event["event"] == kind]


def test_a_living_host_tells_what_its_nodes_went_through(environment):
    with rover(environment, 0) as running:
        error, = until(lambda: seen(environment, "error"), "the error", running)
        assert error["node"] == "arm" and error["tick"] == 19 and error["host"] == "rover"
        assert error["text"].startswith("ValueError: bent") and error["in_a_row"] == 1
        # A busy machine makes others late as well.
        miss, = [one for one in seen(environment, "miss", "arm") if one["tick"] == 9]
        assert miss["response_us"] > 30_000 > miss["deadline_us"]
        assert "its own work" in miss["text"]
        # Of a node, of a host, of a kind, of a time.
        assert {event["node"] for event in box_events(environment, "leg")} == {"leg"}
        assert {event["event"] for event in box_events(environment, "rover", "--event",
                                                       "state,start")} == {"state", "start"}
        assert box_events(environment, "--node", "leg", "--event", "error") == []
        assert box_events(environment, "--since", "2 min ago")
        assert not box_events(environment, "nobody")
        shown = blackbox(environment, "--event", "error")
        assert shown.returncode == 0 and "\x1b" not in shown.stdout
        assert re.fullmatch(r"[\d-]{10} [\d:.]{15} rover: error arm\[19\]: ValueError: bent "
                            r"\?\[31marm \(tick 19\) \(in_a_row 1\)\n", shown.stdout)


def test_who_follows_sees_what_comes(environment):
    with Running([ctl.program("horusctl"), "blackbox", "--follow", "--json"], environment) as shown:
        with rover(environment, 0) as running:
            until(lambda: '"error"' in shown.text(), "the error", shown)
            assert running.stop() == 0
        assert shown.text().count('"start"') == 1
        assert shown.stop(signal.SIGINT) in (0, 130, -signal.SIGINT)


def test_a_killed_host_leaves_its_box_to_its_successor(environment):
    with rover(environment, 0) as running:
        until(lambda: seen(environment, "error"), "the error", running)
        running.stop(signal.SIGKILL)
    # Nobody watched over it: its box is where it was.
    assert boxes(environment) == []
    assert len(seen(environment, "error")) == 1 and not seen(environment, "end")
    with rover(environment, 0.05) as running:
        assert running.wait() == 0
    events = box_events(environment)
    assert [event["unclean"] for event in events if event["event"] == "start"] == [0, 1]
    assert [event["life"] for event in events if event["event"] == "start"] == [1, 2]
    assert [event["event"] for event in events[-2:]] == ["end", "flush"]
    assert len({event["sequence"] for event in events}) == len(events)
    assert not [file for file in files_below(environment["HORUS_BASE"]) if "hosts" in file]


def test_at_its_end_a_program_keeps_a_copy(environment):
    with rover(environment, 0.4) as running:
        assert running.wait() == 0
    file, = boxes(environment)
    assert re.fullmatch(r"rover\.000001\.\d{8}T\d{6}Z\.blackbox", file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o750
    shown = blackbox(environment)
    assert shown.returncode == 0 and f"the copy {file}" in shown.stderr
    assert shown.stdout == blackbox(environment, "--file", str(file)).stdout
    end, = seen(environment, "end")
    assert end["text"] == "the time is over" and end["code"] == 0


def test_an_end_says_why(environment):
    failing = ("import horus\ndef tick(node): raise ValueError('bent')\n"
               "horus.run(horus.Node('arm', tick, failure_policy='fatal'), name='rover')")
    assert run([PYTHON, "-c", failing], environment).returncode == 1
    end, = seen(environment, "end")
    assert end["code"] == 1 and "arm" in end["text"] and "bent" in end["text"]


def test_on_request_a_copy_is_kept(environment):
    with rover(environment, 0) as running:
        until(lambda: seen(environment, "error"), "the error", running)
        kept = blackbox(environment, "--flush")
        assert kept.returncode == 0, kept.stderr
        file = kept.stdout.strip()
        assert boxes(environment) == [pathlib.Path(file)]
        assert seen(environment, "flush", "--file", file)[0]["text"] == "asked for"
        assert not seen(environment, "flush"), "the box itself goes on"


@pytest.mark.parametrize("size", [0, 1, 63, 64, 200, 1000, -1, -100, -328])
def test_a_copy_that_was_cut_off_shows_what_is_whole(environment, tmp_path, size):
    with rover(environment, 0.4) as running:
        assert running.wait() == 0
    whole = boxes(environment)[0].read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[:size] if size >= 0 else whole[:len(whole) + size])
    shown = blackbox(environment, "--file", str(cut))
    assert shown.returncode in (0, 1) and "Traceback" not in shown.stderr
    if size < 0:
        every = blackbox(environment, "--file", str(boxes(environment)[0])).stdout
        assert shown.returncode == 0 and shown.stdout and every.startswith(shown.stdout)


def test_a_copy_of_another_boot_shows_what_follows_a_number_that_is_missing(environment, tmp_path):
    with rover(environment, 0.4) as running:
        assert running.wait() == 0
    copy, = boxes(environment)
    bytes_of_copy = bytearray(copy.read_bytes())
    for at in range(0, len(bytes_of_copy) - 24, 8):  # A place's stamp, and its event's first words.
        stamp, number, at_ns = struct.unpack_from("<QQq", bytes_of_copy, at)
        if number == 0 or stamp != 2 * number:
            continue
        # That machine had run for longer than this one.
        struct.pack_into("<QQq", bytes_of_copy, at, 0 if number == 1 else stamp, number,
                         at_ns + 10**18)
    other = tmp_path / "other"
    other.write_bytes(bytes_of_copy)
    every, others = ([event["sequence"] for event in box_events(environment, "--file", str(file))]
                     for file in (copy, other))
    assert every[0] == 1 and len(every) > 2
    assert others == every[1:]


@pytest.mark.parametrize("words, says", [
    (["--event", "tea"], "'tea' is none of: miss"), (["--since", "soon"], "'soon' is no time"),
    (["--follow", "--file", "x"], "leave out --file")])
def test_what_cannot_be_meant_is_refused(environment, words, says):
    shown = blackbox(environment, *words)
    assert shown.returncode == 2 and says in shown.stderr


def test_what_is_not_there_is_said(environment, tmp_path):
    nothing = blackbox(environment)
    assert nothing.returncode == 3 and "no copy of one" in nothing.stderr
    assert blackbox(environment, "--file", str(tmp_path / "none")).returncode == 1
    other = tmp_path / "other"
    other.write_text("no box" * 100)
    shown = blackbox(environment, "--file", str(other))
    assert shown.returncode == 1 and "no black box" in shown.stderr
    assert blackbox(environment, "--flush").returncode == 3


def test_a_folder_that_takes_no_copy_is_said_and_the_box_stays(environment):
    folder = pathlib.Path(environment["XDG_STATE_HOME"], "horus")
    folder.write_text("in the way")
    with rover(environment, 0.3) as running:
        assert running.wait() == 0, running.text()
        assert "no black box of host 'rover' is kept" in running.text()
    assert seen(environment, "end")[0]["text"] == "the time is over"


def test_a_full_disk_is_said_and_costs_no_tick(environment):
    full = "/dev/shm/" + os.path.basename(environment["XDG_STATE_HOME"])
    mounted = (f"mkdir {full} && mount -t tmpfs -o size=4k none {full} && "
               f"dd if=/dev/zero of={full}/filler bs=4k count=1 2>/dev/null; exec \"$@\"")
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", mounted, "sh",
               PYTHON, "-c", ARM, "0.5"]
    try:
        done = run(command, environment | {"XDG_STATE_HOME": full})
        assert done.returncode == 0, done.stderr
        assert "No space left" in done.stderr and "is kept" in done.stderr
        assert seen(environment, "end"), "the box stays"
    finally:
        pathlib.Path(full).rmdir()


def test_others_see_no_box_of_ours(environment):
    with rover(environment, 0) as running:
        until(lambda: seen(environment, "error"), "the error", running)
        other = run(as_user(NOBODY, [ctl.program("horusctl"), "blackbox"]),
                    environment | {"XDG_STATE_HOME": "/nonexistent"})
        assert other.returncode == 3 and "bent" not in other.stdout


@pytest.mark.parametrize("size", [-1, 0.01, 65, float("nan")])
def test_a_size_out_of_range_is_refused(environment, size):
    done = run([PYTHON, "-c", f"import horus\nhorus.Scheduler(blackbox_mb=float('{size}'))"],
               environment)
    assert "blackbox_mb must be 0 (1 MiB) or a number of MiB" in done.stderr


@pytest.mark.parametrize("given, mebibytes", [(0, 1), (0.25, 0.25), (2, 2)])
def test_a_size_is_followed(environment, given, mebibytes):
    source = ("import horus, time\nhorus.run(horus.Node('a', lambda node: None, rate=10),"
              f" name='rover', blackbox_mb={given})")
    with Running([PYTHON, "-c", source], environment) as running:
        file = pathlib.Path(environment["HORUS_BASE"], "hosts/rover.blackbox")
        until(file.exists, "the box", running)
        assert file.stat().st_size == mebibytes * (1 << 20)


def test_the_page_has_each_kind_as_the_table_has_it():
    source = (ROOT / "rt/base/black_box.hpp").read_text()
    rows = re.findall(r'EventKindRow\{\s*EventKind::\w+,\s*"(\w+)",\s*\{([^}]*)\},\s*"([^"]*)"\}',
                      source)
    assert len(rows) >= 13
    page = (ROOT / "docs/blackbox.md").read_text()
    for name, numbers, meaning in rows:
        shown = ", ".join(f"`{number}`" for number in re.findall(r'"(\w+)"', numbers))
        assert f"| `{name}` | {shown} | {meaning} |\n" in page
