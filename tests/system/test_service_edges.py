# SPDX-License-Identifier: Apache-2.0
"""What the service does when signals, limits, files and clients mean no good."""
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import textwrap

import pytest

from running import (PLUGIN, PYTHON, ROVER, Running, as_user, own_base, plugin_node, program, run,
                     stats, until)

NODE = plugin_node("counter", "Counter")
ROBOT = """
    import horus
    def tick(node):
        print("tick", flush=True)
    def shutdown(node):
        print("shutdown ran", flush=True)
    {handler}
    horus.run(horus.Node("motor", tick=tick, shutdown=shutdown, rate=50))
"""
root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@contextlib.contextmanager
def service(tmp_path, text=NODE, prefix=()):
    file = tmp_path / "robot.toml"
    file.write_text(text)
    with own_base() as environment:
        command = [*prefix, program("horusd"), "--config", str(file)]
        with Running(command, environment) as daemon:
            until(lambda: "ready: " in daemon.text(), "ready", daemon)
            daemon.file, daemon.environment = file, environment
            daemon.sockets = pathlib.Path(environment["HORUS_BASE"]) / "run"
            yield daemon


def test_a_node_runs_on_the_real_time_cpu_that_its_configuration_names(tmp_path):
    *_, last = sorted(os.sched_getaffinity(0))
    with service(tmp_path, plugin_node("counter", "Counter", more=f"cpu = {last}\n")) as daemon:
        host, = stats(daemon.environment)["hosts"]
        node, = host["nodes"]
        assert node["cpu"] == last
        status = pathlib.Path(f"/proc/{host['pid']}/task/{node['tid']}/status").read_text()
        assert re.search(r"^Cpus_allowed_list:\s+(.*)$", status, re.M)[1] == str(last)


def ask(daemon, method, **more):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(daemon.sockets / "stats.sock"))
        client.sendall(json.dumps({"method": method, **more}).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            chunk = client.recv(1 << 16)
            assert chunk, reply
            reply += chunk
    return json.loads(reply[:-1])


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def python(handler=""):
    return [PYTHON, "-c", textwrap.dedent(ROBOT).replace("{handler}", textwrap.dedent(handler))]


def test_f58_signals_that_would_end_it_are_counted_and_a_storm_of_hangups_is_one_reload(tmp_path):
    with service(tmp_path) as daemon:
        stray = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGXCPU, signal.SIGVTALRM,
                 signal.SIGPROF, signal.SIGPWR]
        for number in [*stray, signal.SIGRTMIN + 3, signal.SIGRTMAX]:
            daemon.process.send_signal(number)
        daemon.process.send_signal(signal.SIGPIPE)
        until(lambda: "ignored SIG" in daemon.text(), "counted", daemon)
        for _ in range(1000):
            daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "reload: nothing has changed" in daemon.text(), "reloaded", daemon)
        # What changed after the storm's last reload is not lost.
        daemon.file.write_text("[realtime]\npriority = 50\n" + NODE)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "restart needed for: realtime.priority" in daemon.text(), "read", daemon)
        ticks = stats(daemon.environment)["hosts"][0]["nodes"][0]["ticks"]
        until(lambda: stats(daemon.environment)["hosts"][0]["nodes"][0]["ticks"] > ticks, "ticks")
        assert daemon.stop() == 0, daemon.text()
        assert daemon.text().count("reload: ") < 10, daemon.text()
        lines = [line for line in daemon.text().splitlines() if "ignored SIG" in line]
        # The first one at once, the others in one line.
        assert len(lines) == 2, daemon.text()
        for number in stray:
            assert f"{number.name} (1)" in lines[1]
        for above in (3, signal.SIGRTMAX - signal.SIGRTMIN):
            assert f"SIGRTMIN+{above} (1)" in lines[1]
        assert f"of process {os.getpid()} of user {os.getuid()}" in lines[1]


def test_a_budget_that_fits_only_the_rate_of_after_a_restart_is_told(tmp_path):
    with service(tmp_path, NODE + 'budget = "2 ms"\ndeadline = "5 ms"\n') as daemon:
        slower = NODE.replace("rate = 100", "rate = 50")
        daemon.file.write_text(slower + 'budget = "15 ms"\ndeadline = "18 ms"\n')
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "reload: " in daemon.text(), "read", daemon)
        assert "restart needed for: node counter: budget (" in daemon.text(), daemon.text()
        assert "longer than the period" in daemon.text()
        assert daemon.stop() == 0


def test_sigquit_reports_every_thread_and_stops(tmp_path):
    with service(tmp_path) as daemon:
        assert daemon.stop(signal.SIGQUIT) == 0, daemon.text()
        assert re.search(r"thread \d+ \S+: node 'counter' \w+, tick \d+, released \d+ ms ago",
                         daemon.text()), daemon.text()
        assert f"thread {daemon.pid} horusd" in daemon.text()


def test_sigquit_of_the_supervisor_prints_the_stacks_of_its_hosts(tmp_path):
    (tmp_path / "a.py").write_text(
        "import horus\ndef ticking(node): pass\nn = horus.Node('n', tick=ticking, rate=50)\n")
    file = tmp_path / "robot.toml"
    file.write_text('[[host]]\nname = "a"\nmodule = "a.py"\n')
    with own_base() as environment:
        with Running([program("horus-pyhost"), "--config", str(file)], environment) as hosts:
            until(lambda: "host 'a' ready" in hosts.text(), "ready", hosts)
            hosts.process.send_signal(signal.SIGHUP)
            hosts.process.send_signal(signal.SIGUSR1)
            until(lambda: "ignored SIGUSR1" in hosts.text(), "ignored", hosts)
            assert hosts.stop(signal.SIGQUIT) == 0, hosts.text()
            # As all that a host says, with its name.
            assert re.search(r"\[a\] .*most recent call first", hosts.text()), hosts.text()
            assert re.search(r"\[a\] node 'n' on thread", hosts.text()), hosts.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_python_robot_ends_with_its_shutdown(number):
    with own_base() as environment, Running(python(), environment) as robot:
        until(lambda: "tick" in robot.text(), "ticking", robot)
        assert robot.stop(number) == 0, robot.text()
        assert "shutdown ran" in robot.text()
        assert ("most recent call first" in robot.text()) == (number == signal.SIGQUIT)


def test_a_quit_reports_though_a_term_is_on_its_heels():
    with own_base() as environment, Running(python(), environment) as robot:
        until(lambda: "tick" in robot.text(), "ticking", robot)
        # Stopped, it takes both at once.
        for number in (signal.SIGSTOP, signal.SIGQUIT, signal.SIGTERM, signal.SIGCONT):
            robot.process.send_signal(number)
        assert robot.wait() == 0, robot.text()
        assert "node 'motor' on thread" in robot.text(), robot.text()


def test_a_hangup_that_was_ignored_stays_ignored(tmp_path):
    ignoring = ["sh", "-c", 'trap "" HUP QUIT; exec "$@"', "sh"]
    with own_base() as environment, Running([*ignoring, *python()], environment) as robot:
        until(lambda: "tick" in robot.text(), "ticking", robot)
        robot.process.send_signal(signal.SIGHUP)
        robot.process.send_signal(signal.SIGQUIT)
        seen = robot.text().count("tick")
        until(lambda: robot.text().count("tick") > seen + 5, "ticking on", robot)
        assert "shutdown ran" not in robot.text()
        assert robot.stop() == 0
    with service(tmp_path, prefix=ignoring) as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGQUIT)
        daemon.process.send_signal(signal.SIGUSR1)
        until(lambda: "ignored SIGUSR1" in daemon.text(), "looked", daemon)
        assert daemon.stop() == 0
        assert "reload" not in daemon.text() and "thread " not in daemon.text()


def test_a_users_handler_stays_his():
    handler = """
        import signal
        signal.signal(signal.SIGHUP, lambda *_: print("mine", flush=True))
    """
    with own_base() as environment, Running(python(handler), environment) as robot:
        until(lambda: "tick" in robot.text(), "ticking", robot)
        robot.process.send_signal(signal.SIGHUP)
        until(lambda: "mine" in robot.text(), "handled", robot)
        assert robot.stop() == 0


def test_after_a_run_signals_do_what_they_did_before_or_what_was_asked_for_meanwhile():
    source = textwrap.dedent("""
        import signal, threading, horus
        def on_ready():
            for number in (signal.SIGQUIT, signal.SIGTERM):
                signal.signal(number, lambda *_: print("his", flush=True))
        def run(ready):
            scheduler = horus.Scheduler()
            scheduler.add(horus.Node("a", tick=lambda n: None, rate=50))
            scheduler._on_ready = ready
            scheduler.run(0.3)
        run(on_ready)
        signal.raise_signal(signal.SIGQUIT)
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        run(lambda: None)
        signal.raise_signal(signal.SIGHUP)
    """)
    with own_base() as environment:
        done = run([PYTHON, "-c", source], environment)
        assert done.stdout.split() == ["his", "his"], done.stderr
        assert done.returncode == -signal.SIGHUP


@root_only
@pytest.mark.parametrize("size", ["64k", "400k", "3m"])
def test_f16_a_full_shared_memory_is_71_and_named(size, tmp_path):
    command = (f"mount -t tmpfs -o size={size} tmpfs /dev/shm && "
               f"exec {program('horusd')} --config {ROVER}")
    environment = os.environ | {"HORUS_BASE": "/dev/shm/f", "RUNTIME_DIRECTORY": str(tmp_path)}
    done = run(["unshare", "-m", "--propagation", "private", "sh", "-c", command], environment)
    assert done.returncode == 71, done.stderr
    assert "No space left on device; make room in /dev/shm" in done.stderr


@pytest.mark.parametrize("limit", [5, 8, 16, 24])
def test_f16_no_free_descriptor_is_71_and_named(limit):
    with own_base() as environment:
        done = run([program("horusd"), "--config", str(ROVER)], environment,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    assert done.returncode == 71, done.stderr
    assert "Too many open files; raise LimitNOFILE=" in done.stderr


@root_only
def test_f41_strict_without_rights_is_77_and_names_the_knob():
    with own_base(owner=5023) as environment, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        file = pathlib.Path(folder) / "robot.toml"
        file.write_text('[realtime]\nmode = "strict"\n')
        done = run(as_user(5023, [program("horusd"), "--config", str(file)]), environment)
    assert done.returncode == 77, done.stderr
    assert "LimitRTPRIO=" in done.stderr


def test_f29_ten_thousand_malformed_requests_cost_no_memory(tmp_path):
    bad = [b"\0", b"\xff\xfe{}\0", b"[" * 5000 + b"\0", b'{"method":', b'{"method":1}\0',
           b'{"method":"a.b","parameters":' + b"9" * 3000 + b"}\0", b"\0" * 4000, b"GET / HTTP/1.1"]

    def send(count):
        for i in range(count):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(str(daemon.sockets / "stats.sock"))
                with contextlib.suppress(OSError):
                    client.sendall(bad[i % len(bad)])
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(1 << 16):
                        pass

    with service(tmp_path) as daemon:
        send(500)
        before = resident_kib(daemon.pid)
        send(10_000)
        assert resident_kib(daemon.pid) - before < 1024
        assert daemon.stop() == 0, daemon.text()


SIZES = """
import horus, os, pathlib
hosts = pathlib.Path(os.environ["HORUS_BASE"]) / "hosts"
def tick(node):
    print((hosts / "sized.stats").stat().st_size)
    node.request_stop()
for others in ([], [horus.Node("other", lambda node: None, 10)]):
    horus.run(horus.Node("tick", tick, 10), *others, name="sized")
"""


def attack(environment, count, nodes):
    """`count` pages of the names a0, a1, ... that claim `nodes` nodes each."""
    hosts = pathlib.Path(environment["HORUS_BASE"]) / "hosts"
    page = (hosts / "horusd.stats").read_bytes()
    one, two = map(int, run([PYTHON, "-c", SIZES], environment).stdout.split())
    head = bytearray(page[:one - (two - one)])
    size = len(head) + nodes * (two - one)
    struct.pack_into("<Q", head, 16, size)
    struct.pack_into("<I", head, 32, nodes)
    for i in range(count):
        head[64:128] = f"a{i}".encode().ljust(64, b"\0")
        with open(hosts / f"a{i}.stats", "wb") as file:
            os.fchmod(file.fileno(), 0o640)
            file.write(head)
            file.write(bytes(size - len(head)))


def test_pages_of_others_come_after_the_configured_ones_and_are_bounded(tmp_path):
    with service(tmp_path) as daemon:
        hosts = pathlib.Path(daemon.environment["HORUS_BASE"]) / "hosts"
        before = resident_kib(daemon.pid)
        attack(daemon.environment, 40, 2)
        reply = ask(daemon, "io.horus.Stats.Get")["parameters"]
        assert len(reply["hosts"]) == 33 and reply["truncated"]
        assert reply["hosts"][0]["pid"] == daemon.pid and reply["hosts"][0]["alive"]
        shown = run([program("horusctl"), "stats"], daemon.environment).stdout
        assert "more hosts or nodes than a reply has" in shown.splitlines()[-1]
        # Also what is not judged is told, and the verdict counts pages as the statistics do.
        notes = ask(daemon, "io.horus.Stats.Health")["parameters"]["notes"]
        assert [note for note in notes if "more hosts or nodes than are looked at" in note]
        attack(daemon.environment, 3, 1024)
        reply = ask(daemon, "io.horus.Stats.Get")["parameters"]
        nodes = [len(host["nodes"]) for host in reply["hosts"]]
        assert nodes[:3] == [1, 64, 64] and sum(nodes[3:]) == 0 and len(nodes) == 33
        for i in range(3, 40):
            (hosts / f"a{i}.stats").unlink()
        for i in range(20):
            os.link(hosts / "a0.stats", hosts / f"b{i}.stats")
        (hosts / "c.stats").symlink_to("a1.stats")
        os.mkfifo(hosts / "d.stats")
        last = (hosts / "a2.stats").read_bytes()
        (hosts / "e.stats").write_bytes(last[:64] + b"e".ljust(64, b"\0") + last[128:])
        reply = ask(daemon, "io.horus.Stats.Get")["parameters"]
        # The daemon's own, and the three that have one link, and the name that they say.
        assert len(reply["hosts"]) == 4
        # A page is not looked for behind any number of files that are none.
        for i in range(20, 100):
            os.link(hosts / "a0.stats", hosts / f"b{i}.stats")
        reply = ask(daemon, "io.horus.Stats.Get")["parameters"]
        assert len(reply["hosts"]) == 3 and reply["truncated"]
        assert resident_kib(daemon.pid) - before < 4096
        for path in hosts.glob("[a-e]*.stats"):
            path.unlink()
        assert not ask(daemon, "io.horus.Stats.Get")["parameters"]["truncated"]
        notes = ask(daemon, "io.horus.Stats.Health")["parameters"]["notes"]
        assert not [note for note in notes if "than are looked at" in note]
        assert "more hosts" not in run([program("horusctl"), "stats"], daemon.environment).stdout
        assert daemon.stop() == 0, daemon.text()


def test_a_reload_survives_what_would_end_a_parser(tmp_path):
    with service(tmp_path) as daemon:
        for text, word in [(NODE + "a." * 40_000 + "a = 1\n", "levels deep"),
                           (NODE + "#" * (1 << 20), "larger than 1 MiB")]:
            daemon.file.write_text(text)
            done = run([program("horusctl"), "reload", "--wait"], daemon.environment)
            assert done.returncode != 0 and word in done.stderr + done.stdout
        daemon.file.unlink()
        os.mkfifo(daemon.file)
        done = run([program("horusctl"), "reload", "--wait"], daemon.environment)
        assert done.returncode != 0 and "and not a file" in done.stderr + done.stdout
        assert daemon.stop() == 0, daemon.text()


def test_f35_two_reloads_at_once_are_both_answered(tmp_path):
    with service(tmp_path) as daemon:
        both = [subprocess.Popen([program("horusctl"), "reload", "--wait"], env=daemon.environment)
                for _ in range(2)]
        daemon.process.send_signal(signal.SIGHUP)
        assert [one.wait(60) for one in both] == [0, 0]
        assert daemon.stop() == 0, daemon.text()


def test_check_looks_into_plug_ins_and_sees_who_could_change_them(tmp_path):
    file = tmp_path / "robot.toml"

    tmp_path.chmod(0o755)  # Whatever the umask is.

    def check(text, **environment):
        file.write_text(text)
        file.chmod(0o644)
        return run([program("horusd"), "--check", "--config", str(file)], os.environ | environment)

    (tmp_path / "text.so").write_text("no library")
    shutil.copyfile(PLUGIN, tmp_path / "copy.so")
    for name in ("text.so", "copy.so"):
        os.chmod(tmp_path / name, 0o755)
    copied = NODE.replace(str(PLUGIN), "copy.so")
    assert check(copied).returncode == 0
    for wrong in ("text.so", str(PLUGIN.parent / "no_plugin.so")):
        done = check(NODE.replace(str(PLUGIN), wrong))
        assert done.returncode == 78 and f"{file}:1: " in done.stderr and wrong in done.stderr
    assert "no node type 'Nobody'" in check(NODE.replace("Counter", "Nobody")).stderr
    done = check(NODE + 'budget = "2 ms"\ndeadline = "1 ms"\n')
    assert done.returncode == 78 and "deadline is below budget" in done.stderr
    os.chmod(tmp_path / "copy.so", 0o775)
    done = check(copied)
    assert done.returncode == 0 and "warning: " in done.stderr and "copy.so can be" in done.stderr
    done = run([program("horusd"), "--config", str(file)],
               os.environ | {"NOTIFY_SOCKET": str(tmp_path / "none")})
    assert done.returncode == 78 and "copy.so can be written by group" in done.stderr


def test_log_lines_and_refusals_hold_no_escape_sequences(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text('["\\u001b[2J\\nhorusd: ready"]\n')
    done = run([program("horusd"), "--config", str(file)], os.environ)
    assert done.returncode == 78 and "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with own_base() as environment:
        (tmp_path / "a.py").write_text('raise RuntimeError("\\x1b[2J\\x9b31m")\n')
        file.write_text('[[host]]\nname = "a"\nmodule = "a.py"\nrestart = "never"\n')
        with Running([program("horus-pyhost"), "--config", str(file)], environment) as hosts:
            until(lambda: "RuntimeError" in hosts.text(), "failed", hosts)
            assert hosts.stop() == 1  # Its only host never was ready.
            assert "\x1b" not in hosts.text() and "\x9b" not in hosts.text()


@root_only
def test_f32_who_may_only_read_may_not_reload_and_is_named(tmp_path):
    groups = tmp_path / "group"
    groups.write_text(pathlib.Path("/etc/group").read_text() + "horus-stats:x:5103:\n")
    script = f'mount --bind {groups} /etc/group; umask 022; exec "$@"'
    prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
    with service(tmp_path, prefix=prefix) as daemon:
        base = pathlib.Path(daemon.environment["HORUS_BASE"])
        for folder in (base, daemon.sockets):
            os.chmod(folder, 0o755)
        client = textwrap.dedent("""
            import os, socket, sys
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            s.sendall(b'{"method":"io.horus.Control.Reload"}' + bytes(1))
            print(os.getpid(), s.recv(1000).decode())
        """)
        done = run(["setpriv", "--reuid=5022", "--regid=5103", "--clear-groups", PYTHON, "-c",
                    client, str(daemon.sockets / "stats.sock")], os.environ.copy())
        assert "org.varlink.service.PermissionDenied" in done.stdout, done.stderr
        pid = done.stdout.split()[0]
        until(lambda: f"user 5022 (process {pid})" in daemon.text(), "named", daemon)
        assert daemon.stop() == 0
        assert "reload" not in daemon.text()
