# SPDX-License-Identifier: Apache-2.0
"""Text that UTF-8 has no place for: bytes of file names and serial lines, as Python keeps them."""
import os
import re

import pytest

from running import PYTHON, own_base, run
from snippet import ended, prints

LINE = r"""
import horus, os
odd = b"tty\xff\xfe".decode(errors="surrogateescape")
def run(*arguments, duration=0.2, **options):
    node = horus.Node("arm", *arguments, rate=50, **options)
    scheduler = horus.Scheduler().add(node)
    scheduler.run(duration)
    return scheduler.get_node_stats("arm")
"""
SHOWN = r"tty\udcff\udcfe"


@pytest.mark.parametrize("where, said", [
    ("tick", "failed: ValueError: {} (tick 0)"), ("shutdown", "failed: ValueError: {}"),
    ("enter_safe_state", "enter_safe_state failed: ValueError: {}"),
    ("on_error", "on_error failed: ValueError: {}")])
def test_an_exception_of_a_callback_is_told_escaped(where, said):
    done = ended(LINE + f"""
def fail(*_):
    raise ValueError(odd)
class Arm(horus.Node):
    def tick(self):
        if "{where}" == "on_error":
            raise KeyError
        if "{where}" == "enter_safe_state":
            until = horus.monotonic_ns() + 30_000_000
            while horus.monotonic_ns() < until:
                pass
setattr(Arm, "{where}", fail)
horus.Scheduler().add(Arm("arm", rate=50, on_miss="safe_mode")).run(0.2)
print("ended")
""")
    assert (done.returncode, done.stdout) == (0, "ended\n")
    assert said.format(SHOWN) in done.stderr
    assert f"ValueError: {SHOWN}\n" in done.stderr and ", in fail" in done.stderr


def test_every_function_takes_such_text_and_an_emergency_stop_happens():
    done = ended(LINE + """
def tick(node):
    if horus.tick() == 2:
        horus.estop("lost " + odd)
    if node.safe:
        horus.release(odd)
        node.request_stop()
scheduler = horus.Scheduler(name="robot").add(horus.Node("arm", tick, 50, actuator=True))
scheduler.run(5)
print(scheduler.current_tick() < 100)
for call in (scheduler.has_node, scheduler.get_node_info, scheduler.get_node_stats,
             scheduler.remove_node, lambda name: scheduler.set_node_rate(name, 10),
             lambda name: scheduler.set_tick_budget(name, 10), horus.open_recording,
             lambda name: scheduler.add_critical_node(name, 10),
             lambda name: horus.Scheduler(gc=name), lambda name: horus.Scheduler(name=name)):
    try:
        print(call(odd))
    except Exception as error:
        print(type(error).__name__, "incompatible" in str(error))
""")
    assert done.returncode == 0, done.stderr
    assert f"lost {SHOWN}" in done.stderr and f"released: {SHOWN}" in done.stderr
    assert done.stdout.splitlines()[:2] == ["True", "False"]
    later = done.stdout.split("\n", 2)[2]
    assert "True\n" not in later and "TypeError" not in later, later


def test_an_exception_of_init_and_a_fatal_one_leave_run_as_they_are():
    assert prints(LINE + """
def fail(node):
    raise ValueError(odd)
for arguments, options in (((lambda n: None,), {"init": fail}),
                           ((fail,), {"failure_policy": "fatal"})):
    try:
        run(*arguments, **options)
    except ValueError as error:
        print(error.args == (odd,))
""") == ["True", "True"]


def test_an_exception_whose_text_cannot_be_had_is_told():
    done = ended(LINE + """
class Silent(Exception):
    def __str__(self):
        raise RuntimeError
def fail(node):
    raise Silent
run(fail)
""")
    assert done.returncode == 0
    assert "failed: Silent: <unprintable Silent object> (tick 0)" in done.stderr


def test_a_traceback_that_cannot_be_made_leaves_its_last_line():
    done = ended(LINE + """
import traceback
def fail(node):
    raise ValueError("bent")
traceback.format_exception = None
run(fail)
""")
    assert done.returncode == 0
    assert [line.split("arm[0]: ")[1] for line in done.stderr.splitlines()[:2]] == [
        "ValueError: bent", "failed: ValueError: bent (tick 0)"]


def test_a_node_may_log_anything():
    done = ended(LINE + r"""
class Silent:
    def __str__(self):
        raise RuntimeError
def tick(node):
    if horus.tick() > 0:
        return
    for thing in (odd, Silent(), None, 3, "zero\0byte", "\x1b[2J", "a\tb", "Grüße"):
        node.log_info(thing)
run(tick)
horus.Node("idle", tick).log_warning(odd)
print("ended")
""")
    assert done.stdout == "ended\n"
    said = [line.split("[0]: ")[1] for line in done.stderr.splitlines() if "[0]: " in line]
    assert said == [SHOWN, "<unprintable Silent object>", "None", "3", "zero byte", "?[2J", "a b",
                    "Grüße"]
    assert re.search(rf"^\d\d:\d\d:\d\d\.\d{{3}} warning: idle: {re.escape(SHOWN)}$", done.stderr,
                     re.MULTILINE), done.stderr


@pytest.mark.parametrize("call, said", [
    ("horus.Node(odd)", f"node '?': name holds what is no character: '{SHOWN}'"),
    ("horus.Node('a', on_miss=odd)", f"node 'a': on_miss holds what is no character: '{SHOWN}'"),
    ("horus.Node('a', pubs=odd)", SHOWN), ("horus.Node('a', subs={odd: dict})", SHOWN),
    ("horus.Node('a', subs={'b': {odd: 1}})", f"subs['b'] has no '{SHOWN}'"),
    ("horus.Node('a').send(odd, 1)", SHOWN), ("horus.Topic(odd)", SHOWN)])
def test_a_refusal_shows_what_it_refuses(call, said):
    done = ended(LINE + f"""
try:
    {call}
except ValueError as error:
    print(type(error).__name__, error)
""")
    assert done.stdout.startswith("ValueError ") and said in done.stdout, done.stderr


def test_an_error_about_a_path_of_any_bytes_is_an_os_error():
    with own_base() as environment:
        folder = os.fsencode(environment["HORUS_BASE"]) + b"/\xff" + "ü".encode() * 100
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        environment["HORUS_BASE"] = os.fsdecode(folder)
        done = run([PYTHON, "-c", "import horus; horus.Topic('a').send(1)"], environment)
        assert "PermissionError" in done.stderr and r"\xff" in done.stderr, done.stderr


@pytest.mark.parametrize("under_supervisor", [False, True])
def test_a_module_in_a_folder_of_any_bytes_is_run_and_its_fault_is_told(tmp_path, under_supervisor):
    folder = os.fsencode(tmp_path) + b"/robot\xe9"
    os.mkdir(folder)
    path = os.path.join(folder, b"arm.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write("import horus\nraise ValueError('bent')\n")
    reader, writer = os.pipe()
    with own_base() as environment:
        if under_supervisor:
            environment["HORUS_READY_FD"] = str(writer)
        done = run([PYTHON, "-m", "horus.host", "host", "--module", os.fsdecode(path)],
                   environment, pass_fds=[writer])
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        said = told.read()
    fault = rf"{tmp_path}/robot\udce9/arm.py:2: ValueError: bent" + "\n"
    assert done.returncode == 1
    assert (said, done.stderr) == (("failed: " + fault, "") if under_supervisor
                                   else ("", "horus.host: " + fault))
