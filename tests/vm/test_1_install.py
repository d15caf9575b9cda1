# SPDX-License-Identifier: Apache-2.0
"""A fresh installation, before anything is configured."""
import os
import pathlib
import re

import pytest

UNITS = ("horus.service", "horus-pyhost.service")


def test_apt_has_nothing_to_complain_about(vm, apt):
    complaints = [line for line in apt.splitlines() if re.match("[WE]:", line)]
    assert complaints == []
    assert vm.output("dpkg --audit") == ""


def test_lintian_finds_no_error():
    found = (pathlib.Path(os.environ["HORUS_VM_PACKAGES"]) / "lintian.log").read_text()
    assert [line for line in found.splitlines() if line.startswith("E:")] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_fresh_installation_neither_enables_nor_starts(vm, apt, unit):
    assert vm.run(f"systemctl is-enabled {unit}")[1].strip() in ("disabled", "indirect")
    assert vm.run(f"systemctl is-active {unit}")[1].strip() == "inactive"
    assert vm.run("pgrep --list-full --euid horus,horus-py")[1] == ""


def test_systemd_finds_no_fault_in_our_files(vm, apt):
    ours = r"horus|after-stop"
    said = vm.run("systemd-analyze verify --man=no --recursive-errors=no "
                  "/lib/systemd/system/horus*", timeout=120)[1]
    assert [line for line in said.splitlines() if re.search(ours, line)] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_exposed_to_little(vm, apt, unit):
    said = vm.output(f"systemd-analyze security --no-pager {unit}", timeout=120)
    exposure = float(re.search(r"Overall exposure level for .*: ([\d.]+)", said)[1])
    assert exposure <= 2.5, said


def test_the_manual_and_the_completions_are_there(vm, apt):
    """dpkg's list has them; the machine itself leaves documentation out."""
    files = vm.output("dpkg --listfiles horus horusctl")
    for name in ("man1/horusctl.1.gz", "man5/horus.toml.5.gz", "man8/horusd.8.gz",
                 "man8/horus-pyhost.8.gz", "bash-completion/completions/horusctl"):
        assert f"/{name}\n" in files + "\n", name


def test_the_default_configuration_is_without_fault(vm, apt):
    assert "no error found" in vm.output("horusd --check")
