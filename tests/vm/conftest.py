# SPDX-License-Identifier: Apache-2.0
"""One virtual machine for the whole session, the packages installed in it, the rover configured
and running; each fixture brings about what a single test needs, whatever ran before."""
import json
import os
import pathlib
import re
import shutil
import tempfile
import time

import pytest

from machine import Machine, MachineError

HERE = pathlib.Path(__file__).parent
LIFE = 3600.0
CPP_NODES = {"motor", "imu", "camera", "lidar", "joystick"}
PYTHON_HOSTS = {"planner", "detector", "logger"}

# What its drives and its joystick take: until the next reboot, and for good.
START_DEVICES = r"""
set -e
modprobe -a vcan uinput
ip link add vcan0 type vcan
ip link set vcan0 up
mkfifo /run/stick
# Open in both directions: the stick sees no end of its input between two moves.
systemd-run --quiet --unit=stick sh -c 'exec python3 /host/stick.py <>/run/stick'
"""
SET_UP_ROVER = r"""
set -e
mkdir -p /etc/systemd/system/horus.service.d
echo 'SUBSYSTEM=="input", ATTRS{name}=="test stick", SYMLINK+="input/stick"' \
  >/etc/udev/rules.d/70-stick.rules
printf '[Service]\nDeviceAllow=char-input r\nSupplementaryGroups=input\n' \
  >/etc/systemd/system/horus.service.d/devices.conf
udevadm control --reload
systemctl daemon-reload
mkdir -p /opt
cp -r /host/rover /opt
ln -s /opt/rover/rover.toml /etc/horus/conf.d/rover.toml
""" + START_DEVICES


# The pace of VM-5, by file of the rover.
PACE = {
    "rover.toml": (('rate = "1 kHz"', "rate = 100"), ('deadline = "900 us"', 'deadline = "8 ms"'),
                   ("rate = 500", "rate = 50"), ("rate = 30", "rate = 0.5"),
                   ("rate = 10\n", "rate = 2\n")),
    "planner.py": (("rate=50", "rate=10"),),
    "detector.py": (("rate=10", "rate=2"),),
}


def at_a_pace(name: str, text: str) -> str:
    for fast, slow in PACE[name]:
        assert text.count(fast) == 1, (name, fast)
        text = text.replace(fast, slow)
    return text


def rover_toml(text: str) -> str:
    """The example as its README says: absolute paths and real hardware."""
    # Without KVM a frame may take the emulator longer than a tick may take anywhere else.
    detector = 'module = "detector.py"\n'
    assert detector in text
    text = text.replace(detector, detector + 'watchdog = "60 s"\nhang_timeout = "60 s"\n')
    text = re.sub(r'(plugin|module) = "', r'\1 = "/opt/rover/', text)
    text = text.replace("params = { kp", 'params = { can = "vcan0", can_ms = 10, kp')
    return text + """
[[node]]
name = "joystick"
plugin = "/opt/rover/librover_nodes.so"
type = "Joystick"
rate = 50
params = { device = "/dev/input/stick" }
"""


def pytest_configure(config):
    config.addinivalue_line("markers",
                            "long: takes minutes in the emulator; only check --all runs it")


class Results:
    """Where a failed session can be read from afterwards."""

    folder = pathlib.Path(os.environ.get("HORUS_VM_RESULTS", "/tmp/horus-vm"))
    console = folder / "console.log"
    journal = folder / "journal.log"


@pytest.fixture(scope="session")
def vm():
    Results.folder.mkdir(parents=True, exist_ok=True)
    packages = pathlib.Path(os.environ["HORUS_VM_PACKAGES"])
    with tempfile.TemporaryDirectory(prefix="horus-vm-share-") as folder:
        share = pathlib.Path(folder)
        share.chmod(0o755)  # The services' users read it, too.
        for name in ("agent.py", "stick.py", "kill_host.py", "deaf.py", "bomb.py",
                     "swarm.py", "legs.py", "wheels.py"):
            shutil.copy(HERE / name, share)
        for name in ("repo", "rover"):
            shutil.copytree(packages / name, share / name)
        for name in PACE:
            file = share / "rover" / name
            file.write_text(at_a_pace(name, file.read_text()))
        rover = share / "rover/rover.toml"
        rover.write_text(rover_toml(rover.read_text()))
        image = pathlib.Path(os.environ["HORUS_VM_IMAGE"])
        with Machine(image, share, Results.console, LIFE) as machine:
            yield machine
            Results.journal.write_text(journal_of(machine))


def journal_of(machine: Machine) -> str:
    try:
        return machine.run("journalctl --boot --no-pager --output=short-monotonic")[1]
    except MachineError as error:
        return f"{error}\n"


def pytest_terminal_summary(terminalreporter):
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"console of the machine: {Results.console}")
        terminalreporter.write_line(f"its journal: {Results.journal}")


@pytest.fixture(scope="session")
def apt(vm):
    """What apt said while it installed the packages from a local repository."""
    vm.output("echo 'deb [trusted=yes] file:/host/repo ./' >/etc/apt/sources.list")
    return (vm.output("apt-get update") + "\n" +
            vm.output("DEBIAN_FRONTEND=noninteractive apt-get install -y horus", timeout=180))


@pytest.fixture(scope="session")
def rover_set_up(vm, apt):
    vm.output(SET_UP_ROVER)


@pytest.fixture
def rover(vm, rover_set_up):
    """The rover as a service, every C++ node and every Python host ready."""
    start(vm)
    return vm


@pytest.fixture
def stopped(vm, rover_set_up):
    """The rover configured, and nothing running."""
    vm.output("systemctl stop horus; systemctl reset-failed")
    return vm


def start(vm):
    """The service, and every host of its configuration."""
    vm.output("systemctl reset-failed; systemctl start horus")
    # A machine that grants less than was wanted makes it end with 1.
    status = json.loads(vm.run("horusctl status --wait 600 --json", timeout=620)[1])
    assert status["ready"], status


def stats(vm) -> dict:
    return json.loads(vm.output("horusctl stats --json"))


def nodes(vm) -> dict:
    """Every node of a living host, by name."""
    return {node["name"]: node for host in stats(vm)["hosts"] if host["alive"]
            for node in host["nodes"]}


def show(vm, unit: str, name: str) -> str:
    """A property of a unit."""
    return vm.output(f"systemctl show --value --property={name} {unit}")


def until(condition, what: str, timeout: float = 180.0):
    """What `condition()` returns once it is true."""
    end = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.2)
    return result


def assert_nothing_left(vm):
    """No process of ours, and nothing in shared memory but the folder, whose name stays taken."""
    assert vm.run("pgrep --list-full --euid horus,horus-py")[1] == ""
    assert vm.output("ls -A /dev/shm") == "horus"
    assert vm.output("find /dev/shm/horus -mindepth 1") == ""
