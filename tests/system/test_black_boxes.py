# SPDX-License-Identifier: Apache-2.0
"""Black boxes of the services: what is kept of whose death, and by whom."""
import os
import signal

from running import (Running, box_events, boxes, files_below, own_base, plugin_node, program, run,
                     until)

QUIET = '[robot]\nname = "test"\n[realtime]\nmode = "off"\n'
HOST = '[[host]]\nname = "host"\nmodule = "host.py"\n'


def kinds(environment, *words):
    return [event["event"] for event in box_events(environment, *words)]


def test_f04_the_black_box_names_node_and_tick_and_the_successor_keeps_it(tmp_path):
    file = tmp_path / "robot.toml"
    command = [program("horusd"), "--config", str(file)]
    with own_base() as environment:
        file.write_text(QUIET + plugin_node("arm", "Crashing", 200, at=20))
        with Running(command, environment) as first:
            assert first.wait() == -signal.SIGSEGV
        crash, = box_events(environment, "--event", "crash")
        assert crash["node"] == "arm" and crash["tick"] == 20 and crash["signal"] == 11
        assert boxes(environment) == [], "nobody was there to keep it"
        file.write_text(QUIET + plugin_node("arm", "Crashing", 200, at=1_000_000))
        with Running(command, environment) as second:
            until(lambda: boxes(environment), "kept", second)
            kept = str(boxes(environment)[0])
            of_copy, = box_events(environment, "arm", "--event", "crash", "--file", kept)
            # Each box tells the wall clock from its own last look at it.
            assert abs(of_copy.pop("time_us") - crash.pop("time_us")) < 1_000_000
            assert of_copy == crash
            assert "the service before this one died" in box_events(
                environment, "--event", "flush", "--file", kept)[0]["text"]
            until(lambda: "ready" in second.text(), "ready", second)
            assert second.stop() == 0
        assert kinds(environment)[-2:] == ["end", "flush"]
        assert len(boxes(environment)) == 2
        assert not [path for path in files_below(environment["HORUS_BASE"]) if "blackbox" in path]


def test_f08_a_node_that_hangs_is_named_with_its_tick_before_the_end(tmp_path):
    file = tmp_path / "robot.toml"
    with own_base() as environment:
        file.write_text(QUIET + plugin_node("arm", "Hanging", 100, 'watchdog = "50 ms"\n', at=20))
        with Running([program("horusd"), "--config", str(file)], environment) as running:
            assert running.wait() == 75, running.text()
        kept = str(boxes(environment)[-1])
        hangs = box_events(environment, "--event", "hang", "--file", kept)
        assert hangs[-1]["node"] == "arm" and hangs[-1]["step"] == 3 and hangs[-1]["tick"] == 20
        end, = box_events(environment, "--event", "end", "--file", kept)
        assert "arm" in end["text"] and end["code"] == 75


def test_f05_after_five_crashes_the_last_state_is_on_disk(tmp_path):
    file = tmp_path / "robot.toml"
    with own_base() as environment:
        for life in range(1, 6):
            file.write_text(QUIET + plugin_node("arm", "Crashing", 200, at=20 + life))
            with Running([program("horusd"), "--config", str(file)], environment) as running:
                assert running.wait() == -signal.SIGSEGV
        # As the failure unit does, before the memory is swept.
        kept = run([program("horusctl"), "blackbox", "--flush"], environment)
        assert kept.returncode == 0, kept.stderr
        path = kept.stdout.strip()
        crashes = box_events(environment, "--event", "crash", "--file", path)
        assert [crash["tick"] for crash in crashes] == [21, 22, 23, 24, 25]
        starts = box_events(environment, "--event", "start", "--file", path)
        assert [start["unclean"] for start in starts] == [0, 1, 1, 1, 1]
        assert os.path.basename(path).startswith("test.")


def test_a_python_host_that_is_killed_is_kept_with_the_reason(tmp_path):
    (tmp_path / "robot.toml").write_text(QUIET + HOST + plugin_node("motor", "Counter", 100))
    (tmp_path / "host.py").write_text("""
import horus
def tick(node):
    if horus.tick() == 5:
        raise ValueError("bent")
good = horus.Node("good", tick, rate=50)
""".replace("horus.tick()", "next(count)").replace("import horus\n",
                                                    "import itertools, horus\n"
                                                    "count = itertools.count()\n"))
    command = [program("horus-launch"), str(tmp_path / "robot.toml")]
    with own_base() as environment, Running(command, environment) as launch:
        until(lambda: box_events(environment, "good", "--event", "error"), "an error", launch)
        host = next(event["pid"] for event in box_events(environment, "host", "--event", "start"))
        os.kill(host, signal.SIGKILL)
        until(lambda: boxes(environment), "kept", launch)
        kept = str(boxes(environment)[0])
        flush = box_events(environment, "--event", "flush", "--file", kept)
        assert {event["host"] for event in flush} == {"host", "test"}
        assert "host 'host' ended" in flush[0]["text"] and "9" in flush[0]["text"]
        assert box_events(environment, "good", "--event", "error", "--file", kept)
        until(lambda: launch.text().count("host 'host' ready") == 2, "back", launch)
        starts = box_events(environment, "host", "--event", "start")
        assert [start["unclean"] for start in starts] == [0, 1]
        assert launch.stop() == 0, launch.text()
        # At the end of all one more, with the ends of both, and nothing stays in memory.
        assert len(boxes(environment)) == 2
        assert not files_below(environment["HORUS_BASE"])
        ends = box_events(environment, "--event", "end")
        assert {(end["host"], end["code"]) for end in ends} == {("host", 0), ("test", 0)}


def test_changes_and_requests_reach_the_service(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(QUIET.replace("[realtime]", "blackbox_mb = 0.5\n[realtime]") +
                    plugin_node("motor", "Counter", 100))
    with own_base() as environment:
        with Running([program("horusd"), "--config", str(file)], environment) as running:
            until(lambda: "ready" in running.text(), "ready", running)
            box = os.path.join(environment["HORUS_BASE"], "hosts/test.blackbox")
            assert os.stat(box).st_size == 1 << 19
            set_level = [program("horusctl"), "node", "log-level", "motor", "debug"]
            assert run(set_level, environment).returncode == 0
            config, = box_events(environment, "motor", "--event", "config")
            assert config["text"] == "log level debug"
            kept = run([program("horusctl"), "blackbox", "--flush"], environment)
            assert kept.stdout.strip() == str(boxes(environment)[0])
            assert running.stop() == 0


def test_a_configuration_that_does_not_start_leaves_nothing(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(QUIET + plugin_node("motor", "Nothing", 100))
    with own_base() as environment:
        with Running([program("horusd"), "--config", str(file)], environment) as running:
            assert running.wait() != 0
        assert boxes(environment) == []
        assert not [path for path in files_below(environment["HORUS_BASE"]) if "blackbox" in path]
