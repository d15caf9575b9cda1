# SPDX-License-Identifier: Apache-2.0
"""What systemd hears of the service."""
import pathlib
import re
import signal
import socket

import pytest

from running import WATCHDOG, Running, own_base, plugin_node, program, until


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(WATCHDOG)
        yield listener


def service(tmp_path, environment, at):
    return begin(tmp_path, environment,
                 plugin_node("spin", "Hanging", more='watchdog = "3 s"\n', at=at))


def begin(tmp_path, environment, nodes):
    file = tmp_path / "robot.toml"
    file.write_text('[robot]\nstop_timeout = "1 s"\n' + nodes)
    environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}
    return Running([program("horusd"), "--config", str(file)], environment)


def heard(listener, last):
    """All messages up to the first that begins with `last`."""
    messages = []
    while not messages or not messages[-1].startswith(last):
        messages.append(listener.recv(4096).decode())
    return messages


def test_the_watchdog_is_fed_until_the_node_that_hangs_can_be_named(tmp_path, systemd):
    with own_base() as environment, service(tmp_path, environment, 30) as daemon:
        until(lambda: "soon it is taken for hung" in daemon.text(), "half of the way", daemon)
        systemd.settimeout(0)
        with pytest.raises(BlockingIOError):
            heard(systemd, "never")
        systemd.settimeout(WATCHDOG)
        assert "WATCHDOG=1" in heard(systemd, "WATCHDOG=trigger")
        # The log has a thread of its own.
        until(lambda: "node 'spin' hangs: it has been in its tick for" in daemon.text(), "named")


def begun_of(message):
    """How many nodes a start's progress tells; it asks for more time with it."""
    match = re.fullmatch(r"STATUS=starting: (\d+) of 200 nodes have begun\n"
                         r"EXTEND_TIMEOUT_USEC=30000000", message)
    return int(match[1]) if match else None


def test_f55_a_start_of_two_hundred_nodes_tells_how_far_it_is_and_asks_for_more_time(
        tmp_path, systemd):
    slow = "".join(plugin_node(f"slow-{i}", "Slow", rate=1, init_ms=20) for i in range(200))
    with own_base() as environment, begin(tmp_path, environment, slow) as daemon:
        said = heard(systemd, "READY=1")
        begun = [begun_of(message) for message in said if begun_of(message) is not None]
        assert len(begun) >= 2 and begun == sorted(set(begun)), said
        assert begun[-1] <= 200
        until(lambda: "ready: 200 nodes" in daemon.text(), "ready", daemon)
        assert daemon.stop() == 0, daemon.text()


def test_f55_a_start_in_which_nothing_moves_asks_for_no_time(tmp_path, systemd):
    hangs = plugin_node("hangs", "Hanging", **{"in": '"init"', "sleeps": "true"})
    with own_base() as environment, begin(tmp_path, environment, hangs) as daemon:
        until(lambda: "'hangs'" in daemon.text(), "its init() was named", daemon)
        daemon.process.kill()
        daemon.wait()
        systemd.settimeout(0)
        with pytest.raises(BlockingIOError):
            heard(systemd, "STATUS=starting: ")
            heard(systemd, "STATUS=starting: 0")


def test_a_listener_is_kept_once_and_given_back_at_a_stop(tmp_path, systemd):
    with own_base() as environment, service(tmp_path, environment, 1_000_000) as daemon:
        started = heard(systemd, "READY=1")
        for name in ("stats.sock", "control.sock"):
            forget = f"FDSTOREREMOVE=1\nFDNAME={name}"
            store = f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}"
            assert started.index(forget) < started.index(store), "those that no client reaches"
        assert daemon.stop() == 0
        systemd.settimeout(0)
        stopped = []
        with pytest.raises(BlockingIOError):
            while True:
                stopped.append(systemd.recv(4096).decode())
        for name in ("stats.sock", "control.sock"):
            assert f"FDSTOREREMOVE=1\nFDNAME={name}" in stopped


def test_sockets_that_were_removed_are_made_again_or_the_status_says_so(tmp_path, systemd):
    with own_base() as environment, service(tmp_path, environment, 1_000_000) as daemon:
        heard(systemd, "READY=1")
        folder = pathlib.Path(environment["HORUS_BASE"], "run")
        for name in ("stats.sock", "control.sock", "estop.sock"):
            (folder / name).unlink()
            until((folder / name).exists, "made again", daemon)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(folder / name))
                client.sendall(b'{"method": "org.varlink.service.GetInfo"}\0')
                assert client.recv(4096).startswith(b'{"parameters"'), name
            assert f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}" in heard(systemd, "FDSTORE=1")
        folder.chmod(0o775)  # The service makes none where others might change it.
        (folder / "control.sock").unlink()
        until(lambda: "cannot be made again" in daemon.text(), "told", daemon)
        # A reload has words of its own, and leaves those.
        (tmp_path / "robot.toml").write_text("[robot\n")
        daemon.process.send_signal(signal.SIGHUP)
        said = [""]
        while "reload rejected" not in said[-1]:
            said = heard(systemd, "STATUS=")
        assert "no client reaches control.sock: start this service again" in said[-1]
        folder.chmod(0o755)
        until((folder / "control.sock").exists, "made again", daemon)
        while "reload rejected" not in said[-1] or "no client" in said[-1]:
            said = heard(systemd, "STATUS=")
        assert daemon.stop() == 0, daemon.text()
