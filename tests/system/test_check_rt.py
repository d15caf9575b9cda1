# SPDX-License-Identifier: Apache-2.0
"""`horus launch --check-rt`: what ticks of C++ nodes do that real-time ticks may not."""
import re

import pytest

from running import own_base, plugin_node, program, run

ROBOT = '[robot]\nname = "st"\n[realtime]\nmode = "off"\n'


def checked(folder, *does, flags=("--check-rt",)):
    text = ROBOT + "".join(plugin_node(one, "Untidy", does=f'"{one}"') for one in does)
    (folder / "robot.toml").write_text(text)
    with own_base() as environment:
        return run([program("horus"), "launch", str(folder / "robot.toml"), "--duration", "1",
                    *flags], environment)


@pytest.mark.parametrize("does, what", [
    ("allocates", "allocation"), ("allocates", "release of memory"),
    ("locks", "lock of a mutex"), ("calls", "system call 110"),
    ("sleeps", r"system call clock_nanosleep \(a sleep\)")])
def test_each_is_told_with_its_node_its_count_and_its_stack(does, what, tmp_path):
    if does == "calls":
        import platform
        if platform.machine() != "x86_64":
            what = r"system call \d+"
    done = checked(tmp_path, does)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^check-rt: node '{does}', tick \d+: {what}\n"
                     r"(    .*\n)*    .*Untidy::tick.*\(good_plugin\.so\)\n(?!    )",
                     done.stderr, re.M), done.stderr
    count = re.search(rf"^check-rt: node '{does}': (\d+) times {what}$", done.stderr, re.M)
    assert count and int(count[1]) > 20, done.stderr


def test_a_tick_that_makes_its_memory_grow_goes_on(tmp_path):
    """It is then within malloc(), with its lock held, when the kernel tells of the call."""
    done = checked(tmp_path, "grows")
    assert done.returncode == 0, done.stderr
    assert re.search(r"node 'grows': \d+ times system call (mprotect|brk|mmap)", done.stderr)


def test_a_tidy_node_beside_an_untidy_one_is_not_named(tmp_path):
    done = checked(tmp_path, "nothing", "locks")
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("check-rt: node")]
    assert told and all("node 'locks'" in line or "page fault" in line for line in told), told


def test_it_is_off_unless_it_is_asked_for(tmp_path):
    done = checked(tmp_path, "allocates", flags=())
    assert (done.returncode, "check-rt" in done.stderr) == (0, False)
