# SPDX-License-Identifier: Apache-2.0
"""One frame of a C++ camera in two Python processes: the same physical pages, read-only, held for
as long as each wants, and given back when one is killed."""
import contextlib
import json
import os
import signal
import subprocess

import pytest

from running import BUILD, PYTHON, WATCHDOG, own_base, run, until

HEIGHT, WIDTH = 1080, 1920
BLOCKS = 16  # Of a pool.

# Does what its input says, a line each, and answers with a line of JSON.
VIEWER = """if True:
    import json, os, struct, sys
    import numpy as np
    import horus

    topic = horus.Topic(horus.Image, endpoint="camera")
    held, view, kept = None, None, []

    def in_place(image):
        return image.as_tensor().pool_id is not None

    def page_frames(address, size):
        page = os.sysconf("SC_PAGE_SIZE")
        with open("/proc/self/pagemap", "rb") as pagemap:
            pagemap.seek(address // page * 8)
            entries = pagemap.read(size // page * 8)
        # Bits 0 to 54 are the page frame number; 63: present. Documentation/admin-guide/mm/pagemap.
        return [entry & ((1 << 55) - 1) for entry, in struct.iter_unpack("Q", entries)]

    def answer(word):
        global held, view
        if word == "take":
            found = topic.wait(60) and topic.read_latest()
            return bool(found) and in_place(found)
        if word == "hold":
            while not (topic.wait(60) and (held := topic.read_latest())):
                pass
            view = np.from_dlpack(held)
            return [held.shape, int(view[0, 0, 0]), in_place(held)]
        if word == "look":
            return [int(view.min()), int(view.max())]
        if word == "same":
            return bool(view.ctypes.data == held.to_numpy().ctypes.data
                        == held.__array_interface__["data"][0])
        if word == "write":
            answers = []
            for write in (lambda: view.__setitem__(0, 1), lambda: held.fill(1),
                          lambda: held.to_numpy().__setitem__(0, 1),
                          lambda: memoryview(held).cast("B").__setitem__(0, 1)):
                try:
                    write()
                    answers.append("written")
                except (ValueError, TypeError, BufferError) as error:
                    answers.append(type(error).__name__)
            with open("/dev/zero", "rb", buffering=0) as zero:
                libc = __import__("ctypes").CDLL(None, use_errno=True)
                answers.append(libc.read(zero.fileno(), __import__("ctypes").c_void_p(
                    view.ctypes.data), 1))
            return answers
        if word == "keep":  # One frame more, with those that are kept already.
            while not (topic.wait(60) and (frame := topic.read_latest())):
                pass
            kept.append(frame)
            return frame.as_tensor().to_descriptor()[:8].hex()
        if word == "block":
            return held.as_tensor().to_descriptor()[:8].hex()  # The pool and the place in it.
        if word == "pages":
            int(view[::1, ::64].sum())  # Every page has been looked at.
            return page_frames(view.ctypes.data, view.nbytes)

    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)
"""


class Dialogue:
    """A program that answers lines with lines; killed with the block."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        assert self.line() == "ready"
        return self

    def __exit__(self, *_):
        self.kill()

    def line(self):
        return self.process.stdout.readline().strip()

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.line()

    def json(self, text):
        return json.loads(self.ask(text))

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(WATCHDOG)


@contextlib.contextmanager
def camera_and_viewers(count):
    with own_base() as environment, contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(Dialogue([PYTHON, "-c", VIEWER], environment))
                   for _ in range(count)]
        camera = stack.enter_context(Dialogue(
            [str(BUILD / "bin/shm_child"), "camera", environment["HORUS_BASE"], "camera"],
            environment))
        show = Camera(camera)

        def received_in_place():
            show(0)
            return all([viewer.json("take") for viewer in viewers])

        # Until the camera knows who holds, frames arrive as copies.
        until(received_in_place, "received in place")
        yield show, viewers


class Camera:
    def __init__(self, dialogue):
        self.dialogue = dialogue

    def __call__(self, colour):
        assert self.dialogue.ask(f"{colour} {HEIGHT} {WIDTH}") == "sent"


def test_two_processes_look_at_the_same_frame_and_cannot_write():
    with camera_and_viewers(2) as (show, viewers):
        show(7)
        for viewer in viewers:
            assert viewer.json("hold") == [[HEIGHT, WIDTH, 3], 7, True]
            assert viewer.json("look") == [7, 7]
            assert viewer.json("same") is True
            # The last one is the kernel, asked to write there: EFAULT.
            assert viewer.json("write") == ["ValueError"] * 3 + ["TypeError", -1]
        pages = [viewer.json("pages") for viewer in viewers]
        assert len(pages[0]) == HEIGHT * WIDTH * 3 // os.sysconf("SC_PAGE_SIZE")
        if not any(pages[0]):
            pytest.skip("page frame numbers are shown to root only")
        assert all(pages[0]) and pages[0] == pages[1]


def test_each_holds_its_frame_while_the_camera_goes_on():
    with camera_and_viewers(2) as (show, viewers):
        show(1)
        assert viewers[0].json("hold")[1] == 1
        show(2)
        assert viewers[1].json("hold")[1] == 2
        for colour in range(100, 100 + 3 * BLOCKS):
            show(colour)
        assert viewers[0].json("look") == [1, 1]
        assert viewers[1].json("look") == [2, 2]


def test_a_viewer_that_is_killed_gives_its_frame_back():
    with camera_and_viewers(2) as (show, (victim, other)):
        show(1)
        assert victim.json("hold")[1] == 1
        held = victim.json("block")

        def next_block():
            show(2)
            return other.json("keep")

        assert held not in [next_block() for _ in range(2 * BLOCKS)]
        victim.kill()
        # What is free is used before there is more, and all of it is kept.
        until(lambda: next_block() == held, "used the block again")


def test_receiving_a_frame_takes_no_longer_for_more_pixels():
    done = run([PYTHON, "-c", """if True:
        import statistics, time, horus
        def median(height, width):
            topic = horus.Topic(horus.Image, endpoint=f"size/{height}")
            image = horus.Image(height, width)
            def once():
                topic.send(image)
                start = time.perf_counter_ns()
                received = topic.recv()
                return time.perf_counter_ns() - start, received
            while not ((first := once()[1]) and first.as_tensor().pool_id is not None):
                time.sleep(0.001)
            del first
            return statistics.median(once()[0] for _ in range(500))
        small, large = median(48, 64), median(1080, 1920)
        print(small, large)
        assert large < 5 * small + 5000
    """], os.environ | {"PYTHONPATH": str(BUILD / "python")})
    assert done.returncode == 0, done.stdout + done.stderr
