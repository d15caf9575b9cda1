# SPDX-License-Identifier: Apache-2.0
"""What a user's own processes do to each other's topics: forks, deaths, thousands of topics."""
import os
import re
import signal
import textwrap

import pytest

from running import BUILD, PYTHON, Running, files_below, own_base, program, run, until

CAMERA = """
    import numpy as np
    import horus
    def tick(node):
        node.send("camera", horus.Image.from_numpy(np.full((48, 64, 3), 7, dtype=np.uint8)))
    horus.run(horus.Node(name="camera", tick=tick, rate=50, pubs={"camera": horus.Image}))
"""
# Holds a frame and a topic, then forks as multiprocessing does; the child uses its copies.
HOLDER = """
    import multiprocessing
    import time
    import horus

    orders = horus.Topic(horus.CmdVel)
    camera = horus.Topic(horus.Image, endpoint="camera")
    held = []
    while len(held) < 3:
        camera.wait(1.0)
        frame = camera.recv()
        if frame is not None:
            held.append(frame)

    def stay():
        orders.send(horus.CmdVel(1.0, 0.5))
        print("child", flush=True)
        time.sleep(600)

    orders.send(horus.CmdVel(0.0, 0.0))
    child = multiprocessing.get_context("fork").Process(target=stay)
    child.start()
    print("pid", child.pid, flush=True)
    child.join()
"""


def python(source):
    return [PYTHON, "-c", textwrap.dedent(source)]


def files_of(base, pid):
    return [path for path in files_below(base)
            if os.path.basename(path).startswith(f"{pid}-") or f".{pid}-" in path]


def test_f61_the_fork_of_a_dead_python_process_keeps_none_of_its_locks_and_holds():
    with own_base() as environment, Running(python(CAMERA), environment) as camera:
        base = environment["HORUS_BASE"]
        with Running(python(HOLDER), environment) as holder:
            until(lambda: "child" in holder.text() and "pid" in holder.text(), "forked", holder)
            child = int(holder.text().split("pid", 1)[1].split()[0])
            try:
                kinds = {path.rsplit(".", 1)[1] for path in files_of(base, holder.pid)}
                assert {"ring", "sub", "hold", "bell"} <= kinds
                assert holder.stop(signal.SIGKILL) == -signal.SIGKILL
                os.kill(child, 0)
                # Whoever comes next sweeps what nobody's lock protects.
                done = run(python("import horus; horus.Topic(horus.CmdVel, endpoint='other')"),
                           environment)
                assert done.returncode == 0, done.stderr
                assert files_of(base, holder.pid) == []
                os.kill(child, 0)
            finally:
                os.kill(child, signal.SIGKILL)
        # The camera goes on, in one pool: the dead process's blocks are free again.
        until(lambda: len([path for path in files_below(base) if path.endswith(".pool")]) == 1,
              "one pool", camera)


def test_ten_thousand_topics_are_listed():
    actor = BUILD / "bin/shm_actor"
    if not actor.exists():
        pytest.skip("the C++ tests are not built")
    each = 2500
    with own_base() as environment:
        base = environment["HORUS_BASE"]
        owners = []
        try:
            for first in range(0, 4 * each, each):
                # Its input stays open as long as the test's does.
                owner = Running(["sh", "-c", f"sleep 600 | exec '{actor}' topics {base} {first} "
                                 f"{each}"], environment)
                owners.append(owner)
                # Not just any text: a topic that nobody receives is told meanwhile.
                until(lambda: re.search(r"^(\d+|.*\(24\).*)$", owner.text(), re.M), "topics", owner)
                if "(24)" in owner.text():
                    pytest.skip(f"the limit of open files is too low: {owner.text()}")
            shown = run([program("horusctl"), "topic", "list"], environment)
            assert shown.returncode == 0, shown.stderr
            assert shown.stdout.count("many/") == 4 * each
        finally:
            for owner in owners:
                os.killpg(owner.pid, signal.SIGKILL)
                owner.wait()
