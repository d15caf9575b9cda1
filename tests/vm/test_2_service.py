# SPDX-License-Identifier: Apache-2.0
"""The rover as a service: it starts, tells how it is, runs where it should, and stops."""
import json

import pytest

from conftest import CPP_NODES, PYTHON_HOSTS, assert_nothing_left, nodes, show, stats


def test_start_returns_when_every_cpp_node_is_ready(stopped):
    vm = stopped
    vm.output("systemctl start horus")
    ready = nodes(vm)
    assert CPP_NODES <= ready.keys()
    assert all(ready[name]["ticks"] > 0 for name in CPP_NODES)


def test_status_wait_returns_when_the_python_hosts_are_ready(rover):
    said = json.loads(rover.run("horusctl status --wait 60 --json")[1])
    assert said["ready"] is True
    states = {host["name"]: host["state"] for host in said["hosts"]}
    assert states == {name: "ready" for name in PYTHON_HOSTS | {"rover"}}


def test_systemctl_status_shows_misses_and_pauses(rover):
    line = rover.until("systemctl status horus | grep 'Status:.*py 3/3'")
    assert "| miss " in line and "gc max " in line, line


def test_stats_are_json_with_the_nodes_of_the_rover(rover):
    hosts = {host["name"]: host for host in stats(rover)["hosts"]}
    assert PYTHON_HOSTS | {"rover"} <= hosts.keys()
    assert {node["name"] for node in hosts["rover"]["nodes"]} == CPP_NODES
    for name in PYTHON_HOSTS:
        assert [node["name"] for node in hosts[name]["nodes"]] == [name]


def test_the_motor_runs_under_fifo_on_the_isolated_cpu_with_locked_memory(rover):
    pid, tid = show(rover, "horus", "MainPID"), nodes(rover)["motor"]["tid"]
    assert "SCHED_FIFO" in rover.output(f"chrt --pid {tid}")
    status = dict(line.split(":\t") for line in
                  rover.output(f"cat /proc/{pid}/task/{tid}/status").splitlines())
    assert status["Cpus_allowed_list"] == "1"
    # In kB: all that is private is locked.
    assert int(status["VmLck"].split()[0]) >= int(status["RssAnon"].split()[0]) > 0


def test_the_daemon_itself_is_no_real_time_program(rover):
    """Executors alone are on the isolated CPU and under FIFO."""
    executors = {str(node["tid"]) for node in nodes(rover).values() if node["cpu"] == 1}
    pid = show(rover, "horus", "MainPID")
    others = set(rover.output(f"ls /proc/{pid}/task").split()) - executors
    for tid in others:
        assert "SCHED_OTHER" in rover.output(f"chrt --pid {tid}")
        assert rover.output(f"taskset --pid --cpu-list {tid}").endswith(": 0")


@pytest.mark.parametrize("selection", ["-u horus-py", "-p 1", "-C systemd-journal"])
def test_everything_else_keeps_off_the_isolated_cpu(rover, selection):
    masks = rover.output(f"for tid in $(ps -L -o tid= {selection}); do "
                         "grep Cpus_allowed_list /proc/$tid/status; done").split("\n")
    assert {mask.split()[1] for mask in masks} == {"0"}


def test_the_machine_is_tuned_while_it_runs_and_put_back_afterwards(stopped):
    vm = stopped
    values = "cat /proc/sys/kernel/timer_migration /proc/sys/vm/stat_interval"
    put_back = "systemctl is-active horus-tune | grep inactive"
    vm.until(put_back)
    before = vm.output(values)
    vm.output("systemctl start horus")
    assert vm.output(values).split() == ["0", "10"] != before.split()
    assert vm.output("cat /proc/irq/default_smp_affinity").lstrip("0,") == "1"
    assert vm.output("cat /sys/devices/virtual/workqueue/cpumask").lstrip("0,") == "1"
    vm.output("systemctl stop horus")
    vm.until(put_back)
    assert vm.output(values) == before


def test_stop_leaves_no_process_and_nothing_in_shared_memory(rover):
    rover.output("systemctl stop horus")
    assert show(rover, "horus", "Result") == "success"
    assert_nothing_left(rover)


@pytest.mark.long
def test_ten_restarts_in_a_row_work(rover):
    limit = show(rover, "horus", "StartLimitBurst")
    for _ in range(10):
        rover.output("systemctl reset-failed; systemctl restart horus")
        assert CPP_NODES <= nodes(rover).keys()
    assert show(rover, "horus", "StartLimitBurst") == limit == "5"
