# SPDX-License-Identifier: Apache-2.0
"""Other users of one machine, each in a case of its own: `hostile_users.py CASE`, as root, with
mounts that nobody else sees. Prints one line of JSON: what the test is to judge."""
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from running import BUILD, PYTHON, ROVER, program

SERVICE, HOSTS, STRANGER = 61001, 61002, 61003
GROUP = 61000
BASE = "/dev/shm/horus"
RUN = pathlib.Path("/dev/shm/run")
VICTIM = pathlib.Path("/dev/shm/victim")
HELLO = ("import horus; horus.run(horus.Node(name='n', tick=lambda n: n.send('out', {'v': 1.0}),"
         " rate=100), duration=0.2)")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HORUS_")}
    return kept | {"PYTHONPATH": str(BUILD / "python")} | more


@contextlib.contextmanager
def acting(uid, gid, work):
    """Another process of that user, which has done its work before the block begins."""
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        work()
        os.write(done, b"1")
        signal.pause()
    os.close(done)
    assert os.read(ready, 1) == b"1", "its work failed"
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def victim(owner):
    VICTIM.mkdir(mode=0o700)
    for name in ("type", "a.ring", "b.pool", "c.bell", "d.stats", "e.new", "horusd.lock"):
        (VICTIM / name).write_text("precious")
    os.chown(VICTIM, owner, owner)


def unharmed():
    return (sorted(os.listdir(VICTIM)) == sorted(
        ("type", "a.ring", "b.pool", "c.bell", "d.stats", "e.new", "horusd.lock"))
        and all(path.read_text() == "precious" for path in VICTIM.iterdir()))


def strangers_base():
    """A stranger makes root's base first, with links that lead elsewhere."""
    victim(0)

    def squat():
        base = pathlib.Path("/dev/shm/horus-0")
        (base / "topics").mkdir(parents=True)
        for name in ("topics/evil", "pools", "bells", "hosts", "run", "declared"):
            (base / name).symlink_to(VICTIM)
    with acting(STRANGER, STRANGER, squat):
        python = subprocess.run([PYTHON, "-c", HELLO], env=environment(), capture_output=True,
                                text=True)
        launch = subprocess.run([program("horus-launch"), str(ROVER), "--duration", "1"],
                                env=environment(), capture_output=True, text=True)
    return {"unharmed": unharmed(), "python": [python.returncode, python.stderr],
            "launch": [launch.returncode, launch.stderr]}


def service_base():
    for folder in ("", "/topics", "/pools", "/bells", "/hosts"):
        os.mkdir(BASE + folder)
        os.chown(BASE + folder, SERVICE, GROUP)
        os.chmod(BASE + folder, 0o3770)
    RUN.mkdir()
    os.chown(RUN, SERVICE, GROUP)
    RUN.chmod(0o755)


def daemon(log):
    command = ["setpriv", f"--reuid={SERVICE}", f"--regid={GROUP}", "--clear-groups",
               program("horusd"), "--config", str(ROVER)]
    with open(log, "w") as out:
        return subprocess.Popen(command, stdout=out, stderr=out,
                                env=environment(HORUS_BASE=BASE, RUNTIME_DIRECTORY=str(RUN)))


def ready_daemon(log):
    """A daemon that is ready, or has ended."""
    running = daemon(log)
    while running.poll() is None and "ready:" not in pathlib.Path(log).read_text():
        time.sleep(0.02)
    return running


def service_starts(work):
    """What the daemon says when it starts beside a host's user who has done `work`."""
    log = "/dev/shm/horusd.log"
    with acting(HOSTS, GROUP, work):
        running = ready_daemon(log)
        types = subprocess.run([program("horusctl"), "topic", "list", "--json"], text=True,
                               env=environment(HORUS_BASE=BASE), capture_output=True).stdout
        running.terminate()
        code = running.wait()
    said = pathlib.Path(log).read_text()
    return {"ready": "ready:" in said, "code": code, "log": said, "unharmed": unharmed(),
            "topics": [json.loads(line) for line in types.splitlines()]}


def service_locked():
    """Every folder and lock that the hosts' user can open is locked by him."""
    service_base()
    victim(SERVICE)
    first = ready_daemon("/dev/shm/first.log")
    first.kill()
    first.wait()

    def lock():
        for top in (BASE, RUN):
            for folder, _, names in os.walk(top):
                for path in [folder, *(os.path.join(folder, name) for name in names)]:
                    with contextlib.suppress(OSError):
                        fcntl.flock(os.open(path, os.O_RDONLY | os.O_NONBLOCK), fcntl.LOCK_EX)
    return service_starts(lock)


def service_squatted():
    """Folders and links lie under the names that the daemon wants."""
    service_base()
    victim(SERVICE)

    def squat():
        base = pathlib.Path(BASE)
        (base / "hosts/rover.stats/full").mkdir(parents=True)
        (base / "topics/evil").symlink_to(VICTIM)
        for number in range(0, 32, 2):
            (base / f"topics/{number:02x}").symlink_to(VICTIM)
        (base / "declared").symlink_to(VICTIM)
        (base / "topics/01").mkdir()
        (base / "topics/01/full").mkdir()
    return service_starts(squat)


def service_typed():
    """The hosts' user opens the daemon's topics first, with another type."""
    service_base()
    victim(SERVICE)
    first = ready_daemon("/dev/shm/first.log")
    first.terminate()
    first.wait()

    def open_first():
        os.environ.update(HORUS_BASE=BASE)
        sys.path.insert(0, str(BUILD / "python"))
        import horus
        order = horus.CmdVel(linear=0.1, angular=0.0)
        open_first.kept = [horus.Topic(horus.Twist, endpoint="cmd_vel"),
                           horus.Topic(horus.CmdVel, endpoint="imu")]
        for topic, message in zip(open_first.kept, (horus.Twist(), order), strict=True):
            topic.send(message)
    return service_starts(open_first)


SHARES = """
import os, time, horus
topic = horus.Topic("shared")
print("open", flush=True)
while True:
    topic.send({"u": os.getuid()})
    topic.recv_all()
    time.sleep(.01)
"""


@contextlib.contextmanager
def sharing(uid, log, contained=(), **more):
    """Another user's program, in his default base."""
    with open(log, "wb") as out:
        running = subprocess.Popen([*contained, "setpriv", f"--reuid={uid}", f"--regid={uid}",
                                    "--clear-groups", PYTHON, "-c", SHARES],
                                   stdout=subprocess.PIPE, stderr=out, env=environment(**more))
        assert running.stdout.readline() == b"open\n"
        try:
            yield running.pid
        finally:
            running.kill()
            running.wait()
            running.stdout.close()


def wait_for_text(log, text):
    end = time.monotonic() + 15  # All of them within the test's own time.
    while text not in pathlib.Path(log).read_text():
        if time.monotonic() > end:
            return
        time.sleep(0.05)


def users_apart():
    """Root and two users have the same topic, each in a base that the others cannot read."""
    logs = {uid: f"/dev/shm/{uid}.log" for uid in (0, HOSTS, STRANGER)}
    with sharing(HOSTS, logs[HOSTS]) as first, sharing(STRANGER, logs[STRANGER]) as second, \
            sharing(0, logs[0]) as root:
        for log in logs.values():
            wait_for_text(log, "nobody else is heard in")
    return {"pids": {HOSTS: first, STRANGER: second, 0: root},
            "said": {uid: pathlib.Path(log).read_text() for uid, log in logs.items()}}


def containers_apart():
    """Two users who see neither each other's base nor each other's processes."""
    own = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    logs = {uid: f"/dev/shm/{uid}.log" for uid in (HOSTS, STRANGER)}
    with sharing(HOSTS, logs[HOSTS], own, HORUS_NAMESPACE="left"), \
            sharing(STRANGER, logs[STRANGER], own):
        for log in logs.values():
            wait_for_text(log, "nobody else is heard in")
    return {"said": {uid: pathlib.Path(log).read_text() for uid, log in logs.items()}}


def renumbered():
    """A container's root is a user of the host: each finds the other's base under a number that
    is not its owner's there."""
    base = pathlib.Path("/dev/shm/horus-0")
    base.mkdir(mode=0o700)
    os.chown(base, HOSTS, HOSTS)
    log = f"/dev/shm/{HOSTS}.log"
    with sharing(HOSTS, log):
        end = time.monotonic() + 15
        while not pathlib.Path(log).read_text() and time.monotonic() < end:
            os.utime(base)
            time.sleep(0.05)
    return {"said": pathlib.Path(log).read_text()}


def user_alone():
    """A user whose neighbour's base has nobody in it hears of nobody."""
    with sharing(STRANGER, "/dev/shm/gone.log"):
        pass
    heard = subprocess.run(
        ["setpriv", f"--reuid={HOSTS}", f"--regid={HOSTS}", "--clear-groups", PYTHON, "-c",
         "import horus; t = horus.Topic('shared'); t.wait(3)"],
        env=environment(), capture_output=True, text=True)
    return {"code": heard.returncode, "said": heard.stderr}


def beside_the_service():
    """Programs that say no base, while somebody runs in the service's: of a member, of another."""
    os.mkdir(BASE)
    os.chown(BASE, SERVICE, GROUP)
    os.chmod(BASE, 0o2750)
    os.mkdir(BASE + "/topics")
    for folder in ("topics", "declared", "pools", "bells", "hosts",
                   *(f"topics/{n:02x}" for n in range(32))):
        os.makedirs(f"{BASE}/{folder}", exist_ok=True)
        os.chown(f"{BASE}/{folder}", SERVICE, GROUP)
        os.chmod(f"{BASE}/{folder}", 0o2750 if folder in ("topics", "declared") else 0o3770)

    def asks(uid, gid, code, **more):
        return subprocess.Popen(["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                                 PYTHON, "-c", code], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment(**more))
    serving = ("import horus, time\nt = horus.Topic(horus.CmdVel, endpoint='served')\n"
               "print('up', flush=True)\n"
               "while True: t.send(horus.CmdVel(1, 2)); time.sleep(.05)")
    hears = ("import horus\nt = horus.Topic('served')\n"
             # Beyond the looks for who is apart 2 and 6 s after the start.
             "print(t.wait(13) and t.recv().linear, flush=True)")
    with asks(SERVICE, GROUP, serving, HORUS_BASE=BASE) as service:
        assert service.stdout.readline() == "up\n", service.stderr.read()
        asking = {"member": asks(HOSTS, GROUP, hears),
                  "stranger": asks(STRANGER, STRANGER, hears)}
        said = {name: process.communicate() for name, process in asking.items()}
        # Afterwards: the stranger would be told of this base.
        said["apart"] = asks(HOSTS, GROUP, hears,
                             HORUS_BASE=f"/dev/shm/horus-{HOSTS}").communicate()
        service.kill()
    return said


def main():
    os.system("mount -t tmpfs -o mode=1777 tmpfs /dev/shm")
    cases = {"strangers-base": strangers_base, "locked": service_locked,
             "squatted": service_squatted, "typed": service_typed, "apart": users_apart,
             "containers": containers_apart, "renumbered": renumbered, "alone": user_alone,
             "beside": beside_the_service}
    print(json.dumps(cases[sys.argv[1]]()))


if __name__ == "__main__":
    main()
