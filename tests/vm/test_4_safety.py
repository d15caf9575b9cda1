# SPDX-License-Identifier: Apache-2.0
"""Nothing moves unless somebody armed it: with systemd's restarts, and over a reboot."""
import random

import pytest

from conftest import START_DEVICES, nodes, show, start, stats, until

DEATHS = 10
SEED = random.SystemRandom().randrange(10**6)
# The pings of who is stopped by a signal are missed after 3 s, and after those of its supervisor.
LEGS_HOST = r"""
[[host]]
name = "legs"
module = "/host/legs.py"
watchdog = "10 s"
"""
EXTRA = "/etc/horus/conf.d/zz-legs.toml"
WHEELS = "/run/wheels.log"


@pytest.fixture
def legs(vm, stopped):
    """The rover with a host that drives, disarmed, and a drive that listens."""
    vm.output(f"cat >{EXTRA} <<'END'\n{LEGS_HOST}\nEND")
    start(vm)
    vm.output(f"rm -f {WHEELS}; systemd-run --quiet --unit=wheels --uid=horus-py --gid=horus "
              f"--property=StandardOutput=file:{WHEELS} --property=StandardError=journal "
              "python3 /host/wheels.py")
    yield vm
    vm.output(f"systemctl stop wheels; rm -f {EXTRA} {WHEELS}; "
              "horusctl release --reason 'the test is over'; systemctl stop horus")


def told(vm):
    return [int(line) for line in vm.run(f"cat {WHEELS}")[1].split()]


def pid_of(vm, host):
    return next((one["pid"] for one in stats(vm)["hosts"] if one["name"] == host and one["alive"]),
                None)


def safety(vm):
    drive = nodes(vm).get("drive")
    return drive and drive["safety"]


def arm(vm):
    """Once everything lives again; a latch is released first."""
    vm.output("systemctl reset-failed")
    vm.until("systemctl is-active horus horus-pyhost")
    until(lambda: safety(vm) in ("disarmed", "estopped", "safe"), "it is ready")
    if safety(vm) != "disarmed":
        vm.until("horusctl release --reason 'looked at'")
        until(lambda: safety(vm) == "disarmed", "it is let go")
    assert told(vm)[-1:] in ([], [0]), f"it moves though nobody has armed it: {told(vm)}"
    vm.until("horusctl arm")
    life = pid_of(vm, "legs")
    until(lambda: told(vm)[-1:] == [life], "it drives")


@pytest.mark.long
def test_after_each_death_the_drive_has_its_fallback_and_no_order_before_an_arming(legs):
    vm, chance = legs, random.Random(SEED)
    for death in range(DEATHS):
        arm(vm)
        victim, signal = chance.choice(["rover", "legs"]), chance.choice(["KILL", "SEGV", "STOP"])
        what = f"seed {SEED}, death {death}: {signal} of {victim}"
        print(what, flush=True)
        moved = len(told(vm))
        vm.output(f"kill -{signal} {pid_of(vm, victim)}")
        until(lambda: len(told(vm)) > moved, f"the fallback ({what})")
        assert told(vm)[moved] == 0, what


def test_an_emergency_stop_outlasts_a_reboot_and_ends_by_a_release(legs):
    vm = legs
    arm(vm)
    vm.output("horusctl estop 'somebody is in the cell'")
    until(lambda: told(vm)[-1:] == [0], "it stands still")
    vm.reboot()
    vm.output(START_DEVICES)
    assert show(vm, "horus", "ActiveState") == "inactive"
    start(vm)
    until(lambda: safety(vm) == "estopped", "it is stopped from its first moment")
    rc, said = vm.run("horusctl arm")
    assert rc != 0 and "at rest" in said, said
    assert "somebody is in the cell" in vm.run("horusctl status")[1]
    rc, said = vm.run("runuser -u horus-py -- horusctl release --reason 'I may not'")
    assert rc != 0, said
    assert safety(vm) == "estopped"
    vm.output("horusctl release --reason 'nobody is in the cell'")
    until(lambda: safety(vm) == "disarmed", "it is let go, and no more")
