# SPDX-License-Identifier: Apache-2.0
"""[record] of a configuration: what the service's recorder does with it, and horus launch."""
import json
import os
import pathlib
import re
import signal
import socket
import textwrap

import pytest

from running import (ROOT, Running, nodes, of_recording, own_base, plugin_node, program, run,
                     until)

MINE = '[robot]\nname = "rover"\n[record]\npath = "{path}"\nmin_free = "0"\n'


def config(folder, text):
    file = folder / "robot.toml"
    file.write_text(text)
    return str(file)


def recorder(file, *words):
    return [program("horus-recorder"), "--config", file, *words]


def ticks(environment):
    """Of the rover's node so far."""
    done = run([program("horusctl"), "stats", "--json"], environment)
    hosts = json.loads(done.stdout)["hosts"] if done.returncode == 0 else []
    return sum(node["ticks"] for host in hosts if host["name"] == "rover" for node in host["nodes"])


@pytest.fixture
def base():
    with own_base() as environment:
        yield environment


@pytest.mark.parametrize("text, code", [("[record]\n", 0), ("", 1), ("[record]\nkeep = 3\n", 0),
                                        ("[recrod]\n", 0)])
def test_a_unit_starts_where_it_is_wanted_or_the_configuration_is_wrong(base, tmp_path, text,
                                                                       code):
    done = run(recorder(config(tmp_path, text), "--wanted"), base)
    assert done.returncode == code, done.stderr


def test_a_wrong_section_is_refused_with_its_place(base, tmp_path):
    file = config(tmp_path, "[record]\n\nsplit = 3\n")
    done = run(recorder(file), base)
    assert done.returncode == 78 and f"{file}:3: 'split' in [record] must be" in done.stderr


@pytest.mark.parametrize("path, why", [("/tmp/rec", "PrivateTmp"), ("/home/x/rec", "ProtectHome")])
def test_a_folder_that_the_unit_does_not_see_is_refused_by_a_check(base, tmp_path, path, why):
    file = config(tmp_path, MINE.format(path=path))
    for command in ([program("horusd"), "--config", file, "--check"], recorder(file)):
        done = run(command, base)
        assert done.returncode == 78 and f"{file}:4: 'path' in [record] is" in done.stderr
        assert why in done.stderr
    # The unit's own word, which is the reason.
    assert f"\n{why}=yes\n" in (ROOT / "systemd/horus-recorder.service.in").read_text()


def test_without_the_section_there_is_nothing_to_record(base, tmp_path):
    done = run(recorder(config(tmp_path, "")), base)
    assert done.returncode == 78 and "no section [record]" in done.stderr


def test_it_says_that_it_is_ready_and_a_stop_closes_the_file_with_its_configuration(
        base, tmp_path):
    file = config(tmp_path, MINE.format(path=tmp_path / "rec"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        # With HORUS_LAUNCHED it is none of a service, whose files would have to be root's.
        with Running(recorder(file), base | {"NOTIFY_SOCKET": str(tmp_path / "notify"),
                                             "HORUS_LAUNCHED": "1"}) as running:
            said = ""
            while "READY=1" not in said:
                said = manager.recv(4096).decode()
            assert "STATUS=records to " in said
            assert running.stop(signal.SIGTERM) == 0, running.text()
            while "STOPPING=1" not in said:
                said = manager.recv(4096).decode()
    [made] = (tmp_path / "rec").iterdir()
    assert re.fullmatch(r"rover_[\d-]+_[\d-]+\.mcap", made.name)
    whole, system = of_recording(made, "[r.whole, r.notes['horus.system']]")
    assert whole and system.keys() >= {"horus", "kernel", "cmdline", "machine", "config_crc32"}
    # The reader of another project has it; here its text and its name are enough.
    assert pathlib.Path(file).read_bytes() in made.read_bytes()
    assert file.encode() in made.read_bytes()


def test_who_records_for_a_program_says_nothing_in_a_service_s_name(base, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        done = run([program("horus-recorder"), "-o", str(tmp_path / "run.mcap"),
                    "--for=100000000"], base | {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert done.returncode == 0, done.stderr
        with pytest.raises(BlockingIOError):
            manager.recv(4096)


def test_all_its_threads_keep_to_the_housekeeping_cpus(base, tmp_path):
    cpu = min(os.sched_getaffinity(0))
    text = f'[cpus]\nhousekeeping = "{cpu}"\n' + MINE.format(path=tmp_path / "rec")
    with Running(recorder(config(tmp_path, text)), base | {"HORUS_LAUNCHED": "1"}) as running:
        until(lambda: "recorder" in run([program("horusctl"), "status"], base).stdout, "it records",
              running)
        tasks = pathlib.Path(f"/proc/{running.process.pid}/task")
        until(lambda: len(list(tasks.iterdir())) >= 3, "its threads", running)
        for task in tasks.iterdir():
            assert f"\nCpus_allowed_list:\t{cpu}\n" in (task / "status").read_text()
        assert running.stop(signal.SIGTERM) == 0, running.text()


def test_launch_records_what_the_configuration_says(base, tmp_path):
    rec = tmp_path / "rec"
    file = config(tmp_path, MINE.format(path=rec) + plugin_node("motor", "Counter"))
    done = run([program("horusctl"), "launch", file, "--duration", "4"], base)
    assert done.returncode == 0, done.stderr + done.stdout
    [made] = rec.iterdir()
    assert of_recording(made, "r.whole")


FAREWELL = textwrap.dedent("""
    import pathlib, time, horus
    def tick(node):
        node.send("cmd", horus.CmdVel(linear=0, angular=0))
    def shutdown(node):
        # Longer than a recorder takes for its end.
        for i in range(1, 51):
            node.send("cmd", horus.CmdVel(linear=i, angular=0))
            time.sleep(0.01)
    node = horus.Node("driver", tick, shutdown=shutdown, rate=50, pubs=["cmd"])
""")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_launch_ends_its_recorder_when_all_others_have_ended(base, tmp_path, how):
    rec = tmp_path / "rec"
    (tmp_path / "drive.py").write_text(FAREWELL)
    patient = '[robot]\nstop_timeout = "60 s"\n'
    file = config(tmp_path, MINE.format(path=rec).replace("[robot]\n", patient) +
                  '[[host]]\nname = "arm"\nmodule = "drive.py"\n')
    with Running([program("horusctl"), "launch", file], base) as robot:
        until(lambda: "host 'arm' ready" in robot.text(), "ready", robot)
        until(lambda: nodes(base)["recorder"]["received"] > 0, "it records", robot)
        if how == signal.SIGINT:  # As a terminal does: to each process of the group.
            os.killpg(robot.pid, signal.SIGINT)
            assert robot.wait() == 0, robot.text()
        else:
            assert robot.stop(how) == 0, robot.text()
    [made] = rec.iterdir()
    assert of_recording(made, "[r.whole, [m.value.linear for m in r.messages('cmd')][-1]]") == [
        True, 50]


def test_a_recorder_that_cannot_record_ends_no_robot(base, tmp_path):
    (tmp_path / "rec").write_text("no folder")
    file = config(tmp_path, MINE.format(path=tmp_path / "rec") + plugin_node("motor", "Counter"))
    with Running([program("horusctl"), "launch", file], base) as robot:
        until(lambda: "the robot goes on, and is not recorded" in robot.text(), "it is said", robot)
        first = until(lambda: ticks(base), "it runs", robot)
        until(lambda: ticks(base) > first + 100, "it goes on", robot)
        assert robot.stop(signal.SIGTERM) == 0


def test_the_unit_is_the_recorder_s_own():
    unit = (ROOT / "systemd/horus-recorder.service.in").read_text()
    for line in ("User=horus-rec", "MemoryMax=768M", "CapabilityBoundingSet=",
                 "RestrictRealtime=yes", "NoNewPrivileges=yes", "StateDirectory=horus/rec"):
        assert f"\n{line}\n" in unit
    assert "[Install]" not in unit
    users = (ROOT / "systemd/horus.sysusers").read_text()
    assert "\nu horus-rec " in users and "\nm horus-rec horus\n" in users
    assert "horus-recorder.service" in (ROOT / "systemd/horus.service.in").read_text()
    assert "horus-recorder.service" in (ROOT / "debian/horus.prerm").read_text()
