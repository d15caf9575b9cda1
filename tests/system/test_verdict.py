# SPDX-License-Identifier: Apache-2.0
"""What `horusctl status` says of robots that are not well: who, how much, and what to do."""
import json
import os
import re
import signal
import subprocess

import pytest

from running import (NOBODY, Running, as_user, files_below, nodes, own_base, plugin_node, program,
                     run, until)

# Each fault of a host of that name, and what the verdict says of it.
FAULTS = {
    "late": ("n = horus.Node('late', lambda n: time.sleep(0.01), rate=50, deadline=0.005)",
             r"node 'late' of host 'late': \d+ of \d+ releases late or skipped in 10 s .*; "),
    "throws": ("""
def tick(n):
    raise ValueError("no path")
n = horus.Node("throws", tick, rate=20)
""", r"node 'throws' of host 'throws': \d+ exceptions? in a minute; see 'horusctl node info throw"),
    "hangs": ("""
def tick(n):
    if horus.tick() == 20:
        time.sleep(3600)
n = horus.Node("hangs", tick, rate=50)
""", r"node 'hangs' of host 'hangs': \d+ silences? over the watchdog's limit in a minute"),
    "loses": ("""
def send(n):
    for i in range(40):
        n.send("burst", {"i": i})
nodes = [horus.Node("sender", send, rate=50, pubs=[horus.Pub("burst", capacity=32)]),
         horus.Node("reader", lambda n: n.recv("burst"), rate=10,
                    subs=[horus.Sub("burst", depth=None)])]
""", r"node 'reader' of host 'loses': \d+ messages missed in a minute; take more"),
    "dies": ("""
def tick(n):
    if horus.tick() == 20:
        os._exit(3)
n = horus.Node("dies", tick, rate=50)
""", r"host 'dies' (is down, for|was started again \d+ times? in a minute): .*exit code 3"),
}
ROBOT = '[robot]\nname = "st"\n[realtime]\nmode = "off"\n'
# On a busy machine anybody may be late.
PATIENT = '[[limit]]\nhost = "{}"\nlate = "off"\nlate_minute = "off"\nhangs = "off"\n'


def robot(folder, modules, more=""):
    text = ROBOT + more
    for name, module in modules.items():
        (folder / f"{name}.py").write_text("import horus, os, time\n" + module)
        text += f'[[host]]\nname = "{name}"\nmodule = "{name}.py"\n'
    (folder / "robot.toml").write_text(text)
    return [program("horus"), "launch", str(folder / "robot.toml")]


def status(environment):
    return run([program("horusctl"), "status"], environment)


def says(environment, pattern):
    done = status(environment)
    return re.search(pattern, done.stdout) and done


@pytest.mark.parametrize("faults", [[name] for name in FAULTS] + [list(FAULTS)],
                         ids=[*FAULTS, "all"])
def test_each_fault_is_named_alone_and_beside_the_others(faults, tmp_path):
    modules = {name: FAULTS[name][0] for name in faults}
    with own_base() as environment, Running(robot(tmp_path, modules), environment) as launch:
        for name in faults:
            done = until(lambda: says(environment, FAULTS[name][1]), f"{name} is named", launch)
            assert done.returncode in (1, 2), done.stdout


def test_the_verdict_is_the_same_everywhere(tmp_path):
    with own_base() as environment, \
            Running(robot(tmp_path, {"throws": FAULTS["throws"][0]},
                          PATIENT.format("st") + PATIENT.format("throws")), environment) as launch:
        until(lambda: says(environment, r"exceptions? in a minute"), "degraded", launch)
        done = run([program("horusctl"), "status", "--json"], environment)
        verdict = json.loads(done.stdout)
        assert (done.returncode, verdict["status"]) == (1, "degraded")
        assert re.search(FAULTS["throws"][1], verdict["reasons"][0])
        metrics = run([program("horusctl"), "stats", "--openmetrics"], environment).stdout
        assert 'horus_health{status="degraded"} 1' in metrics
        assert 'horus_health{status="healthy"} 0' in metrics
        assert re.search(r'horus_health_reason\{host="[^"]+",node="throws",status="degraded",'
                         r'advice="[^"]+"\} 1\n', metrics), metrics


@pytest.mark.parametrize("message", ["{'i': 1}", "horus.CmdVel(0.1, 0.0)"])
def test_a_slow_logger_beside_a_fast_topic_is_well(message, tmp_path):
    carried = ", horus.CmdVel" if "CmdVel" in message else ""
    modules = {"fast": f'n = horus.Node("fast", lambda n: n.send("t", {message}), rate=200, '
                       f'pubs=[horus.Pub("t"{carried}, capacity=2048)])',
               "logger": 'n = horus.Node("logger", lambda n: n.recv("t"), rate=1, subs=["t"])'}
    more = "".join(PATIENT.format(name) for name in ("st", *modules))
    with own_base() as environment, Running(robot(tmp_path, modules, more), environment) as launch:
        until(lambda: nodes(environment).get("logger", {}).get("passed_over"), "left some", launch)
        done = status(environment)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "healthy"), done.stdout


def test_a_killed_service_beside_a_living_host_is_a_failure(tmp_path):
    script = ("import horus\nhorus.run(horus.Node('own', lambda n: None, rate=50))")
    with own_base() as environment:
        (tmp_path / "robot.toml").write_text(
            '[robot]\nname = "st"\n[realtime]\nmode = "off"\n' + plugin_node("count", "Counter"))
        service = [program("horusd"), "--config", str(tmp_path / "robot.toml")]
        launched = environment | {"HORUS_LAUNCHED": "1"}
        with Running(["/usr/bin/python3", "-c", script], environment) as own:
            until(lambda: nodes(environment).get("own"), "own runs", own)
            with Running(service, launched) as horusd:
                until(lambda: nodes(environment).get("count", {}).get("ticks"), "ticks", horusd)
                horusd.stop(signal.SIGKILL)
            done = until(lambda: says(environment, "host 'st' is dead, since"), "seen dead", own)
            assert (done.returncode, done.stdout.splitlines()[0]) == (2, "failed")
            assert nodes(environment)["own"]["host"] != "st"


def test_limits_are_those_of_the_configuration_and_a_reload_sets_them(tmp_path):
    limit = ('[[limit]]\nnode = "throws"\nerrors = {}\n'
             'late = "off"\nlate_minute = "off"\nhangs = "off"\n')
    more = PATIENT.format("st")
    with own_base() as environment:
        command = robot(tmp_path, {"throws": FAULTS["throws"][0]}, more + limit.format(1e6))
        with Running(command, environment) as launch:
            until(lambda: nodes(environment).get("throws", {}).get("errors"), "throws", launch)
            run([program("horusctl"), "status", "--wait"], environment)
            done = status(environment)
            assert (done.returncode, done.stdout.splitlines()[0]) == (0, "healthy"), done.stdout
            robot(tmp_path, {"throws": FAULTS["throws"][0]}, more + limit.format(0))
            done = run([program("horusctl"), "reload", "--wait"], environment)
            assert done.stdout == "in force: limits\n"
            assert "exception" in status(environment).stdout


def test_what_was_counted_before_a_restart_still_counts(tmp_path):
    module = """
def tick(n):
    if not os.path.exists("{mark}"):
        if horus.tick() == 40:
            open("{mark}", "w").close()
            os._exit(3)
        raise ValueError("only in its first life")
n = horus.Node("throws", tick, rate=50, failure_policy="log")
""".format(mark=tmp_path / "mark")
    with own_base() as environment, \
            Running(robot(tmp_path, {"throws": module}), environment) as launch:
        until(lambda: (tmp_path / "mark").exists(), "its first life is over", launch)
        until(lambda: nodes(environment).get("throws", {}).get("ticks", 0) > 60, "the next", launch)
        done = until(lambda: says(environment, "40 exceptions in a minute"), "carried on", launch)
        assert "host 'throws' was started again 1 time in a minute" in done.stdout
        assert os.path.exists(tmp_path / "mark")


def test_why_names_the_cause_of_late_ticks_and_so_does_the_log(tmp_path):
    with own_base() as environment, \
            Running(robot(tmp_path, {"late": FAULTS["late"][0]}), environment) as launch:
        def why(*more):
            return run([program("horusctl"), "why", "late", *more], environment)
        late = r"node 'late' of host 'late': .*\d+ of the last \d\d+ late"
        done = until(lambda: (seen := why()).returncode == 0 and re.search(late, seen.stdout)
                     and seen, "ten late ticks", launch)
        assert re.search(r"tick \d+ missed its deadline: .* of .* ms: ", done.stdout)
        last = json.loads(why("--json", "--count", "1").stdout)
        assert last["execution_us"] >= 10_000 and last["limit_us"] == 5_000
        until(lambda: re.search(r"late\[\d+\]: missed its deadline: \d+ us from the release, "
                                r"5000 us allowed; [\d.]+ of [\d.]+ ms: ", launch.text()),
              "logged", launch)
        assert run([program("horusctl"), "why", "nobody"], environment).returncode == 1
        # A killed host's page still tells.
        os.kill(int(re.search(r"pid (\d+)", run([program("horusctl"), "node", "info", "late"],
                                                environment).stdout)[1]), signal.SIGKILL)
        assert "late ticks" in why().stdout


def test_a_late_tick_tells_what_it_has_sent(tmp_path):
    module = """
frame = horus.Image(48, 64, "mono8")
def tick(n):
    n.send("cmd", horus.CmdVel(0.1, 0.0))
    n.send("cmd", horus.CmdVel(0.2, 0.0))
    n.send("word", {"i": 1})
    n.send("frame", frame)
    time.sleep(0.01)
n = horus.Node("late", tick, rate=20, deadline=0.005,
               pubs=[horus.Pub("cmd", horus.CmdVel), "word", horus.Pub("frame", horus.Image)])
"""
    with own_base() as environment, \
            Running(robot(tmp_path, {"late": module}), environment) as launch:
        words = [program("horusctl"), "why", "late", "--count", "1"]
        until(lambda: "missed its deadline" in run(words, environment).stdout, "late", launch)
        last = json.loads(run([*words, "--json"], environment).stdout)
        text = run(words, environment).stdout
        counted = nodes(environment)["late"]
    # A command is of 16 bytes, a word of four; of a frame there is a description, too.
    assert last["sent"] == 4 and 0 < last["bytes_sent"] - (2 * 16 + 4 + 48 * 64) < 1024, last
    assert re.search(r"; 4 messages of 3\.\d+ kB sent", text), text
    assert counted["bytes_sent"] % last["bytes_sent"] == 0, "each tick sends as much"


def test_who_takes_part_bears_its_nodes_name(tmp_path):
    with own_base() as environment, \
            Running(robot(tmp_path, {"loses": FAULTS["loses"][0]}), environment) as launch:
        until(lambda: nodes(environment).get("reader", {}).get("received"), "received", launch)
        graph = run([program("horusctl"), "graph"], environment).stdout
        assert "sender -> burst (generic) -> reader\n" in graph
        info = run([program("horusctl"), "topic", "info", "burst"], environment).stdout
        assert re.search(r"\nsender +\d+ ", info) and re.search(r"\nreader +\d+ ", info)
        node = run([program("horusctl"), "node", "info", "reader"], environment)
        assert node.returncode == 0, node.stderr
        assert re.search(r"burst +generic +receives +[\d.]+ Hz", node.stdout), node.stdout


def test_output_that_cannot_be_written_is_a_failure_and_a_closed_one_ends_it():
    with own_base() as environment:
        with open("/dev/full", "w") as full:
            done = run([program("horusctl"), "version"], environment)
            assert done.returncode == 0
            said = subprocess.run([program("horusctl"), "version"], env=environment, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            assert said.returncode == 1
            assert said.stderr == "horusctl: write standard output: No space left on device\n"
            for words in (["--help"], ["help"], ["status", "--help"]):
                said = subprocess.run([program("horusctl"), *words], env=environment, stdout=full,
                                      stderr=subprocess.PIPE, timeout=60, check=False)
                assert said.returncode == 1, words
        closed = run(["sh", "-c", f"exec {program('horusctl')} version >&-"], environment)
        assert closed.returncode == 1
        assert closed.stderr == "horusctl: write standard output: Bad file descriptor\n"


def log(environment, *words):
    return run([program("horusctl"), "log", *words], environment).stdout


def test_the_exceptions_of_a_node_are_told_by_type_with_their_tracebacks(tmp_path):
    module = """
def tick(n):
    raise (KeyError("gone") if horus.tick() % 4 == 0 else ValueError("no path"))
n = horus.Node("throws", tick, rate=50)
"""
    with own_base() as environment, \
            Running(robot(tmp_path, {"throws": module}), environment) as launch:
        until(lambda: nodes(environment).get("throws", {}).get("errors", 0) > 10, "threw", launch)
        info = run([program("horusctl"), "node", "info", "throws"], environment).stdout
    for kind, words in (("ValueError", "no path"), ("KeyError", "'gone'")):
        assert re.search(rf"\n\d+ x {kind}, last .* ago in tick \d+: {kind}: {words}", info), info
    assert re.search(r'\n +File ".*throws.py", line \d+, in tick\n', info), info


def test_the_last_lines_of_each_host_are_there_without_a_service(tmp_path):
    modules = {"throws": FAULTS["throws"][0],
               "talks": """
def tick(n):
    n.log_info(f"at {horus.tick()}")
    n.log_debug("more")
n = horus.Node("talks", tick, rate=10)
"""}
    with own_base() as environment, Running(robot(tmp_path, modules), environment) as launch:
        until(lambda: "no path" in log(environment, "throws"), "told the exception", launch)
        until(lambda: re.search(r"talks: talks\[\d+\]: at \d+\n", log(environment, "talks")),
              "told a line", launch)
        assert "no path" not in log(environment, "talks")
        warnings = log(environment, "--level", "warning")
        assert "no path" in warnings and not re.search(r"\]: at \d", warnings)
        assert not re.search(r"\]: more", log(environment))
        assert log(environment, "--since", "-1h").count("\n") > 2
        assert "is no time" in run([program("horusctl"), "log", "--since", "soon"],
                                   environment).stderr
        follow = [program("horusctl"), "log", "--follow", "talks"]
        with Running(follow, environment) as follower:
            seen = log(environment, "talks").count("at ")
            until(lambda: follower.text().count("at ") > seen + 3, "followed", follower)


def test_the_log_of_a_killed_host_is_there_after_its_death(tmp_path):
    script = ("import horus\nn = horus.Node('own', lambda n: n.log_warning('low battery'), rate=50)"
              "\nhorus.run(n)")
    with own_base() as environment:
        with Running(["/usr/bin/python3", "-c", script], environment) as own:
            until(lambda: "warning: own[3]: low battery" in log(environment), "warned", own)
            own.stop(signal.SIGKILL)
        assert "warning: own[3]: low battery" in log(environment, "own")


LEVELS = """
def tick(n):
    n.log_debug(f"debug {horus.tick()}")
    n.log_info(f"info {horus.tick()}")
n = horus.Node("{0}", tick, rate=20)
"""


def level(environment, node, word):
    done = run([program("horusctl"), "node", "log-level", node, word], environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_level_of_a_node_is_set_in_its_file_and_while_it_runs(tmp_path):
    modules = {name: LEVELS.replace("{0}", name) for name in ("usual", "quiet")}
    more = plugin_node("count", "Counter", more='log_level = "error"\n')
    command = robot(tmp_path, modules, more)
    file = tmp_path / "robot.toml"
    file.write_text(file.read_text() + 'log_level = "warning"\n')  # Of the last: quiet.
    with own_base() as environment, Running(command, environment) as launch:
        until(lambda: "info" in log(environment, "usual"), "logged", launch)
        assert "debug" not in log(environment, "usual")
        assert not re.search(r"(info|debug) \d", log(environment, "quiet"))
        level(environment, "usual", "debug")
        until(lambda: "debug: usual[" in log(environment, "usual"), "more", launch)
        level(environment, "quiet", "info")
        until(lambda: re.search(r"quiet\[\d+\]: info", log(environment, "quiet")), "more", launch)
        level(environment, "count", "info")
        loud = "'loud' is no level (error, warning, info, debug)"
        for words, said in ((["nobody", "info"], "no living node 'nobody'"),
                            (["usual", "loud"], loud)):
            done = run([program("horusctl"), "node", "log-level", *words], environment)
            assert done.returncode != 0 and said in done.stderr
        launch.stop()
        assert not files_below(environment["HORUS_BASE"])


def test_a_host_hears_its_own_user_only_and_leaves_no_socket(tmp_path):
    script = ("import horus\nn = horus.Node('own', lambda n: n.log_debug('d'), rate=20)\n"
              "horus.Scheduler(name='h').add(n).run()")
    with own_base() as environment, Running(["/usr/bin/python3", "-c", script], environment) as own:
        until(lambda: nodes(environment).get("own", {}).get("ticks"), "runs", own)
        path = os.path.join(environment["HORUS_BASE"], "hosts", "h.sock")
        os.chmod(path, 0o666)
        os.chmod(environment["HORUS_BASE"], 0o755)
        os.chmod(os.path.dirname(path), 0o755)
        ask = ("import socket\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(20)\n"
               f"s.connect({path!r})\n"
               "try:\n    s.sendall(b'{\"method\":\"io.horus.Control.SetLogLevel\",\"parameters\":'"
               "b'{\"node\":\"own\",\"level\":\"debug\"}}\\0')\n    print(s.recv(99))\n"
               "except OSError:\n    print(b'')")
        foreign = run(as_user(NOBODY, ["/usr/bin/python3", "-c", ask]), environment)
        assert foreign.stdout == "b''\n", foreign
        for noise in ("b'x' * 70000", "b'{}\\0'", "b'{\"method\":\"io.horus.Control.Reload\"}\\0'"):
            run(["/usr/bin/python3", "-c", "import socket\ns = socket.socket(socket.AF_UNIX)\n"
                 f"s.connect({path!r})\ntry:\n    s.sendall({noise})\n    s.recv(99)\n"
                 "except OSError:\n    pass"], environment)
        assert "debug: own[" not in log(environment, "own")
        level(environment, "own", "debug")
        until(lambda: "debug: own[" in log(environment), "heard", own)
        own.stop(signal.SIGKILL)
        assert os.path.exists(path)
        run([program("horusctl"), "clean"], environment)
        assert not os.path.exists(path)
