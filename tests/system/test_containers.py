# SPDX-License-Identifier: Apache-2.0
"""What a container has: a small /dev/shm, no rights, pids of its own, no systemd. The rover drives
there, and says what to pass for more."""
import contextlib
import json
import os
import shlex
import signal

import pytest

from running import NOBODY, PYTHON, ROVER, Running, own_base, program, run

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root to make namespaces")

SMALL = "mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm"


def contained(script, *, mounts=True):
    """`script` in pid and, unless they are shared, mount namespaces of its own."""
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*alone, "sh", "-euc", f"{SMALL}\n{script}" if mounts else script]


def environment_of(environment):
    """There is no systemd, and shared memory is where the container's is."""
    left_out = ("HORUS_BASE", "NOTIFY_SOCKET", "XDG_RUNTIME_DIR", "INVOCATION_ID")
    return {name: value for name, value in environment.items() if name not in left_out}


def drive(rights=""):
    """The rover until all are ready, as one script; the status is its last line."""
    horus = shlex.quote(program("horus"))
    return contained(f"""
        {rights} {horus} launch {shlex.quote(str(ROVER))} >/dev/shm/said 2>&1 &
        {rights} {horus} status --wait >&2 || [ $? -eq 1 ]
        {rights} {horus} status --json || true
        {rights} {horus} doctor || true
        kill $!
        wait $! && cat /dev/shm/said""")


def test_the_rover_drives_in_64_mb_of_shared_memory():
    with own_base() as environment:
        done = run(drive(), environment_of(environment), cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[0])["ready"], done.stdout
    assert "/dev/shm: 64 MiB" in done.stdout
    assert "docker run --shm-size" in done.stdout


def test_the_rover_drives_without_rights_and_says_what_to_pass():
    """An ordinary user without capabilities and limits."""
    rights = (f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --bounding-set=-all "
              "prlimit --rtprio=0:0 --memlock=65536:65536")
    with own_base() as environment:
        done = run(drive(rights), environment_of(environment), cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[0])["ready"], done.stdout
    for passed in ("--cap-add SYS_NICE --ulimit rtprio=80", "--ulimit memlock=-1",
                   "--device /dev/cpu_dma_latency"):
        assert passed in done.stdout, f"{passed}\n{done.stdout}"


TALK = """
import horus, sys
hello = horus.Topic("hello")
{body}
"""
SENDS = """
import itertools, time
for number in itertools.count():
    hello.send({"number": number})
    time.sleep(0.01)
"""
TAKES = """
import time
taken = []
while len(taken) < 3:
    taken += [message["number"] for message in hello.recv_all()]
    time.sleep(0.01)
print(*taken[:3])
"""


@contextlib.contextmanager
def ended(container):
    """A pid 1 is deaf to what it has no handler for."""
    try:
        yield container
    finally:
        container.stop(signal.SIGKILL)


def test_pids_of_their_own_part_nobody_who_shares_dev_shm():
    """Both are pid 1 of theirs, and what lives in one container is not swept by the other."""
    def python(body):
        return ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                PYTHON, "-c", TALK.replace("{body}", body)]

    with own_base() as environment, ended(Running(python(SENDS), environment)) as sender:
        for _ in range(2):
            taken = run(python(TAKES), environment)
            assert taken.returncode == 0, taken.stderr + sender.text()
            first, second, third = map(int, taken.stdout.split())
            assert first < second < third
            cleaned = run(contained(shlex.quote(program("horusctl")) + " clean", mounts=False),
                          environment)
            assert "nothing that a dead process left" in cleaned.stdout, cleaned.stdout
        listed = run([program("horusctl"), "topic", "list", "--json"], environment)
        publisher, = json.loads(listed.stdout.splitlines()[0])["publishers"]
        assert publisher["alive"] and publisher["pid"] == 1
