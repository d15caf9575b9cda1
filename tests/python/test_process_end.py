# SPDX-License-Identifier: Apache-2.0
"""How a process ends while nodes run, and what a forked child of it is."""
import os
import signal

import pytest

import snippet
from running import as_user, files_below, nodes, own_base, punctual_lines, run, until
from snippet import beside, ended, prints, program

RUNNING = """
import horus, os, signal, sys, threading, time
node = horus.Node("a", lambda n: n.send("out", 1), 200,
                  shutdown=lambda n: print("shut down", flush=True))
def in_thread():
    scheduler = horus.Scheduler().add(node)
    thread = threading.Thread(target=scheduler.run, daemon=True)
    thread.start()
    while scheduler.current_tick() < 3:
        pass
    return scheduler
"""


@pytest.mark.parametrize("ending, code", [
    ("", 0), ("sys.exit(5)", 5), ("raise ValueError('over')", 1), ("raise SystemExit", 0)])
def test_a_scheduler_in_a_thread_is_stopped_when_the_program_ends(ending, code):
    done = ended(RUNNING + "in_thread()\n" + ending)
    assert (done.returncode, done.stdout) == (code, "shut down\n")
    assert "Fatal" not in done.stderr


def test_exit_handlers_run_after_the_nodes_have_stopped():
    assert prints("""
import atexit
atexit.register(lambda: print("at exit", scheduler.status()))
""" + RUNNING + "scheduler = in_thread()\n") == ["shut down", "at exit stopped"]


def test_a_daemon_thread_that_waits_for_a_message_does_not_hold_the_exit():
    assert prints("""
        import horus, threading, time
        topic = horus.Topic("never")
        threading.Thread(target=topic.wait, daemon=True).start()
        horus.Topic("never").fileno()
        time.sleep(0.1)
        print("end")
    """) == ["end"]


def test_the_exit_ends_a_step_of_another_thread_before_the_nodes_shut_down():
    done = ended("""
        import atexit, threading, time
        down, late = [], []
        atexit.register(lambda: print(down, late, flush=True))  # After the handler of horus.
        import horus
        def tick(node):
            if node.name in down:
                late.append(node.name)
        def shutdown(node):
            down.append(node.name)
            time.sleep(0.05)
        stepped = threading.Event()
        def step():
            while True:
                scheduler.tick_once()
                stepped.set()
        scheduler = horus.Scheduler()
        for name in "ab":
            scheduler.add(horus.Node(name, tick, 100, shutdown=shutdown))
        threading.Thread(target=step, daemon=True).start()
        stepped.wait()
    """)
    assert (done.returncode, done.stdout) == (0, "['a', 'b'] []\n"), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("work", ["kept.append(image.copy())", "horus.Topic('t').send(image)",
                                  "horus.Topic('never').wait(0.001)"])
def test_a_daemon_thread_may_be_anywhere_when_the_program_ends(work):
    done = ended(f"""
        import threading, horus
        image = horus.Image(1080, 1920, "mono8")
        kept = []
        begun = threading.Event()
        def go_on():
            while True:
                {work}
                del kept[:-2]
                begun.set()
        for _ in range(3):
            threading.Thread(target=go_on, daemon=True).start()
        begun.wait()
    """)
    assert done.returncode == 0 and "terminate" not in done.stderr, done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_a_run_that_gets_no_thread_leaves_the_signals_as_they_were():
    with own_base(54321) as environment:
        done = run(as_user(54321, program("""
            import errno, horus, os, resource, signal
            horus.Topic("t").send(1)
            scheduler = horus.Scheduler().add(horus.Node("a", lambda node: None, 50))
            resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
            try:
                scheduler.run()
            except OSError as error:
                print(error.errno == errno.EAGAIN, flush=True)
            print(scheduler.is_running(), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            print("deaf")
        """)), environment)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "True\nFalse\n"), done.stderr


def test_topics_may_go_while_the_exit_closes_all_of_them():
    with own_base() as environment:
        done = run(program("""
            import threading, horus
            # What nobody took is waited for, and other threads run meanwhile.
            image = horus.Image(2, 2, "mono8")
            cameras = [horus.Topic(f"camera{i}", msg_type=horus.Image) for i in range(10)]
            for camera in cameras:
                camera.send(image)
            going = threading.Event()
            def drop():
                topics = [horus.Topic(f"t{i}") for i in range(60)]
                for topic in topics:
                    topic.send(1)
                going.set()
                while topics:
                    topics.pop()
                    threading.Event().wait(5e-5)
            threading.Thread(target=drop, daemon=True).start()
            going.wait()
        """), environment | {"MALLOC_PERTURB_": "165"})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number, said", [(signal.SIGTERM, "returned"),
                                          (signal.SIGINT, "interrupted")])
def test_a_signal_ends_run_after_the_shutdown_callbacks(number, said):
    with beside(RUNNING + """
try:
    horus.run(node)
    print("returned", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, signal.set_wakeup_fd(-1))
""") as (program, environment):
        until(lambda: nodes(environment).get("a", {}).get("ticks", 0) > 3, "ticking", program)
        assert program.stop(number) == 0
        assert punctual_lines(program.text()) == ["shut down", said, "True -1"]


def test_a_users_own_handler_is_called_and_decides():
    with beside(RUNNING + """
signal.signal(signal.SIGTERM, lambda *_: (print("mine", flush=True), scheduler.stop()))
scheduler = horus.Scheduler().add(node)
scheduler.run()
""") as (program, environment):
        until(lambda: nodes(environment).get("a", {}).get("ticks", 0) > 3, "ticking", program)
        assert program.stop() == 0
        assert punctual_lines(program.text()) == ["mine", "shut down"]


@pytest.mark.parametrize("number, said", [(signal.SIGTERM, "returned"),
                                          (signal.SIGINT, "interrupted")])
def test_a_signal_is_heard_from_the_moment_that_the_host_is_seen(number, said):
    """Where it hits between the page and the first tick is chance: often enough, it is anywhere."""
    assert prints(f"""
        import glob, horus, os, threading
        pages = os.environ["HORUS_BASE"] + "/hosts/*"
        def kill_once_seen():
            while not glob.glob(pages):
                pass
            os.kill(os.getpid(), {int(number)})
        said = set()
        for _ in range(30):
            killer = threading.Thread(target=kill_once_seen)
            killer.start()
            try:
                horus.run(horus.Node("a", lambda n: None, 100))
                said.add("returned")
            except KeyboardInterrupt:
                said.add("interrupted")
            killer.join()
        print(*said)
    """) == [said]


INTERRUPTED = """
import horus, os, signal, threading, time
def interrupted(*_):
    if threading.current_thread() is threading.main_thread():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
scheduler = horus.Scheduler(watchdog_ms=50)
"""


@pytest.mark.parametrize("where", ids=["on_ready", "safe_state"], argvalues=[
    """
scheduler.add(horus.Node("a", lambda n: None, 50))
scheduler._on_ready = interrupted
""", """
scheduler.add(horus.Node("hung", lambda n: time.sleep(1) if horus.tick() == 3 else None, 50))
scheduler.add(horus.Node("arm", lambda n: None, 50, safe_state=interrupted))
"""])
def test_ctrl_c_in_what_the_main_thread_runs_meanwhile_ends_the_run(where):
    assert prints(INTERRUPTED + where + """
try:
    scheduler.run()
except KeyboardInterrupt:
    print("interrupted")
""") == ["interrupted"]


def test_a_run_that_its_first_tick_ends_was_ready():
    assert prints("""
        import horus
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("a", lambda n: n.request_stop(), 50))
        scheduler._on_ready = lambda: print("ready")
        scheduler.run()
    """) == ["ready"]


@pytest.mark.forks
def test_a_signal_ends_a_forked_child_as_any_process():
    assert prints("""
        import horus, os, signal, time
        def tick(node):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            os.kill(child, signal.SIGTERM)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            if horus.tick() == 2:
                node.request_stop()
        horus.run(horus.Node("a", tick, 100))
    """) == ["-15"] * 3


def test_ctrl_c_reaches_a_node_that_computes_without_end():
    done = ended("""
        import horus, os, signal
        def tick(node):
            if horus.tick() == 0:
                os.kill(os.getpid(), signal.SIGINT)
            until = horus.monotonic_ns() + 10_000_000
            while horus.monotonic_ns() < until:
                pass
        try:
            horus.run(horus.Node("a", tick, 1000))
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert (done.returncode, done.stdout) == (0, "interrupted\n")


def test_a_kill_leaves_a_base_that_the_next_program_cleans_up():
    with beside(RUNNING + "horus.run(node, name='host')") as (program, environment):
        until(lambda: nodes(environment).get("a", {}).get("ticks", 0) > 3, "ticking", program)
        assert program.stop(signal.SIGKILL) == -signal.SIGKILL
        left = files_below(environment["HORUS_BASE"])
        assert any("hosts" in name for name in left)
        done = run(snippet.program("""
            import horus
            horus.run(horus.Node("a", lambda n: None, 100), name="host", duration=0.1)
        """), environment)
        assert done.returncode == 0, done.stderr
        assert not any("hosts" in name for name in files_below(environment["HORUS_BASE"]))


FORKING = RUNNING + """
import multiprocessing
def report(queue, scheduler):
    lines = [scheduler.status(), scheduler.is_running()]
    lines.append(scheduler.get_node_stats("a")["total_ticks"])
    topic = horus.Topic("from/child")
    lines += [topic.send({"pid": os.getpid()}), topic.wait(60), topic.recv()["pid"] == os.getpid()]
    def tick(node):
        node.send("own", 1)
        if horus.tick() == 3:
            node.request_stop()
    own = horus.Scheduler().add(horus.Node("child", tick, 100))
    own.run(60)
    lines.append(own.get_node_stats("child")["messages_sent"] == 4)
    queue.put(lines)
"""


@pytest.mark.forks
@pytest.mark.parametrize("where", ["main", "tick"])
def test_a_forked_child_forgets_the_run_and_has_a_life_of_its_own(where):
    assert prints(FORKING + f"""
context = multiprocessing.get_context("fork")
queue, children = context.SimpleQueue(), []
def fork(_=None):
    child = context.Process(target=report, args=(queue, scheduler))
    child.start()
    children.append(child)
if "{where}" == "tick":
    node = horus.Node("a", lambda n: fork() if horus.tick() == 3 else n.send("out", 1), 50)
scheduler = in_thread() if "{where}" == "main" else horus.Scheduler().add(node)
if "{where}" == "main":
    fork()
else:
    scheduler.run(1)
print(queue.get())
children[0].join()
print(children[0].exitcode)
before = scheduler.current_tick()
while "{where}" == "main" and scheduler.current_tick() < before + 5:
    pass
scheduler.stop()
""")[:2] == ["['stopped', False, 0, True, True, True, True]", "0"]


@pytest.mark.forks
def test_a_parents_topics_outlive_its_children():
    assert prints("""
        import horus, os
        topic = horus.Topic("t")
        topic.send(0)
        topic.wait(60)
        topic.recv()
        for _ in range(5):
            if (child := os.fork()) == 0:
                os._exit(0 if topic.recv() == 0 else 1)  # What the ring holds.
            assert os.waitpid(child, 0)[1] == 0
        print(topic.send(1), topic.wait(60), topic.recv(), topic.pub_count(), topic.sub_count())
    """) == ["True True 1 1 1"]


@pytest.mark.forks
def test_a_child_outlives_its_parent():
    assert prints("""
        import horus, os, sys
        topic = horus.Topic("t")
        topic.send(0)
        reader, writer = os.pipe()
        if os.fork() == 0:
            parent = os.getppid()
            while os.getppid() == parent:
                pass
            mine = horus.Topic("mine")
            mine.send(5)
            print(mine.wait(60), mine.recv(), flush=True)
            os._exit(0)
    """) == ["True 5"]
