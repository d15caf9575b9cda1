# SPDX-License-Identifier: Apache-2.0
"""record() and open_recording(): every message of every kind comes back as it was sent."""
import os

import numpy as np
import pytest

import horus
from running import own_base, run, until
from snippet import ended, program


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.mcap"


def test_messages_values_and_frames_come_back_as_they_were_sent(path):
    motor = horus.Topic("rec/cmd", msg_type=horus.CmdVel)
    values, camera = horus.Topic("rec/values"), horus.Topic("rec/camera", msg_type=horus.Image)
    orders = [horus.CmdVel(linear=i, angular=-i, timestamp_ns=1000 + i) for i in range(50)]
    dicts = [{"i": i, "text": "grün", "list": [1, None, 2.5]} for i in range(50)]
    image = horus.Image(4, 6, "rgb8")
    pixels = np.arange(72, dtype="uint8").reshape(4, 6, 3)
    with horus.record(path, "rec/*") as recorder:
        assert recorder.is_recording() and recorder.path == str(path)
        for order, value in zip(orders, dicts):
            motor.send(order)
            values.send(value)
        image.to_numpy()[:] = pixels
        camera.send(image)
    assert not recorder.is_recording()

    run = horus.open_recording(path)
    assert run.whole
    assert run.topics == {"rec/cmd": "CmdVel", "rec/values": "generic", "rec/camera": "Image"}
    sent = list(run.messages("rec/cmd"))
    assert [one.value for one in sent] == orders
    assert [one.number for one in sent] == list(range(50))
    assert [one.sent_ns for one in sent] == [order.timestamp_ns for order in orders]
    assert [one.value for one in run.messages(["rec/values"])] == dicts
    [frame] = [one.value for one in run.messages("rec/camera")]
    assert (frame.encoding, frame.shape, frame.timestamp_ns) == ("rgb8", (4, 6, 3),
                                                                 image.timestamp_ns)
    assert (frame.to_numpy() == pixels).all()
    assert len(list(run)) == 101
    assert run.notes["horus.missed"] == {"/rec/cmd": "0", "/rec/values": "0", "/rec/camera": "0"}
    assert run.clock["realtime_ns"] > run.clock["monotonic_ns"] > 0


def test_an_array_has_the_fields_as_columns(path):
    motor = horus.Topic("rec2/cmd", msg_type=horus.CmdVel)
    values = horus.Topic("rec2/values")
    with horus.record(path, ["rec2/cmd", "rec2/values"], compression=False):
        for i in range(20):
            motor.send(horus.CmdVel(linear=i, angular=0.5))
        values.send({"a": 1})
    run = horus.open_recording(path)
    table = run.array("rec2/cmd")
    assert table["linear"].tolist() == list(range(20)) and (table["angular"] == 0.5).all()
    assert (np.diff(table["time_ns"].astype("i8")) >= 0).all()
    with pytest.raises(TypeError, match="no fixed layout"):
        run.array("rec2/values")
    with pytest.raises(horus.HorusNotFoundError, match="no message of topic 'rec2/no'"):
        run.array("rec2/no")


def chunks_of(data):
    """Where each chunk of a file begins."""
    at = 8
    while at + 9 < len(data):
        if data[at] == 6:
            yield at
        at += 9 + int.from_bytes(data[at + 1:at + 9], "little")


def test_what_cannot_be_read_is_counted_and_the_rest_is_read(path):
    values = horus.Topic("rec4/values")
    with horus.record(path, "rec4/values", compression=False):
        for i in range(3):
            values.send({"number": i})
    damaged = bytearray(path.read_bytes().replace(b'"number":1', b'"number":?'))
    path.write_bytes(damaged)
    run = horus.open_recording(path)
    assert len(list(run)) < 3 and run.damaged == 1, "a chunk whose checksum is wrong"
    for chunk in chunks_of(damaged):
        damaged[chunk + 33:chunk + 37] = bytes(4)  # Its writer kept no checksum.
    path.write_bytes(damaged)
    run = horus.open_recording(path)
    assert [one.value for one in run] == [{"number": 0}, {"number": 2}] and run.damaged == 1


def test_a_tensor_of_bfloat16_is_read_as_words():
    payload = horus.RecordedPayload("Tensor", "bfloat16", (2, 1), b"\x80\x3f\x00\x40")
    assert payload.to_numpy().tolist() == [[0x3f80], [0x4000]]


def test_a_disk_without_the_wanted_room_is_told_at_the_end(path):
    motor = horus.Topic("rec5/cmd", msg_type=horus.CmdVel)
    recorder = horus.record(path, "rec5/cmd", min_free=1 << 60)
    motor.send(horus.CmdVel(linear=1, angular=0))
    with pytest.raises(RuntimeError, match="min_free"):
        recorder.stop()


def test_a_ctrl_c_of_the_terminal_is_the_program_s(path):
    with horus.record(path) as recorder:
        assert os.getpgid(recorder._process.pid) != os.getpgrp()


def test_what_is_excluded_is_not_there(path):
    one, other = horus.Topic("rec3/one"), horus.Topic("rec3/other")
    with horus.record(path, "rec3/*", exclude="*/other"):
        one.send({"a": 1})
        other.send({"b": 1})
    assert set(horus.open_recording(path).topics) == {"rec3/one"}


def test_a_file_that_is_there_is_not_touched(path):
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        horus.record(path)
    assert path.read_text() == "mine"
    with pytest.raises(RuntimeError, match="no MCAP file"):
        horus.open_recording(path)
    with pytest.raises(FileNotFoundError):
        horus.open_recording(path.with_name("none.mcap"))
    with pytest.raises(RuntimeError, match="create recording"):
        horus.record(path.parent / "no" / "run.mcap")


def test_what_a_killed_recorder_wrote_is_read(path):
    done = ended("""
        import os, signal, sys, time, horus
        topic = horus.Topic("cmd", msg_type=horus.CmdVel)
        recorder = horus.record(sys.argv[1])
        size, i = os.path.getsize(sys.argv[1]), 0
        while os.path.getsize(sys.argv[1]) == size or i < 10:  # Until a chunk is there.
            topic.send(horus.CmdVel(linear=i, angular=0))
            i += 1
            time.sleep(0.1)
        os.kill(recorder._process.pid, signal.SIGKILL)
        try:
            recorder.stop()
        except RuntimeError as error:
            print("stopped:", error)
        run = horus.open_recording(sys.argv[1])
        got = [message.value.linear for message in run.messages("cmd")]
        assert got == list(range(len(got))) and got, got
        print(run.whole)
    """, str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False" and "stopped: recording" in done.stdout


def test_a_message_class_of_one_s_own_reads_as_its_fields(path):
    done = ended("""
        import sys, horus
        @horus.message
        class Wheel:
            speed: "f4"
            slip: "f4[2]"
        topic = horus.Topic("wheel", msg_type=Wheel)
        with horus.record(sys.argv[1]):
            topic.send(Wheel(speed=1.5, slip=[0.25, 0.5]))
        [one] = horus.open_recording(sys.argv[1]).messages("wheel")
        print(one.type, one.value)
    """, str(path))
    assert done.stdout == "Wheel {'speed': 1.5, 'slip': [0.25, 0.5]}\n", done.stderr


def test_a_recorder_ends_its_file_with_its_program(path):
    with own_base() as environment:  # Longer than the program: the recorder looks at its topics.
        done = run([*program("""
            import os, sys, horus
            topic = horus.Topic("cmd", msg_type=horus.CmdVel)
            recorder = horus.record(sys.argv[1])
            topic.send(horus.CmdVel(linear=1, angular=0))
            os._exit(0)
        """), str(path)], environment)
        assert done.returncode == 0, done.stderr
        until(lambda: horus.open_recording(path).whole, "the file has its end")
    assert len(list(horus.open_recording(path))) == 1


def test_lines_of_log_are_a_topic(path):
    done = ended("""
        import os, pathlib, sys, horus
        page = pathlib.Path(os.environ["HORUS_BASE"], "hosts", "robot.log")
        def tick(node):
            node.log_warning("grün")
            if "grün".encode() in page.read_bytes():
                recorder.stop()
                node.request_stop()
        recorder = horus.record(sys.argv[1])
        horus.run(horus.Node("driver", tick, rate=50), name="robot")
    """, str(path))
    assert done.returncode == 0, done.stderr
    run = horus.open_recording(path)
    assert run.topics["horus/log"] == "log"
    lines = [one.value for one in run.messages("horus/log")]
    line = {"level": "warning", "text": "grün", "host": "robot", "node": "driver"}
    ticks = [one["tick"] for one in lines if one | line == one]
    assert ticks and ticks == sorted(ticks), lines
    assert [one.number for one in run.messages("horus/log")] == list(range(len(lines)))


def test_what_black_boxes_say_is_a_topic_and_each_event_is_there_once(path):
    done = ended("""
        import sys, horus
        def begin(life):
            ticks = []
            def tick(node):
                ticks.append(node)
                if len(ticks) == 1:
                    raise ValueError(f"bent {life}")
                events = [one.value for one in horus.open_recording(sys.argv[1]).messages()
                          if one.topic == "horus/events"]
                if any(f"bent {life}" in event["text"] for event in events):
                    node.request_stop()
            return horus.Node("driver", tick, rate=20)
        recorder = horus.record(sys.argv[1])
        for life in range(2):
            horus.run(begin(life), name="robot")
        recorder.stop()
    """, str(path))
    assert done.returncode == 0, done.stderr
    run = horus.open_recording(path)
    assert run.topics["horus/events"] == "event"
    events = [one.value for one in run.messages("horus/events")]
    # Each life has a box of its own: it ended in order, and took the one before with it.
    numbers = [event["sequence"] for event in events]
    second = numbers.index(1, 1)
    assert numbers == [*range(1, second + 1), *range(1, len(numbers) - second + 1)]
    errors = [event for event in events if event["event"] == "error"]
    assert [(event["host"], event["node"], event["tick"], event["text"], event["in_a_row"])
            for event in errors] == [("robot", "driver", 0, f"ValueError: bent {life} (tick 0)", 1)
                                     for life in range(2)]
    ends = [event for event in events if event["event"] == "end"]
    assert [event["code"] for event in ends] == [0, 0], "the end itself is recorded"


def test_what_happened_before_a_recording_began_is_not_in_it(path):
    done = ended("""
        import sys, horus
        ticks, recorders = [], []
        def tick(node):
            ticks.append(node)
            if len(ticks) == 1:
                raise ValueError("early")
            if len(ticks) == 2:
                recorders.append(horus.record(sys.argv[1]))
            if len(ticks) == 3:
                raise ValueError("late")
            told = [one.value["text"] for one in horus.open_recording(sys.argv[1]).messages()
                    if one.topic == "horus/events"]
            if any("late" in text for text in told):
                node.request_stop()
        horus.run(horus.Node("driver", tick, rate=20), name="robot")
        recorders[0].stop()
    """, str(path))
    assert done.returncode == 0, done.stderr
    texts = [one.value["text"] for one in horus.open_recording(path).messages("horus/events")]
    assert any("late" in text for text in texts), texts
    assert not any("early" in text for text in texts), texts


def test_the_last_words_of_a_host_that_ends_are_recorded(path):
    done = ended("""
        import os, sys, time, horus
        def tick(node):
            node.log_info("first")
            # No other topic is there: what has grown has a line of this host.
            if os.path.getsize(sys.argv[1]) > size:
                node.request_stop()
        recorder = horus.record(sys.argv[1])
        size = os.path.getsize(sys.argv[1])
        horus.run(horus.Node("driver", tick, rate=50, shutdown=lambda n: n.log_info("farewell")),
                  name="robot")
        recorder.stop()
    """, str(path))
    assert done.returncode == 0, done.stderr
    said = [one.value["text"] for one in horus.open_recording(path).messages("horus/log")]
    assert "first" in said and "farewell" in said


def test_a_host_that_begins_again_has_all_its_lines_recorded_and_each_once(path):
    done = ended("""
        import sys, horus
        def begin(life, lines):
            def init(node):
                for i in range(lines):
                    node.log_info(f"{life} {i}")
            def tick(node):
                recorded = horus.open_recording(sys.argv[1]).messages("horus/log")
                if f"{life} {lines - 1}" in [one.value["text"] for one in recorded]:
                    node.request_stop()
            return horus.Node("driver", tick, init=init, rate=5)
        recorder = horus.record(sys.argv[1])
        for life in range(3):
            horus.run(begin(life, 20 * (life + 1)), name="robot")
        recorder.stop()
    """, str(path))
    assert done.returncode == 0, done.stderr
    said = [one.value["text"] for one in horus.open_recording(path).messages("horus/log")]
    wanted = [f"{life} {i}" for life in range(3) for i in range(20 * (life + 1))]
    assert [text for text in said if text in wanted] == wanted
