# SPDX-License-Identifier: Apache-2.0
"""Scheduler(recording=...): what a run sends is in a file, and which files there are."""
import fcntl
import os
import pathlib

import pytest

import horus
from snippet import ended, prints

RUN = """
    import os, sys, horus
    def drive(node):
        drive.i += 1
        node.send("cmd", horus.CmdVel(linear=drive.i, angular=0))
        if drive.i == 20:
            node.request_stop()
    drive.i = 0
    node = horus.Node("driver", drive, rate=200, shutdown=lambda n: n.send("bye", {"n": drive.i}))
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    """An empty folder for this user's recordings."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "horus" / "recordings"


def test_a_run_is_recorded_from_its_first_message_to_its_last(state):
    lines = prints(RUN + """
    scheduler = horus.Scheduler(recording=True, name="my robot")
    scheduler.add(node)
    print(scheduler.is_recording(), scheduler.list_recordings())
    scheduler.run()
    print(scheduler.is_recording())
    [name] = scheduler.list_recordings()
    run = horus.open_recording(name)
    print([m.value.linear for m in run.messages("cmd")] == list(range(1, 21)))
    print([m.value for m in run.messages("bye")], run.whole, name.startswith("my_robot_20"))
    print(run.path)
    """)
    assert lines[:4] == ["False []", "False", "True", "[{'n': 20}] True True"]
    assert pathlib.Path(lines[4]).parent == state
    assert state.stat().st_mode & 0o777 == 0o700


def test_run_takes_a_path_of_one_s_own(tmp_path):
    path = tmp_path / "mine.mcap"
    assert prints(RUN + """
    horus.run(node, recording=sys.argv[1])
    print(len(list(horus.open_recording(sys.argv[1]).messages("cmd"))))
    """, str(path)) == ["20"]


def test_it_can_be_ended_while_the_run_goes_on(tmp_path):
    assert prints(RUN + """
    scheduler = horus.Scheduler(recording=sys.argv[1])
    def end(n):
        print(scheduler.is_recording(), scheduler.stop_recording() == [sys.argv[1]],
              scheduler.is_recording())
        scheduler.stop()
    scheduler.add(horus.Node("end", end, rate=10))
    scheduler.run()
    print(horus.open_recording(sys.argv[1]).whole, scheduler.stop_recording() == [sys.argv[1]])
    """, str(tmp_path / "run.mcap")) == ["True True False", "True True"]


def test_what_ends_a_run_comes_through_and_the_file_has_its_end(tmp_path):
    done = ended(RUN + """
    def bad(n):
        raise ValueError("mine")
    try:
        horus.run(horus.Node("bad", bad, rate=100, failure_policy="fatal"), recording=sys.argv[1])
    except ValueError as error:
        print(error)
    print(horus.open_recording(sys.argv[1]).whole)
    """, str(tmp_path / "run.mcap"))
    assert done.stdout.splitlines()[-1] == "True", done.stderr


def test_a_recorder_that_died_hides_nothing_of_what_ended_the_run(tmp_path):
    done = ended(RUN + """
    import signal
    scheduler = horus.Scheduler(recording=sys.argv[1])
    def bad(n):
        scheduler._recorder._process.kill()
        os.kill(os.getpid(), signal.SIGINT)
    scheduler.add(horus.Node("bad", bad, rate=100))
    try:
        scheduler.run()
    except KeyboardInterrupt as error:
        print(error.__notes__)
    """, str(tmp_path / "run.mcap"))
    assert f"recording {tmp_path}/run.mcap failed" in done.stdout, done.stderr


def test_a_file_that_cannot_be_made_prevents_the_run(tmp_path):
    path = tmp_path / "there.mcap"
    path.write_text("mine")
    ticks = []
    with pytest.raises(FileExistsError):
        horus.run(horus.Node("n", ticks.append, rate=100), duration=0.1, recording=path)
    assert ticks == [] and path.read_text() == "mine"


def test_a_single_tick_is_not_recorded_and_says_so():
    scheduler = horus.Scheduler(recording=True)
    scheduler.add(horus.Node("n", lambda node: None, rate=100))
    with pytest.raises(RuntimeError, match="use horus.record"):
        scheduler.tick_once()


@pytest.mark.parametrize("wrong", [1, 0.5, b"path", [], {}])
def test_recording_is_a_choice_or_a_path(wrong):
    with pytest.raises(TypeError, match="recording must be True, False, or the path"):
        horus.Scheduler(recording=wrong)


def test_recordings_are_listed_and_deleted_by_name(state):
    scheduler = horus.Scheduler()
    assert scheduler.list_recordings() == [] and not scheduler.is_recording()
    state.mkdir(parents=True, mode=0o700)
    outside = state.parent / "outside.mcap"
    for file in (state / "b.mcap", state / "a.mcap", state / "notes.txt", outside):
        file.write_text("x")
    (state / "folder.mcap").mkdir()
    (state / "link.mcap").symlink_to(outside)
    assert scheduler.list_recordings() == ["a.mcap", "b.mcap"]
    scheduler.delete_recording("a.mcap")
    assert scheduler.list_recordings() == ["b.mcap"]
    for name in ("a.mcap", "../outside.mcap", str(outside), "notes.txt", "folder.mcap",
                 "link.mcap", "", ".mcap", "x\0.mcap"):
        with pytest.raises(horus.HorusNotFoundError, match="no recording"):
            scheduler.delete_recording(name)
    with pytest.raises(TypeError):
        scheduler.delete_recording(3)
    assert outside.exists() and (state / "link.mcap").is_symlink()
    assert sorted(os.listdir(state)) == ["b.mcap", "folder.mcap", "link.mcap", "notes.txt"]


def test_a_file_that_is_here_comes_before_one_of_that_name_in_the_folder(state, tmp_path,
                                                                         monkeypatch):
    monkeypatch.chdir(tmp_path)
    horus.record("run.mcap").stop()
    state.mkdir(parents=True, mode=0o700)
    (state / "run.mcap").write_bytes((tmp_path / "run.mcap").read_bytes())
    assert horus.open_recording("run.mcap").path == "run.mcap"
    (tmp_path / "run.mcap").unlink()
    assert horus.open_recording("run.mcap").path == str(state / "run.mcap")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720])
def test_a_folder_that_others_may_write_is_not_trusted(state, mode):
    state.mkdir(parents=True)
    state.chmod(mode)
    (state / "a.mcap").write_text("x")
    with pytest.raises(RuntimeError, match="not this user's alone"):
        horus.Scheduler().list_recordings()
    with pytest.raises(RuntimeError, match="not this user's alone"):
        horus.Scheduler().delete_recording("a.mcap")
    assert (state / "a.mcap").exists()
    state.chmod(0o700)
    elsewhere = state.parent / "elsewhere"
    state.rename(elsewhere)
    state.symlink_to(elsewhere)
    with pytest.raises(OSError):
        horus.Scheduler().delete_recording("a.mcap")
    assert (elsewhere / "a.mcap").exists()


def test_one_that_another_process_makes_is_not_deleted(state):
    state.mkdir(parents=True, mode=0o700)
    (state / "a.mcap").write_text("x")
    with open(state / "a.mcap", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with pytest.raises(RuntimeError, match="a.mcap is being recorded"):
            horus.Scheduler().delete_recording("a.mcap")
    horus.Scheduler().delete_recording("a.mcap")
    assert list(state.iterdir()) == []


def test_the_one_that_is_being_made_is_not_deleted(state):
    assert prints(RUN + """
    scheduler = horus.Scheduler(recording=True)
    def end(n):
        [name] = scheduler.list_recordings()
        try:
            scheduler.delete_recording(name)
        except RuntimeError as error:
            print(error)
        scheduler.stop()
    scheduler.add(horus.Node("end", end, rate=10))
    scheduler.run()
    print(len(scheduler.list_recordings()))
    """)[1:] == ["1"]
