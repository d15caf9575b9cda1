# SPDX-License-Identifier: Apache-2.0
"""What happens when something dies, hangs or is wrong."""
import json

import pytest

from conftest import assert_nothing_left, nodes, show, start, stats, until

DEAF_HOST = r"""
[[host]]
name = "deaf"
module = "/host/deaf.py"
"""
MOTOR_HZ = 200
EXTRA = "/etc/horus/conf.d/zz.toml"


def pids(vm):
    return {host["name"]: host["pid"] for host in stats(vm)["hosts"] if host["alive"]}


def journal_since(vm, cursor):
    return vm.output(f"journalctl --no-pager --output=cat --after-cursor='{cursor}'")


def cursor_of(vm):
    return vm.output("journalctl --lines=0 --show-cursor").split("-- cursor: ")[1]


@pytest.fixture
def configured(vm):
    """Puts a file into conf.d for one test; `configured(text)`."""
    def put(text):
        vm.output(f"cat >{EXTRA} <<'END'\n{text}\nEND")
    yield put
    # What runs with it would be another robot for the next test.
    vm.output(f"rm -f {EXTRA}; systemctl stop horus")


def test_a_killed_python_host_comes_back_and_the_motor_does_not_notice(rover):
    result = json.loads(rover.output("python3 /host/kill_host.py planner", timeout=400))
    assert result["spawned_s"] < 1.0, result
    assert result["ready_s"] < 10 * result["import_s"], result
    # A motor that waited for the host would lose the whole of ready_s, a thousand releases and
    # more. The emulator loses up to 90 ms of them at a host's death (VM-5).
    assert result["lost"] <= max(result["undisturbed"]) + 0.25 * MOTOR_HZ, result


def test_a_stopped_daemon_is_restarted_by_the_watchdog_with_its_counters(stopped, configured):
    vm = stopped
    configured(DEAF_HOST)
    start(vm)
    before, ticks, cursor = pids(vm), nodes(vm)["motor"]["ticks"], cursor_of(vm)
    vm.output(f"kill -STOP {before['rover']}")
    # The watchdog's 3 s, and the time that the machine takes to start a daemon.
    until(lambda: show(vm, "horus", "NRestarts") == "1", "restarted")
    vm.until("systemctl is-active horus")
    assert "Watchdog timeout" in journal_since(vm, cursor)
    after = pids(vm)
    assert after["rover"] != before["rover"]
    assert nodes(vm)["motor"]["ticks"] >= ticks
    # The hosts, the deaf one among them, went on all the while.
    assert {name: after[name] for name in before if name != "rover"} == {
        name: pid for name, pid in before.items() if name != "rover"}
    vm.output("systemctl stop horus")
    assert_nothing_left(vm)


def test_a_daemon_that_fails_for_good_takes_everything_along(rover):
    # Five starts a minute are allowed; how many kills that takes depends on when the first was.
    state = "systemctl show --value --property=ActiveState horus | grep -E '^(active|failed)$'"
    for _ in range(8):
        if rover.until(state) == "failed":
            break
        rover.output(f"kill -KILL {show(rover, 'horus', 'MainPID')}")
    until(lambda: show(rover, "horus", "ActiveState") == "failed", "failed for good")
    until(lambda: show(rover, "horus-pyhost", "ActiveState") == "inactive", "hosts stopped")
    until(lambda: show(rover, "horus-failure", "ActiveState") == "inactive", "put away")
    assert_nothing_left(rover)


def test_a_wrong_configuration_is_refused_once(stopped, configured):
    vm = stopped
    configured('[[node]]\nname = "motor"\nrate = "fast"')
    rc, said = vm.run("horusd --check")
    assert rc == 78 and f"{EXTRA}:3: 'rate' in [[node]] must be" in said, said
    assert vm.run("systemctl start horus", timeout=60)[0] != 0
    assert show(vm, "horus", "ExecMainStatus") == "78"
    # Several times the pause before a restart.
    vm.output("sleep 2")
    assert show(vm, "horus", "ActiveState") == "failed"
    assert show(vm, "horus", "NRestarts") == "0"
    assert f"{EXTRA}:3" in show(vm, "horus", "StatusText")
    until(lambda: show(vm, "horus-pyhost", "ActiveState") == "inactive", "hosts stopped")
    assert_nothing_left(vm)


def test_a_refused_reload_fails_visibly_and_changes_nothing(rover, configured):
    pid, ticks = show(rover, "horus", "MainPID"), nodes(rover)["motor"]["ticks"]
    configured('[realtime]\nmode = "full"')
    assert rover.run("systemctl reload horus")[0] != 0
    assert show(rover, "horus", "ActiveState") == "active"
    assert show(rover, "horus", "MainPID") == pid
    assert nodes(rover)["motor"]["ticks"] > ticks
    rover.until(f"systemctl status horus | grep 'reload rejected: {EXTRA}:2'")


def test_a_reload_puts_a_changed_budget_into_force(rover):
    assert nodes(rover)["motor"]["budget_us"] == 300
    change = "sed -i 's/budget = \"{}\"/budget = \"{}\"/' /opt/rover/rover.toml"
    rover.output(change.format("300 us", "400 us"))
    rover.output("systemctl reload horus")
    assert nodes(rover)["motor"]["budget_us"] == 400
    rover.output(change.format("400 us", "300 us"))
    rover.output("systemctl reload horus")
