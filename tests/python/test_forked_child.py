# SPDX-License-Identifier: Apache-2.0
"""A child that is forked in a function of ours and comes back from it."""
import pytest

from snippet import ended

pytestmark = pytest.mark.forks

FORKING = """
import horus, os, sys, threading
parent, ends = os.getpid(), []
def fork_once(leave):
    if ends or os.getpid() != parent:
        return None
    child = os.fork()
    if child == 0:
        return leave()
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
def fail():
    raise ValueError("bent")
def run(duration=1, **callbacks):
    callbacks.setdefault("tick", lambda node: None)
    node = horus.Node("arm", rate=100, **callbacks)
    scheduler = horus.Scheduler().add(node)
    try:
        scheduler.run(duration)
    finally:
        print(ends, os.getpid() == parent)
    return scheduler.get_node_stats("arm")
"""
LEFT = "left {}, which goes on in its parent only; the child ends here"


@pytest.mark.parametrize("where", ["tick", "init", "shutdown"])
def test_ends_with_one_line_and_leaves_the_parent_alone(where):
    done = ended(FORKING + f"""
calls = [0]
def tick(node):
    calls[0] += 1
stats = run(**dict({{"tick": tick}}, {where}=lambda node: fork_once(lambda: None)))
print("{where}" == "tick" or stats["total_ticks"] == calls[0] > 5, stats["errors_count"])
""")
    assert done.stdout.splitlines() == ["[1] True", "True 0"], done.stderr
    assert done.stderr.count(LEFT.format(f"{where} of node 'arm'")) == 1
    assert "Fatal" not in done.stderr


@pytest.mark.parametrize("where, made_by", [("on_error", "fail()"), ("safe_state", "late()")])
def test_ends_as_well_in_what_is_called_when_something_fails(where, made_by):
    name = {"safe_state": "enter_safe_state"}.get(where, where)
    done = ended(FORKING + f"""
def late():
    until = horus.monotonic_ns() + 30_000_000
    while horus.monotonic_ns() < until:
        pass
run(tick=lambda node: {made_by}, on_miss="safe_mode",
    {where}=lambda *_: fork_once(lambda: None))
""")
    assert done.stdout == "[1] True\n", done.stderr
    assert LEFT.format(f"{name} of node 'arm'") in done.stderr


def test_with_an_exception_it_ends_with_its_traceback():
    done = ended(FORKING + "run(tick=lambda node: fork_once(fail))")
    assert done.stdout == "[1] True\n"
    assert "ValueError: bent" in done.stderr and LEFT.format("tick of node 'arm'") in done.stderr


@pytest.mark.parametrize("leave, code", [("sys.exit(7)", 7), ("sys.exit()", 0),
                                         ("sys.exit('over')", 1)])
def test_with_sys_exit_it_ends_as_that_says(leave, code):
    done = ended(FORKING + f"""
def leave():
    print("mine")
    {leave}
run(tick=lambda node: fork_once(leave))
""")
    assert done.stdout.splitlines() == ["mine", f"[{code}] True"]
    assert "forked child" not in done.stderr and ("over" in done.stderr) == (code == 1)


@pytest.mark.parametrize("where, caller", [
    ("a signal handler", "signal.signal(signal.SIGUSR1, lambda *_: fork_once(lambda: None))"),
    ("_on_ready", "scheduler._on_ready = lambda: fork_once(lambda: None)")])
def test_ends_also_in_what_run_itself_calls(where, caller):
    done = ended(FORKING + f"""
import signal
def tick(node):
    if horus.tick() == 5:
        os.kill(parent, signal.SIGUSR1)
signal.signal(signal.SIGUSR1, lambda *_: None)
scheduler = horus.Scheduler().add(horus.Node("arm", tick, 100))
{caller}
scheduler.run(1)
print(ends, os.getpid() == parent)
""")
    assert done.stdout == "[1] True\n", done.stderr
    assert LEFT.format(where) in done.stderr


def test_that_lives_on_keeps_nothing_of_a_parent_that_dies():
    """Its name is free for the next host, and nothing of its waits for it."""
    done = ended(FORKING + """
import signal, subprocess
NEXT = "import horus; horus.run(horus.Node('n', lambda n: None, 100), name='h', duration=0.1)"
def tick(node):
    if os.fork() == 0:
        while os.getppid() == parent:
            pass
        print(subprocess.run([sys.executable, "-c", NEXT]).returncode, flush=True)
        os._exit(0)
    os.kill(parent, signal.SIGKILL)
horus.run(horus.Node("arm", tick, 100), name="h")
""")
    assert done.returncode == -9 and done.stdout == "0\n", done.stderr


def test_a_child_receives_where_a_thread_of_its_parents_waits():
    done = ended("""
        import horus, os, threading, time
        topic = horus.Topic("w")
        thread = threading.Thread(target=topic.wait, args=(60,), daemon=True)
        thread.start()
        while True:
            try:
                topic.recv()
            except RuntimeError:
                break  # It waits.
        child = os.fork()
        if child == 0:
            sender = horus.Topic("w")
            sender.send(1)
            while topic.recv() is None:
                pass
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)
        os._exit(0)
    """)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
