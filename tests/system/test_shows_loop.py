# SPDX-License-Identifier: Apache-2.0
"""The loop of a C++ node asks the kernel for nothing but the timer and wake-ups."""
import collections
import re
import signal

from running import ROVER, Running, nodes, own_base, program, until

SECONDS = 10
CALL = re.compile(r"^(?:\[pid +\d+\] )?(\w+)\((.*)")


def test_the_motor_s_loop_makes_no_system_call_but_the_timer_and_wakes(tmp_path):
    command = [program("horus"), "launch", str(ROVER)]
    with own_base() as environment, Running(command, environment) as rover:
        until(lambda: nodes(environment).get("motor"), "seen by horusctl", rover)
        until(lambda: nodes(environment)["motor"]["ticks"] > 100, "ticking", rover)
        motor = nodes(environment)["motor"]
        trace = tmp_path / "trace"
        with Running(["strace", "-qq", "-o", str(trace), "-p", str(motor["tid"])],
                     environment) as tracer:
            until(trace.exists, "a trace", tracer)
            ends = nodes(environment)["motor"]["elapsed_s"] + SECONDS
            until(lambda: nodes(environment).get("motor", motor)["elapsed_s"] > ends,
                  "time passed", rover)
            tracer.stop(signal.SIGINT)
        assert rover.process.poll() is None, rover.text()
    calls = collections.Counter()
    for line in trace.read_text().splitlines():
        match = CALL.match(line)
        if match and match[1] == "futex":
            calls["futex wake" if "WAKE" in match[2] else f"futex {match[2]}"] += 1
        elif match:
            calls[match[1]] += 1
    assert calls.pop("clock_nanosleep", 0) >= SECONDS * 100, calls
    # strace itself shows up as the interrupted sleep being taken up again.
    calls.pop("restart_syscall", None)
    calls.pop("futex wake", None)
    assert not calls, f"more than the timer and wakes: {dict(calls)}"
