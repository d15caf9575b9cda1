# SPDX-License-Identifier: Apache-2.0
"""`horusctl record`: files that other tools read, and what there is to do with them."""
import json
import os
import pathlib
import random
import signal
import textwrap
import time

import pytest

from ctl import horusctl  # First: it finds `running`.
from running import PYTHON, Running, own_base, program, run, until

# Where tools/dev/setup puts what tests/interop/requirements.txt names.
PACKAGES = pathlib.Path(os.path.expanduser("~/.cache/horus/recordings"))

ROBOT = textwrap.dedent("""
    import horus
    def drive(node):
        i = drive.i = drive.i + 1
        node.send("cmd", horus.CmdVel(linear=i, angular=0.5))
        node.send("odom", horus.Odometry(x=i, y=2.0, theta=0.0))
        node.send("scan", horus.LaserScan(ranges=[1.0, 2.0, float(i)]))
        node.send("state", {"i": i})
        if i % 5 == 0:
            node.send("camera", horus.Image(8, 8, "rgb8"))
            node.send("lidar", horus.PointCloud(10, 3))
    drive.i = 0
    horus.run(horus.Node("driver", drive, rate=100))
""")

# The reader of another project, with its own checks.
READER = textwrap.dedent("""
    import json, sys
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory
    # "/state" and its like are JSON, which needs no decoder of theirs.
    found = {}
    with open(sys.argv[1], "rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        for schema, channel, message in reader.iter_messages():
            topic = found.setdefault(channel.topic, {"schema": schema and schema.name, "n": 0})
            topic["n"] += 1
        for schema, channel, message, value in reader.iter_decoded_messages(
                topics=["/cmd", "/odom", "/scan", "/camera", "/lidar"]):
            topic = found[channel.topic]
            if channel.topic == "/cmd":
                topic.setdefault("linear", []).append(value.linear)
            if channel.topic == "/odom":
                topic["y"] = value.pose.position.y
            if channel.topic == "/scan":
                topic["range"] = value.ranges[1]
            if channel.topic == "/camera":
                topic["size"] = [value.width, value.height, value.encoding, len(value.data)]
            if channel.topic == "/lidar":
                topic["fields"] = [field.name for field in value.fields]
        found["count"] = summary.statistics.message_count
    print(json.dumps(found))
""")


@pytest.fixture
def base():
    with own_base() as environment:
        yield environment


@pytest.fixture
def robot(base):
    with Running([PYTHON, "-c", ROBOT], base) as running:
        until(lambda: "lidar" in horusctl(base, "topic", "list").stdout, "it sends", running)
        yield base
        assert running.stop(signal.SIGTERM) is not None


def recorded(base, path, *words, seconds="1.5"):
    done = horusctl(base, "record", "-o", str(path), "--min-free", "0", "--for", seconds, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_others(path):
    if not (PACKAGES / "mcap").is_dir():
        pytest.skip(f"no mcap in {PACKAGES}: tools/dev/setup installs it")
    done = run([PYTHON, "-c", READER, str(path)], {"PYTHONPATH": str(PACKAGES)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("option", [[], ["--no-compression"]])
def test_another_project_s_reader_finds_every_message(robot, tmp_path, option):
    path = tmp_path / "run.mcap"
    # Lines of log are there where a loaded machine makes the robot late.
    said = recorded(robot, path, "--exclude", "horus/*", *option)
    found = by_others(path)
    messages = found.pop("count")
    assert f"{path}: {messages} messages of 6 topics" in said
    assert sum(topic["n"] for topic in found.values()) == messages
    assert {topic: one["schema"] for topic, one in found.items()} == {
        "/cmd": "horus.CmdVel", "/odom": "foxglove.PoseInFrame", "/scan": "foxglove.LaserScan",
        "/state": None, "/camera": "foxglove.RawImage", "/lidar": "foxglove.PointCloud"}
    linear = found["/cmd"]["linear"]
    assert linear == sorted(linear) and len(set(linear)) == len(linear)
    if "cmd" not in said:  # Where a loaded machine kept the recorder from its messages, it says so.
        assert linear == list(range(int(linear[0]), int(linear[0]) + len(linear)))
    assert found["/odom"]["y"] == 2.0 and found["/scan"]["range"] == 2.0
    assert found["/camera"]["size"] == [8, 8, "rgb8", 192]
    assert found["/lidar"]["fields"] == ["x", "y", "z"]


def test_info_and_check_say_what_is_in_a_file(robot, tmp_path):
    path = tmp_path / "run.mcap"
    said = recorded(robot, path, "cmd", "st*", seconds="1")
    info = horusctl(robot, "record", "info", str(path))
    assert info.returncode == 0
    assert " /cmd " in info.stdout and "horus.CmdVel" in info.stdout and "/odom" not in info.stdout
    lines = [json.loads(line)
             for line in horusctl(robot, "record", "info", str(path), "--json").stdout.splitlines()]
    missing = {line["topic"]: line["missing"] for line in lines}
    assert set(missing) == {"/cmd", "/state"}
    if "overwritten" not in said:  # As a loaded machine may have it, and then it is said.
        assert missing == {"/cmd": 0, "/state": 0}
    check = horusctl(robot, "record", "check", str(path))
    assert check.returncode == 0 and check.stdout.endswith(", whole\n")


def test_a_file_that_was_cut_off_is_recovered(robot, tmp_path):
    path = tmp_path / "run.mcap"
    recorded(robot, path, seconds="3")
    whole = path.read_bytes()
    cut = tmp_path / "cut.mcap"
    random.seed(1)
    for size in [random.randrange(8, len(whole)) for _ in range(10)]:
        cut.write_bytes(whole[:size])
        check = horusctl(robot, "record", "check", str(cut))
        assert check.returncode == 1 and "record recover" in check.stdout
        recovered = tmp_path / f"recovered_{size}.mcap"
        done = horusctl(robot, "record", "recover", str(cut), "-o", str(recovered))
        assert done.returncode == 0, done.stderr
        assert horusctl(robot, "record", "check", str(recovered)).returncode == 0
        messages = int(check.stdout.split(": ")[1].split()[0])
        assert f"{messages} messages" in done.stdout, "all that was whole"
    again = horusctl(robot, "record", "recover", str(cut), "-o", str(recovered))
    assert again.returncode == 1 and "File exists" in again.stderr


def test_files_are_split_and_the_newest_kept(robot, tmp_path):
    (tmp_path / "run_1.mcap").write_text("of a former recording")
    recorded(robot, tmp_path / "run.mcap", "--split", "1s", "--keep", "2", seconds="5")
    assert (tmp_path / "run_1.mcap").read_text() == "of a former recording"
    (tmp_path / "run_1.mcap").unlink()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and "run_0.mcap" not in [file.name for file in files]
    for file in files:
        assert horusctl(robot, "record", "check", str(file)).returncode == 0
        assert horusctl(robot, "record", "info", str(file)).stdout.count(" Hz ") >= 1


def test_a_topic_whose_publisher_died_is_recorded_once(base, tmp_path):
    with Running([PYTHON, "-c", ROBOT], base) as dead:
        until(lambda: "cmd" in horusctl(base, "topic", "list").stdout, "it sends", dead)
        path = tmp_path / "run.mcap"
        with Running([program("horusctl"), "record", "-o", str(path), "--min-free", "0", "cmd"],
                     base) as recorder:
            until(lambda: path.exists() and '"messages"' in horusctl(
                base, "record", "info", str(path), "--json").stdout, "it has messages", recorder)
            assert dead.stop(signal.SIGKILL) == -signal.SIGKILL
            # Beyond the second after which a topic that nobody sends on is let go, twice.
            time.sleep(3)
            assert recorder.stop(signal.SIGINT) == 0
    [line] = [json.loads(one) for one in horusctl(
        base, "record", "info", str(path), "--json").stdout.splitlines()]
    linear = by_others(path)["/cmd"]["linear"]
    assert len(set(linear)) == len(linear) == line["messages"]


def test_a_recorder_that_is_killed_leaves_what_it_wrote(robot, tmp_path):
    path = tmp_path / "run.mcap"
    with Running([program("horusctl"), "record", "-o", str(path), "--min-free", "0"],
                 robot) as recorder:
        until(lambda: path.exists() and path.stat().st_size > 20000, "it has written", recorder)
        assert recorder.stop(signal.SIGKILL) == -signal.SIGKILL
    recovered = tmp_path / "again.mcap"
    assert horusctl(robot, "record", "recover", str(path), "-o", str(recovered)).returncode == 0
    check = horusctl(robot, "record", "check", str(recovered))
    assert check.returncode == 0 and int(check.stdout.split(": ")[1].split()[0]) > 100


def test_a_full_disk_pauses_a_recording_and_is_said(robot, tmp_path):
    path = tmp_path / "run.mcap"
    done = horusctl(robot, "record", "-o", str(path), "--min-free", "1000000 GiB", "--for", "2s")
    assert done.returncode != 0
    assert "recording pauses" in done.stderr and "min_free" in done.stderr
    assert "were lost since the disk was too slow or full" in done.stdout
    lines = [json.loads(line) for line in horusctl(
        robot, "record", "info", str(path), "--json").stdout.splitlines()]
    lost = {line["topic"]: line["lost"] for line in lines}
    assert lost["/cmd"] > 0 and lost["/state"] > 0
    assert f"{lost['/cmd']} lost at the disk" in horusctl(robot, "record", "info", str(path)).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own is mounted")
def test_a_disk_that_is_full_for_a_while_costs_what_came_meanwhile(robot, tmp_path):
    script = (f"mount -t tmpfs -o size=4m none {tmp_path} && "
              f"head -c 3900k /dev/zero > {tmp_path}/other; exec \"$@\"")
    command = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh",
               program("horusctl"), "record", "-o", f"{tmp_path}/run.mcap", "--min-free", "0",
               "--no-compression"]
    with Running(command, robot) as recorder:
        inside = pathlib.Path(f"/proc/{recorder.pid}/root{tmp_path}")
        until(lambda: "recording pauses: write" in recorder.text(), "it is full", recorder)
        until(lambda: "runs without a file to write to" in horusctl(robot, "status").stdout,
              "it is told", recorder)
        (inside / "other").unlink()
        until(lambda: "recording goes on" in recorder.text(), "there is room", recorder)
        until(lambda: "a file to write to" not in horusctl(robot, "status").stdout,
              "the robot is well", recorder)
        copy = tmp_path / "copy.mcap"
        held = os.open(inside / "run.mcap", os.O_RDONLY)
        assert recorder.stop(signal.SIGTERM) == 0
        with os.fdopen(held, "rb") as file:
            copy.write_bytes(file.read())
    assert horusctl(robot, "record", "check", str(copy)).returncode == 0


@pytest.mark.parametrize("words, says", [
    (["info"], "one file is wanted"),
    (["check", "a", "b"], "one file is wanted"),
    (["--for", "soon"], "--for takes a time"),
    (["--split", "7"], "--split takes a size or a time"),
    (["--keep", "3"], "--keep is of files that --split or --last makes"),
    (["--min-free", "much"], "--min-free takes a size")])
def test_wrong_words_are_told(base, words, says):
    done = horusctl(base, "record", *words)
    assert done.returncode == 2 and says in done.stderr


def test_no_recording_is_told(base, tmp_path):
    text = tmp_path / "text.mcap"
    text.write_text("no recording at all")
    for word in ("info", "check", "recover"):
        done = horusctl(base, "record", word, str(text))
        assert done.returncode == 1 and "no MCAP file" in done.stderr
        assert horusctl(base, "record", word, str(tmp_path / "none")).returncode != 0


def test_a_file_that_is_there_stays(base, tmp_path):
    path = tmp_path / "run.mcap"
    path.write_text("mine")
    done = horusctl(base, "record", "-o", str(path), "--for", "1s")
    assert done.returncode == 1 and "create recording" in done.stderr
    assert path.read_text() == "mine"
