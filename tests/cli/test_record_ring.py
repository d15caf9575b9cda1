# SPDX-License-Identifier: Apache-2.0
"""`horusctl record --last`: what is kept in memory, and when it is written."""
import json
import os
import pathlib
import signal
import socket
import textwrap

import pytest

from ctl import horusctl  # First: it finds `running`.
from running import NOBODY, PYTHON, Running, of_recording, own_base, program, run, until

ROBOT = textwrap.dedent("""
    import os, time, horus
    def drive(node):
        drive.i += 1
        node.send("cmd", horus.CmdVel(linear=drive.i, angular=0.5))
        if os.path.exists(os.environ["HORUS_BASE"] + "/late"):
            time.sleep(0.03)
    drive.i = 0
    horus.run(horus.Node("driver", drive, rate=50, deadline=0.02), name="robot")
""")


@pytest.fixture
def robot():
    with own_base() as environment, Running([PYTHON, "-c", ROBOT], environment) as running:
        until(lambda: "cmd" in horusctl(environment, "topic", "list").stdout, "it sends", running)
        yield environment, running


def keeping(environment, path, *words):
    return Running([program("horusctl"), "record", "-o", str(path), "--min-free", "0",
                    "--last", "60 s", *words], environment)


def until_it_keeps(environment, *recorders):
    """Until each of them has taken messages."""
    pids = {recorder.pid for recorder in recorders}

    def keeps():
        done = horusctl(environment, "stats", "--json")
        return pids <= {host["pid"] for host in json.loads(done.stdout or '{"hosts": []}')["hosts"]
                        for node in host["nodes"] if node["received"] > 0}
    until(keeps, "it has taken messages", recorders[0])


def numbers(path):
    return of_recording(path, "[message.number for message in r.messages('cmd')]")


def trigger_of(path):
    return of_recording(path, "[r.whole, r.notes['horus.trigger']['reason']]")


def test_a_trigger_has_what_is_kept_written_and_the_next_file_goes_on_where_it_ends(
        robot, tmp_path):
    environment, _ = robot
    with keeping(environment, tmp_path / "run.mcap") as recorder:
        until_it_keeps(environment, recorder)
        assert list(tmp_path.iterdir()) == []
        done = horusctl(environment, "record", "trigger")
        assert done.returncode == 0, done.stderr
        first = tmp_path / "run_0.mcap"
        assert done.stdout.startswith(f"{first}: ") and done.stdout.endswith(" messages\n")
        assert trigger_of(first) == [True, "asked for"]
        one = numbers(first)
        assert one == list(range(one[0], one[0] + len(one)))
        until(lambda: horusctl(environment, "record", "trigger").stdout.startswith(
            str(tmp_path / "run_")), "there is more", recorder)
        two = numbers(tmp_path / "run_1.mcap")
        assert two[0] == one[-1] + 1
        assert recorder.stop(signal.SIGTERM) == 0
        assert "messages of" in recorder.text()
    last = sorted(tmp_path.iterdir())[-1]
    assert horusctl(environment, "record", "check", str(last)).returncode == 0


def test_a_host_s_death_has_it_written(robot, tmp_path):
    environment, running = robot
    with keeping(environment, tmp_path / "run.mcap") as recorder:
        until_it_keeps(environment, recorder)
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
        path = tmp_path / "run_0.mcap"
        until(lambda: path.exists() and horusctl(
            environment, "record", "check", str(path)).returncode == 0, "it is written", recorder)
        assert trigger_of(path) == [True, "host 'robot' died"]
        assert "written since: host 'robot' died\n" in horusctl(
            environment, "record", "info", str(path)).stdout
        assert recorder.stop() == 0


def test_a_missed_deadline_has_it_written_where_that_was_asked_for(robot, tmp_path):
    environment, running = robot
    with keeping(environment, tmp_path / "a.mcap", "--on", "miss") as recorder, \
            keeping(environment, tmp_path / "b.mcap") as other:
        until_it_keeps(environment, recorder, other)
        pathlib.Path(environment["HORUS_BASE"], "late").touch()
        path = tmp_path / "a_0.mcap"
        until(lambda: path.exists() and horusctl(
            environment, "record", "check", str(path)).returncode == 0, "it is written", recorder)
        assert trigger_of(path) == [True, "node 'driver' of host 'robot' missed its deadline"]
        assert not (tmp_path / "b_0.mcap").exists()
        # Misses that go on make no file each: 60 s are not over.
        assert not (tmp_path / "a_1.mcap").exists()
        # A death waits for nothing.
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
        for path in (tmp_path / "a_1.mcap", tmp_path / "b_0.mcap"):
            until(lambda: path.exists() and horusctl(
                environment, "record", "check", str(path)).returncode == 0, "it is written")
            assert trigger_of(path) == [True, "host 'robot' died"]
        assert recorder.stop() == 0 and other.stop() == 0


def test_a_recorder_is_seen_as_a_host_and_says_what_keeps_it_from_writing(robot, tmp_path):
    environment, _ = robot
    full = ["record", "-o", str(tmp_path / "run.mcap"), "--min-free", "1000000 GiB"]
    with Running([program("horusctl"), *full], environment) as recorder:
        until(lambda: "runs without a file to write to" in horusctl(environment, "status").stdout,
              "the disk counts as full", recorder)
        done = horusctl(environment, "status", "--json")
        assert done.returncode == 1 and "min_free" in done.stdout
        assert any(host["name"] == "recorder" for host in json.loads(done.stdout)["hosts"])
        refused = horusctl(environment, "record", "trigger")
        assert refused.returncode == 3 and "nobody records with --last" in refused.stderr
        recorder.stop()
    assert "recorder" not in horusctl(environment, "status").stdout
    assert [name for name in os.listdir(environment["HORUS_BASE"] + "/hosts")
            if name.startswith("recorder")] == []


def test_one_that_is_held_up_makes_no_other_one_late_and_is_named(robot, tmp_path):
    environment, _ = robot
    with keeping(environment, tmp_path / "a.mcap") as held:
        until_it_keeps(environment, held)
        with keeping(environment, tmp_path / "b.mcap") as other:
            until(lambda: "recorder-2" in horusctl(environment, "status").stdout, "it is seen",
                  other)
            os.kill(held.pid, signal.SIGSTOP)
            try:
                with Running([program("horusctl"), "record", "trigger"], environment) as trigger:
                    until(lambda: "b_0.mcap: " in trigger.text(), "the other one's file", trigger)
                    waits = f"record trigger: waits for recorder (pid {held.pid}) to write its file"
                    until(lambda: waits in trigger.text(), "for whom it waits", trigger)
                    # Who waits for no more is told whose answer is missing.
                    assert trigger.stop(signal.SIGINT) == 1
                    said = trigger.text()
                assert "record trigger: recorder has not answered" in said
                assert "recorder-2" not in said
                assert not (tmp_path / "a_0.mcap").exists()
            finally:
                os.kill(held.pid, signal.SIGCONT)
            assert other.stop() == 0 and held.stop() == 0


def test_a_recorder_whose_socket_was_removed_can_be_asked_again(robot, tmp_path):
    environment, _ = robot
    with keeping(environment, tmp_path / "run.mcap") as recorder:
        until_it_keeps(environment, recorder)
        os.unlink(environment["HORUS_BASE"] + "/hosts/recorder.sock")
        until(lambda: horusctl(environment, "record", "trigger").returncode == 0, "asked", recorder)
        assert recorder.stop() == 0
    assert (tmp_path / "run_0.mcap").exists()


def test_without_a_recorder_a_trigger_says_so(robot):
    environment, _ = robot
    done = horusctl(environment, "record", "trigger")
    assert done.returncode == 3 and "nobody records with --last" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_stranger_triggers_nothing(robot, tmp_path):
    environment, _ = robot
    with keeping(environment, tmp_path / "run.mcap") as recorder:
        until_it_keeps(environment, recorder)
        path = environment["HORUS_BASE"] + "/hosts/recorder.sock"
        assert os.stat(path).st_mode & 0o777 == 0o660
        os.chmod(path, 0o666)  # As if the kernel had let him in.
        held = os.open(path, os.O_PATH)
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(f"/proc/self/fd/{held}")
                try:
                    stream.sendall(b'{"method": "io.horus.Recorder.Trigger"}\0')
                    said = stream.recv(100)
                except OSError:
                    said = b""
            os._exit(0 if b"PermissionDenied" in said else 1)
        assert os.waitpid(child, 0)[1] == 0
        os.close(held)
        # One who may is heard as ever, and a caller who says nothing keeps nobody waiting.
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(path)
            assert horusctl(environment, "record", "trigger").returncode == 0
        assert [file.name for file in tmp_path.iterdir()] == ["run_0.mcap"]
        assert recorder.stop() == 0


@pytest.mark.parametrize("words, says", [
    (["--last", "soon"], "--last takes a time"),
    (["--last", "0 s"], "--last takes a time"),
    (["--last-mb", "5"], "--last-mb is of what --last keeps"),
    (["--last", "5s", "--last-mb", "70000"], "65536 at most"),
    (["--on", "miss"], "give --last, too"),
    (["--last", "5s", "--on", "sunday"], "--on takes miss"),
    (["--last", "5s", "--split", "1GiB"], "--split is of files that grow"),
    (["--keep", "3"], "--keep is of files that --split or --last makes"),
    (["trigger", "now"], "takes no more words")])
def test_wrong_words_are_told(tmp_path, words, says):
    with own_base() as environment:
        done = horusctl(environment, "record", *words)
        assert done.returncode == 2 and says in done.stderr
