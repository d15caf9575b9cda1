# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the build under test, a shared-memory base of their own, a
program that runs beside the test and is gone after it, and the statistics it shows."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HORUS_BUILD", ROOT / "build/debug")).resolve()
# The interpreter of the programs that tests run.
PYTHON = os.environ.get("HORUS_TEST_PYTHON", "/usr/bin/python3")
PLUGIN = BUILD / "tests/plugins/good_plugin.so"
ROVER = ROOT / "tests/examples/rover/rover.toml"
NOBODY = 65534
# Values of XDG_STATE_HOME that no test has chosen.
unchosen_states = {os.environ.get("XDG_STATE_HOME")}
# Nothing here takes this long; it is how a test ends that would otherwise hang.
WATCHDOG = 120.0
# What a machine that is busy with other things makes any node do, and the log tells.
LATE = re.compile(r" us allowed|has been in its|not been started for|had no CPU for|"
                  r"has been waiting for|waited \d+ ms for the GIL|skipped \d+ releases?: ")

# In the background of a shell, or under nohup, these are ignored, and every program here would
# inherit that.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler),
                        (signal.SIGQUIT, signal.SIG_DFL), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _usual)


def program(name):
    return str(BUILD / "bin" / name)


def plugin_node(name, kind, rate=100, more="", **params):
    """The section of a node of the C++ tests' plug-in."""
    written = ", ".join(f"{key} = {value}" for key, value in params.items())
    return (f'[[node]]\nname = "{name}"\nplugin = "{PLUGIN}"\ntype = "{kind}"\nrate = {rate}\n'
            f'{more}params = {{ {written} }}\n')


@contextlib.contextmanager
def own_base(owner=None):
    """An environment whose shared memory is this test's alone, and is gone after it; so is where
    copies of black boxes go."""
    base = tempfile.mkdtemp(prefix="horus-test-", dir="/dev/shm")
    state = tempfile.mkdtemp(prefix="horus-state-")
    if owner is not None:
        os.chown(base, owner, owner)
        os.chown(state, owner, owner)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("HORUS_") and name != "RUNTIME_DIRECTORY"}
    environment |= {"HORUS_BASE": base, "PYTHONPATH": str(BUILD / "python")}
    if environment.get("XDG_STATE_HOME") in unchosen_states:
        environment["XDG_STATE_HOME"] = state
    unchosen_states.add(state)
    try:
        yield environment
    finally:
        shutil.rmtree(base, ignore_errors=True)
        shutil.rmtree(state, ignore_errors=True)


def boxes(environment):
    """The copies of black boxes, the oldest first."""
    folder = pathlib.Path(environment["XDG_STATE_HOME"], "horus/blackbox")
    return sorted(folder.glob("*.blackbox"), key=lambda file: file.name.split(".")[-3])


def box_events(environment, *words):
    """What `horusctl blackbox --json` shows."""
    shown = run([program("horusctl"), "blackbox", "--json", *words], environment)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def remove_base(environment):
    """As a logout does, under programs that run. What they have made again meanwhile stays."""
    shutil.rmtree(environment["HORUS_BASE"], ignore_errors=True)


def files_below(folder):
    return [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]


def as_user(uid, command):
    """`command`, run by the user `uid`; as it is for oneself."""
    if uid is None or uid == os.getuid():
        return command
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]


def run(command, environment, **options):
    """Runs a program to its end; its output is text. Past the watchdog's time it ends with all
    that it has started."""
    with subprocess.Popen(command, env=environment, text=True, start_new_session=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options) as process:
        try:
            out, err = process.communicate(timeout=WATCHDOG)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


class Running:
    """A program beside the test. Ends with the block: SIGTERM, and SIGKILL for the deaf."""

    def __init__(self, command, environment):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, env=environment, stdout=self.output,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        # At an offset of its own: the program writes at the file's, and would write over its text.
        file = self.output.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def wait(self):
        """Its exit code."""
        return self.process.wait(WATCHDOG)

    def stop(self, number=signal.SIGTERM):
        """Its exit code after the signal `number`."""
        self.process.send_signal(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"deaf to signal {number}:\n{self.text()}") from None


def until(condition, what, running=None):
    """What `condition()` returns once it is true; fails when `running` ends before that."""
    end = time.monotonic() + WATCHDOG
    while not (result := condition()):
        ended = running is not None and running.process.poll() is not None
        assert not ended, f"ended with {running.wait()} before {what}:\n{running.text()}"
        assert time.monotonic() < end, f"never {what}\n{running.text() if running else ''}"
        time.sleep(0.05)
    return result


def punctual_lines(text):
    """The lines of a log without those about how late a busy machine made a node."""
    return [line for line in text.splitlines() if not LATE.search(line)]


def of_recording(path, source):
    """What the expression `source` gives of the recording r, as JSON."""
    done = run([PYTHON, "-c", "import horus, json, sys; r = horus.open_recording(sys.argv[1]); "
                f"print(json.dumps({source}))", str(path)], {"PYTHONPATH": str(BUILD / "python")})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stats(environment):
    """The statistics of every living host, as `horusctl stats --json` shows them."""
    shown = run([program("horusctl"), "stats", "--json"], environment)
    if shown.returncode != 0 or not shown.stdout.strip():
        return {"hosts": []}
    return json.loads(shown.stdout)


def nodes(environment):
    """Every node by name, with its host's name, kind and GC pauses."""
    return {node["name"]: node | {"host": host["name"], "kind": host["kind"], "gc": host.get("gc")}
            for host in stats(environment)["hosts"] if host["alive"] for node in host["nodes"]}


def assert_grid(node):
    """ticks + skipped is what the node's rate gives over its own time: skips are honest, drift is
    not. The larger of 2 ticks and 1 %."""
    expected = node["rate_hz"] * node["elapsed_s"]
    counted = node["ticks"] + node["skipped"] - node["carried_ticks"] - node["carried_skipped"]
    assert abs(counted - expected) <= max(2.0, 0.01 * expected), (
        f"{node['name']}: {counted} ticks and skips where {expected:.1f} were due")
