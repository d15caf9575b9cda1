# SPDX-License-Identifier: Apache-2.0
"""Topics between processes: values intact, types checked, received frames read-only."""
import textwrap

import pytest

from running import BUILD, PYTHON, Running, own_base, run, until


def python(source):
    return [PYTHON, "-c", textwrap.dedent(source)]


def test_a_cmd_vel_goes_from_cpp_to_python_and_back_intact():
    mirror = python("""
        import horus
        def tick(node):
            for order in node.recv_all("there"):
                node.send("back", horus.CmdVel(order.linear, order.angular, order.timestamp_ns))
        horus.run(horus.Node(name="mirror", tick=tick, rate=200, subs={"there": horus.CmdVel},
                             pubs={"back": horus.CmdVel}))
    """)
    with own_base() as environment, Running(mirror, environment) as python_side:
        done = run([str(BUILD / "tests/round_trip")], environment)
        assert done.returncode == 0, done.stdout + done.stderr + python_side.text()
        assert done.stdout == "100 orders went there and back intact\n"
        assert python_side.stop() == 0, python_side.text()


def test_opening_a_topic_with_another_type_names_both():
    with own_base() as environment:
        done = run(python("""
            import horus
            first = horus.Topic(horus.CmdVel)
            try:
                second = horus.Topic(horus.Imu, endpoint="cmd_vel")
            except TypeError as error:
                print(error)
        """), environment)
        assert done.returncode == 0, done.stderr
        assert "CmdVel" in done.stdout and "Imu" in done.stdout


def test_opening_a_topic_of_another_process_with_another_type_names_both():
    with own_base() as environment:
        holder = python("""
            import horus, signal
            topic = horus.Topic(horus.CmdVel)
            topic.send(horus.CmdVel(1.0, 0.5))
            print("open", flush=True)
            signal.pause()
        """)
        with Running(holder, environment) as other:
            until(lambda: "open" in other.text(), "open", other)
            done = run(python("""
                import horus
                try:
                    horus.Topic(horus.Imu, endpoint="cmd_vel")
                except TypeError as error:
                    print(error)
            """), environment)
        assert done.returncode == 0, done.stderr
        assert "CmdVel" in done.stdout and "Imu" in done.stdout


@pytest.fixture
def frames():
    """An environment where another process sends frames on `camera`."""
    camera = python("""
        import numpy as np
        import horus
        def tick(node):
            node.send("camera", horus.Image.from_numpy(np.full((48, 64, 3), 7, dtype=np.uint8)))
        horus.run(horus.Node(name="camera", tick=tick, rate=50, pubs={"camera": horus.Image}))
    """)
    with own_base() as environment, Running(camera, environment):
        yield environment


def test_a_received_frame_cannot_be_written(frames):
    done = run(python("""
        import horus
        import numpy as np
        topic = horus.Topic(horus.Image, endpoint="camera")
        frame = None
        while frame is None:
            topic.wait(1.0)
            frame = topic.recv()
        pixels = frame.to_numpy()
        assert pixels.shape == (48, 64, 3) and (pixels == 7).all()
        assert not pixels.flags.writeable
        attempts = {
            "to_numpy": lambda: pixels.__setitem__((0, 0, 0), 1),
            "from_dlpack": lambda: np.from_dlpack(frame).__setitem__((0, 0, 0), 1),
            "set_pixel": lambda: frame.set_pixel(0, 0, (1, 1, 1)),
            "fill": lambda: frame.fill((1, 1, 1)),
            "flags": lambda: pixels.setflags(write=True),
        }
        for name, attempt in attempts.items():
            try:
                attempt()
            except (ValueError, BufferError) as error:
                print(name, type(error).__name__)
            else:
                raise AssertionError(name + " wrote into a received frame")
        mine = frame.copy()
        mine.to_numpy()[0, 0, 0] = 1
    """), frames)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ValueError") == 5


def test_another_process_s_frames_are_mapped_read_only(frames):
    done = run(python("""
        import horus, os
        topic = horus.Topic(horus.Image, endpoint="camera")
        frame = None
        while frame is None:
            topic.wait(1.0)
            frame = topic.recv()
        for line in open("/proc/self/maps"):
            if ".pool" in line or ".ring" in line:
                words = line.split()
                print(words[1], os.path.basename(words[5]).split("-")[0] == str(os.getpid()))
    """), frames)
    assert done.returncode == 0, done.stderr
    foreign = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("False")]
    assert foreign and all(permissions == "r--s" for permissions in foreign), done.stdout
