# SPDX-License-Identifier: Apache-2.0
"""`horusctl` as a user meets it: the programs as they are built, what they print, how they end."""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import textwrap
import time

import pytest

from ctl import horusctl  # First: it finds `running`.
from openmetrics_check import check
from running import PYTHON, ROVER, Running, nodes, own_base, program, run, until

# Two nodes of one process, so that one sees messages and the GIL of the other.
PROGRAM = textwrap.dedent("""
    import gc, horus
    def say(node):
        node.send("said", {"text": "hello \\u001b[31m", "n": 1})
    def listen(node):
        node.recv("said")
        gc.collect()
    horus.run(horus.Node(name="talker", tick=say, rate=100, pubs=["said"]),
              horus.Node(name="listener", tick=listen, rate=20, subs=["said"]))
""")


@pytest.fixture(scope="module")
def alone():
    """A Python program and nothing else: no service, no launcher."""
    with own_base() as environment:
        with Running([PYTHON, "-c", PROGRAM], environment) as running:
            until(lambda: nodes(environment).get("listener", {}).get("ticks", 0) > 20,
                  "the program ticks", running)
            yield environment


@pytest.fixture(scope="module")
def rover():
    with own_base() as environment:
        with Running([program("horus"), "launch", str(ROVER)], environment) as running:
            until(lambda: all(nodes(environment).get(name, {}).get("ticks", 0) > 1
                              for name in ("motor", "imu", "planner", "detector", "logger")),
                  "the rover's hosts tick", running)
            yield environment


@pytest.fixture
def nothing():
    with own_base() as environment:
        yield environment


# ---- nothing runs

@pytest.mark.parametrize("words", [("stats",), ("stats", "--json"), ("stats", "--watch"),
                                   ("status",), ("node", "list"), ("reload",)])
def test_where_nothing_runs_the_exit_code_is_3_and_a_line_says_what_to_do(nothing, words):
    done = horusctl(nothing, *words)
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"horusctl: [^\n]*(start one|start horus)[^\n]*\n", done.stderr)


def test_waiting_for_what_never_comes_ends_in_time(nothing):
    begin = time.monotonic()
    assert horusctl(nothing, "status", "--wait", "300 ms").returncode == 3
    assert time.monotonic() - begin >= 0.3


def test_a_topic_that_does_not_exist_is_said_to(nothing):
    for command in ("echo", "hz", "info", "bw"):
        done = horusctl(nothing, "topic", command, "nope")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "horusctl: no topic 'nope' (see 'horusctl topic list')\n"
    assert horusctl(nothing, "topic", "list").stdout == "no topics\n"


@pytest.mark.parametrize("words", [("frob",), ("topic",), ("stats", "--frob"),
                                   ("stats", "--watch", "soon"),
                                   ("topic", "echo", "x", "--count", "0"),
                                   ("launch", "robot.toml", "--frob")])
def test_a_mistake_is_one_line_and_exit_code_2(nothing, words):
    done = horusctl(nothing, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"horusctl: [^\n]{5,150}\n", done.stderr), done.stderr


def test_a_service_of_another_user_is_no_permission(nothing):
    if os.getuid() != 0:
        pytest.skip("needs root")
    folder = pathlib.Path(nothing["HORUS_BASE"])
    folder.chmod(0o755)
    with Running([PYTHON, "-c", textwrap.dedent(f"""
        import os, socket, time
        os.umask(0o077)
        server = socket.socket(socket.AF_UNIX)
        server.bind({str(folder / "stats.sock")!r})
        server.listen()
        time.sleep(60)
    """)], nothing) as running:
        until((folder / "stats.sock").exists, "the socket is there", running)
        for words in (("stats",), ("status",), ("node", "list")):
            done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        program("horusctl"), "--socket-dir", str(folder), *words], nothing)
            assert (done.returncode, done.stdout) == (4, ""), done.stderr
            assert "horus-stats" in done.stderr


# ---- a Python program alone

def test_a_python_program_alone_is_seen(alone):
    table = horusctl(alone, "stats").stdout
    for title in ("CLASS", "RATE", "TICKS", "SKIPPED", "MISSES", "OVERRUNS", "LATENESS",
                  "EXECUTION", "GIL WAIT", "PAUSE", "p50", "p99", "max"):
        assert title in table
    assert re.search(r"^talker +\S+ +tick +100 Hz ", table, re.M), table
    generations = re.findall(r"^\S+ +([012]) +\d+ +\d+ +", table[table.index("GC OF"):], re.M)
    assert generations == ["0", "1", "2"], table
    assert horusctl(alone, "status").returncode in (0, 1)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_fit_the_terminal(alone, width):
    alone = alone | {"COLUMNS": str(width)}
    for words in (("stats",), ("node", "list"), ("topic", "list"), ("status",)):
        for line in horusctl(alone, *words).stdout.splitlines():
            # Of sentences the terminal takes care.
            assert len(line) <= width or line.startswith("  "), line


def test_json_is_one_line_and_names_what_the_table_shows(alone):
    done = horusctl(alone, "stats", "--json")
    assert done.stdout.count("\n") == 1
    node = next(node for host in json.loads(done.stdout)["hosts"] for node in host["nodes"]
                if node["name"] == "talker")
    assert node["rate_hz"] == 100 and node["gil_wait_us"]["count"] > 0
    assert {"p50", "p99", "max"} <= node["lateness_us"].keys()


def test_one_node_can_be_asked_for(alone):
    done = horusctl(alone, "stats", "--node", "talker")
    assert "talker" in done.stdout and "listener" not in done.stdout
    done = horusctl(alone, "stats", "--node", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "horusctl: no node 'nobody' (see 'horusctl node list')\n"


def test_openmetrics_keep_every_rule(alone):
    families = check(horusctl(alone, "stats", "--openmetrics").stdout)
    waits = {labels["node"] for suffix, labels, value in
             families["horus_py_gil_wait_seconds"][1] if suffix == "_count" and value > 0}
    assert waits == {"talker", "listener"}
    generations = {labels["generation"] for _, labels, _ in
                   families["horus_py_gc_pause_seconds"][1]}
    assert generations == {"0", "1", "2"}


def test_nodes_and_topics_are_listed_for_people_and_for_programs(alone):
    assert re.search(r"^talker +\S+ +tick +running +100 Hz", horusctl(alone, "node", "list").stdout,
                     re.M)
    lines = horusctl(alone, "node", "list", "--json").stdout.splitlines()
    assert {json.loads(line)["name"] for line in lines} == {"talker", "listener"}
    assert re.search(r"^said +generic ", horusctl(alone, "topic", "list").stdout, re.M)
    topic = json.loads(horusctl(alone, "topic", "list", "--json").stdout)
    assert topic["name"] == "said" and topic["publishers"][0]["alive"]


def test_messages_are_shown_for_people_and_harmless(alone):
    done = horusctl(alone, "topic", "echo", "said", "--once")
    assert done.stdout == "text: hello ?[31m\nn: 1\n---\n"


def test_messages_are_shown_one_line_of_json_each(alone):
    done = horusctl(alone, "topic", "echo", "said", "--json", "--count", "3")
    assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == [1, 1, 1]
    assert "\x1b" not in done.stdout


def test_the_rate_of_a_topic_is_measured(alone):
    def second():
        done = horusctl(alone, "topic", "hz", "said", "--count", "2", "--json")
        return json.loads(done.stdout.splitlines()[1])

    # On a busy machine not each second has all its ticks.
    until(lambda: 50 < (seen := second())["hz"] < 150 and seen["messages"] > 50, "a whole second")
    assert re.fullmatch(r"\d+\.\d\d Hz  min .*  max .*  jitter .*  \(\d+ messages\).*\n",
                        horusctl(alone, "topic", "hz", "said", "--once").stdout)


def test_a_topic_is_described_and_its_bytes_are_counted(alone):
    assert re.search(r"^type +generic, at most \d+ bytes$",
                     horusctl(alone, "topic", "info", "said").stdout, re.M)
    told = json.loads(horusctl(alone, "topic", "info", "said", "--json").stdout)
    assert told["policy"] == "overwrite" and told["sent"] > 0 and told["dropped"] == 0
    def measured():
        return json.loads(horusctl(alone, "topic", "bw", "said", "--once", "--json").stdout)

    flow = until(lambda: 50 < (seen := measured())["messages_per_s"] < 150 and seen, "its rate")
    # Every message has the same bytes.
    assert flow["bytes"] % flow["messages"] == 0 and flow["bytes"] / flow["messages"] > 10


def test_one_field_is_shown(alone):
    assert horusctl(alone, "topic", "echo", "said", "--once", "--field", "n").stdout == "1\n"
    done = horusctl(alone, "topic", "echo", "said", "--once", "--field", "m")
    assert (done.returncode, done.stdout) == (1, "") and "/m" in done.stderr


HEARS = textwrap.dedent("""
    import json, sys, horus
    topic = horus.Topic(getattr(horus, sys.argv[2], dict), endpoint=sys.argv[1])
    print("listens", flush=True)
    while topic.wait(20):
        message = topic.recv()
        print(message if isinstance(message, dict) else repr(message), flush=True)
""")


def test_a_typed_message_is_published_from_json(nothing):
    with Running([PYTHON, "-c", HEARS, "drive", "CmdVel"], nothing) as hears:
        until(lambda: "listens" in hears.text(), "listens", hears)
        done = horusctl(nothing, "topic", "pub", "drive", '{"linear": 0.5, "angular": -1}')
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        until(lambda: "linear=0.5, angular=-1.0" in hears.text(), "message", hears)
        done = horusctl(nothing, "topic", "pub", "drive", '{"liner": 0.5}')
        assert done.returncode == 2 and "liner is not in CmdVel" in done.stderr
        done = horusctl(nothing, "topic", "pub", "drive", "{}", "--type", "Imu")
        assert done.returncode != 0 and "Imu" in done.stderr and "CmdVel" in done.stderr


def test_a_type_that_only_a_program_knows_is_shown_and_published(nothing):
    own = HEARS.replace("topic =", 'horus.Wheel = horus.message("Wheel", {"speed": "f4", '
                        '"slip": "f4[4]"})\ntopic =')
    with Running([PYTHON, "-c", own, "wheel", "Wheel"], nothing) as hears:
        until(lambda: "listens" in hears.text(), "listens", hears)
        assert "slip[4]" in horusctl(nothing, "topic", "info", "wheel").stdout
        done = horusctl(nothing, "topic", "pub", "wheel", '{"speed": 2, "slip": [1, 2, 3, 4]}')
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: "speed=2.0" in hears.text(), "message", hears)


def test_lines_of_input_are_published_one_each(nothing):
    with Running([PYTHON, "-c", HEARS, "said", "dict"], nothing) as hears:
        until(lambda: "listens" in hears.text(), "listens", hears)
        lines = "".join(f'{{"n": {n}}}\n' for n in range(200))
        done = subprocess.run([program("horusctl"), "topic", "pub", "said", "-"], input=lines,
                              env=nothing, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: "{'n': 199}" in hears.text(), "the last", hears)
        assert hears.text().count("{'n': ") == 200


def test_a_new_topic_needs_a_type(nothing):
    done = horusctl(nothing, "topic", "pub", "new", "{}")
    assert done.returncode == 2 and "--type" in done.stderr
    done = horusctl(nothing, "topic", "pub", "new", "{}", "--type", "Nothing")
    assert done.returncode == 2 and "Nothing" in done.stderr
    assert horusctl(nothing, "topic", "list").stdout == "no topics\n"
    with Running([program("horusctl"), "topic", "pub", "new", '{"linear": 1}', "--type", "CmdVel",
                  "--rate", "100"], nothing) as running:
        until(lambda: "new" in horusctl(nothing, "topic", "list").stdout, "published", running)
        shown = horusctl(nothing, "topic", "echo", "new", "--once", "--json").stdout
        assert json.loads(shown)["linear"] == 1
        assert running.stop(signal.SIGINT) == 0


def test_a_new_topic_of_a_type_s_own_name_has_that_type(nothing):
    with Running([program("horusctl"), "topic", "pub", "cmd_vel", '{"linear": 1}', "--rate", "100"],
                 nothing) as running:
        until(lambda: "CmdVel" in horusctl(nothing, "topic", "list").stdout, "published", running)
        shown = horusctl(nothing, "topic", "echo", "cmd_vel", "--once", "--json").stdout
        assert json.loads(shown)["linear"] == 1
    done = horusctl(nothing, "topic", "pub", "scan", '{"linear": 1}')
    assert done.returncode == 2 and "linear is not in LaserScan" in done.stderr
    done = horusctl(nothing, "topic", "pub", "imu", "{}", "--type", "generic")
    assert (done.returncode, done.stderr) == (0, "horusctl: nobody receives 'imu' now\n")


def test_a_reader_that_goes_away_ends_a_command_quietly(alone):
    for words in ("topic echo said", "topic hz said", "stats --watch 0.1", "stats --watch --json"):
        line = f"{program('horusctl')} {words} | head -1"
        done = run(["bash", "-o", "pipefail", "-c", line], alone)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout.count("\n") == 1


def test_a_command_that_goes_on_ends_at_a_signal(alone):
    for number in (signal.SIGINT, signal.SIGTERM):
        with Running([program("horusctl"), "topic", "echo", "said"], alone) as running:
            until(lambda: running.text(), "shows a message", running)
            assert running.stop(number) == 0


def screens(environment, rows, *words):
    """What `horusctl words...` has written on a terminal of `rows` lines by its third screen."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    process = subprocess.Popen([program("horusctl"), *words], env=environment, stdout=terminal,
                               stdin=subprocess.DEVNULL)
    os.close(terminal)
    shown = b""
    try:
        while shown.count(b"\x1b[H\x1b[2J") < 3:
            assert select.select([main], [], [], 30)[0], shown
            shown += os.read(main, 65536)
    finally:
        process.send_signal(signal.SIGINT)
        os.set_blocking(main, False)
        while process.poll() is None:
            select.select([main], [], [], 0.1)
            try:
                os.read(main, 65536)
            except OSError:
                pass
        os.close(main)
    assert process.returncode == 0
    return shown.decode().replace("\r\n", "\n").split("\x1b[H\x1b[2J")


def test_a_live_view_clears_the_terminal_and_shows_the_last_interval(alone):
    before, first, second, *_ = screens(alone, 60, "stats", "--watch", "200 ms")
    assert before == ""
    assert first.startswith("since the start; from now on every 200ms\n")
    assert second.startswith("durations of the last 200ms, counts since the start\n")
    assert "talker" in second and "GC OF" in second


def test_a_live_view_never_scrolls(alone):
    screen = screens(alone, 12, "stats", "--watch", "200 ms")[1]
    assert screen.count("\n") < 12
    assert re.search(r"\.\.\. \d+ more lines \(a larger window, or --node NAME\)$", screen), screen


# ---- a rover of two kinds of hosts

def test_a_rover_of_the_launcher_is_seen_whole(rover):
    seen = nodes(rover)
    assert {"motor", "imu", "planner", "detector", "logger"} <= seen.keys()
    table = horusctl(rover | {"COLUMNS": "200"}, "stats").stdout
    motor = re.search(r"^motor +\S+ +tick +1 kHz +.*$", table, re.M)[0]
    assert motor.split()[-3:] == ["-", "-", "-"], "a C++ node waits for no GIL"
    planner = re.search(r"^planner +planner +tick +50 Hz +.*$", table, re.M)[0]
    assert all(re.fullmatch(r"[\d.]+(ns|us|ms|s)", cell) for cell in planner.split()[-9:])
    check(horusctl(rover, "stats", "--openmetrics").stdout)


def test_the_status_of_a_rover_has_a_word_and_its_exit_code(rover):
    codes = {"healthy": 0, "degraded": 1}
    done = horusctl(rover, "status", "--wait", "50")
    assert done.returncode == codes[done.stdout.splitlines()[0]], done.stdout
    # The robot's state may be another by now.
    done = horusctl(rover, "status", "--json")
    status = json.loads(done.stdout)
    assert done.returncode == codes[status["status"]] and status["ready"], status
    assert {host["name"] for host in status["hosts"]} == {"rover", "planner", "detector", "logger"}


def test_typed_messages_and_images_are_shown(rover):
    done = horusctl(rover, "topic", "echo", "odom", "--once", "--json")
    assert json.loads(done.stdout)["timestamp_ns"] > 0
    frame = json.loads(horusctl(rover, "topic", "echo", "camera", "--once", "--json").stdout)
    assert frame["width"] > 0 and "encoding" in frame
