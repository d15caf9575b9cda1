# SPDX-License-Identifier: Apache-2.0
"""What other users of the machine can do to root and to the services: nothing outside of the base
changes, and nothing that they can open decides whether horusd starts."""
import json
import os
import pathlib
import subprocess

import pytest

from hostile_users import HOSTS, STRANGER
from running import (PYTHON, WATCHDOG, Running, own_base, program, remove_base, run, stats,
                     until)
from test_service_edges import service

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="becoming other users needs root")


def seen(case):
    script = pathlib.Path(__file__).with_name("hostile_users.py")
    # Processes of its own, too: those of others are not seen, and none outlives the case.
    own = ["unshare", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "--propagation",
           "private"]
    done = subprocess.run([*own, PYTHON, str(script), case], capture_output=True, text=True,
                          timeout=WATCHDOG)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_f19_root_deletes_nothing_where_a_stranger_made_its_base_and_names_him():
    found = seen("strangers-base")
    assert found["unharmed"]
    for code, said in (found["python"], found["launch"]):
        assert "/dev/shm/horus-0 (uid 61003)" in said
        assert code != 0


def test_users_who_cannot_hear_each_other_are_told_once_who_there_is_and_what_to_do():
    found = seen("apart")
    for uid, said in found["said"].items():
        assert said.count("nobody else is heard in") == 1, (uid, said)
        assert f"/dev/shm/horus-{uid}" in said
        others = [pid for other, pid in found["pids"].items() if other != uid]
        assert any(f"(pid {pid})" in said for pid in others), (uid, said)
        assert ("not as root" if uid == "0" else "run both as one user") in said


def test_users_who_do_not_see_each_other_s_processes_are_told_as_well():
    said = seen("containers")["said"]
    for uid, other, part in ((HOSTS, STRANGER, "/left"), (STRANGER, HOSTS, "")):
        text = said[str(uid)]
        assert text.count(f"nobody else is heard in /dev/shm/horus-{uid}{part}; uid {other} (in a "
                          f"container, or hidden) runs HORUS, too, in /dev/shm/horus-{other}: "
                          "run both as one user") == 1, text


def test_a_container_whose_root_is_this_user_is_told_and_where_both_can_meet():
    said = seen("renumbered")["said"]
    assert "runs HORUS, too, in /dev/shm/horus-0: run both with one HORUS_BASE" in said
    assert len(said.splitlines()) == 1, said


def test_a_base_in_which_nobody_is_frightens_nobody():
    found = seen("alone")
    assert found["said"] == ""
    assert found["code"] == 0


def test_a_script_finds_the_running_service_where_its_user_may_or_says_why_not():
    said = seen("beside")
    assert said["member"] == ["1.0\n", ""]
    out, told = said["stranger"]
    assert out == "False\n" and told.count("\n") == 1
    assert "adduser" in told and "61000" in told and "/dev/shm/horus:" in told
    assert said["apart"][0] == "False\n" and "with HORUS_BASE=/dev/shm/horus" in said["apart"][1]


@pytest.mark.parametrize("case", ["locked", "squatted", "typed"])
def test_horusd_starts_whatever_the_hosts_user_did_before(case):
    found = seen(case)
    assert found["ready"], found["log"]
    assert found["code"] == 0, found["log"]
    assert found["unharmed"]
    types = {topic["name"]: topic["type"] for topic in found["topics"]}
    assert types["cmd_vel"] == "CmdVel" and types["imu"] == "Imu"
    if case == "typed":
        ignored = {topic["name"]: topic["ignored"] for topic in found["topics"]}
        assert ignored["cmd_vel"] > 0 and ignored["odom"] == 0


def test_f53_a_second_daemon_names_the_first_which_goes_on(tmp_path):
    with service(tmp_path) as daemon:
        command = [program("horusd"), "--config", str(daemon.file)]
        for _ in range(2):
            second = run(command, daemon.environment)
            assert second.returncode == 75, second.stderr
            assert f"already running as process {daemon.pid}" in second.stderr
        ticks = stats(daemon.environment)["hosts"][0]["nodes"][0]["ticks"]
        until(lambda: stats(daemon.environment)["hosts"][0]["nodes"][0]["ticks"] > ticks, "ticks")
        # What the dead left holds nobody up: it is the lock that counts, not its file.
        daemon.process.kill()
        daemon.wait()
        assert (daemon.sockets / "horusd.lock").exists()
        with Running(command, daemon.environment) as successor:
            until(lambda: "ready: " in successor.text(), "ready", successor)
            assert successor.stop() == 0, successor.text()


def test_a_launch_that_is_refused_leaves_the_robot_what_its_dead_hosts_counted(tmp_path):
    module = "import horus\nhorus.run(horus.Node('worker', tick=lambda n: None, rate=50))\n"
    with service(tmp_path) as daemon:
        base = pathlib.Path(daemon.environment["HORUS_BASE"])
        worker = lambda: [host for host in stats(daemon.environment)["hosts"]  # noqa: E731
                          if any(node["name"] == "worker" for node in host["nodes"])]
        with Running([PYTHON, "-c", module], daemon.environment) as host:
            until(lambda: [one for one in worker() if one["ready"]], "it ticks", host)
            host.process.kill()
            host.wait()
        before = sorted(path.name for path in (base / "hosts").iterdir())
        done = run([program("horus"), "launch", str(daemon.file)], daemon.environment)
        assert done.returncode != 0 and "already running" in done.stderr
        assert sorted(path.name for path in (base / "hosts").iterdir()) == before
        assert daemon.stop() == 0, daemon.text()


def test_a_host_imports_nothing_from_the_folder_that_the_robot_was_started_in(tmp_path):
    strange = tmp_path / "strange"
    (strange / "horus").mkdir(parents=True)
    for name in ("argparse.py", "horus/__init__.py"):
        (strange / name).write_text("raise SystemExit('of a stranger')\n")
    (tmp_path / "a.py").write_text(
        "import horus\nnodes = [horus.Node('n', tick=lambda n: None, rate=50)]\n")
    file = tmp_path / "robot.toml"
    file.write_text('[[host]]\nname = "a"\nmodule = "a.py"\nrestart = "never"\n')
    with own_base() as environment:
        command = ["env", "-C", str(strange), program("horus-pyhost"), "--config", str(file)]
        with Running(command, environment) as hosts:
            until(lambda: "host 'a' ready" in hosts.text(), "ready", hosts)
            assert hosts.stop() == 0, hosts.text()


def test_a_host_whose_python_cannot_be_started_says_why(tmp_path):
    (tmp_path / "a.py").write_text("")
    no_program = tmp_path / "python"
    no_program.write_text("no program\n")
    no_program.chmod(0o755)
    file = tmp_path / "robot.toml"
    file.write_text('[[host]]\nname = "a"\nmodule = "a.py"\nrestart = "never"\n')
    script = f'mount --bind {no_program} /usr/bin/python3; exec "$@"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh",
               program("horus-pyhost"), "--config", str(file)]
    with own_base() as environment:
        with Running(command, environment) as hosts:
            until(lambda: "cannot start /usr/bin/python3: Exec format error" in hosts.text(),
                  "the reason", hosts)


def test_a_service_whose_shared_memory_is_removed_says_so_once_and_what_to_do(tmp_path):
    with service(tmp_path) as daemon:
        remove_base(daemon.environment)
        until(lambda: "somebody removed the sockets in" in daemon.text(), "told", daemon)
        until(lambda: "it was made again" in daemon.text(), "made again", daemon)
        host = until(lambda: stats(daemon.environment)["hosts"], "statistics", daemon)[0]
        assert host["alive"]
        assert daemon.text().count("somebody removed the sockets") == 1
        assert daemon.text().count("somebody removed the shared memory") == 1
        assert daemon.stop() == 0, daemon.text()
