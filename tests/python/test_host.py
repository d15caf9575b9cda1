# SPDX-License-Identifier: Apache-2.0
"""python3 -m horus.host: which nodes of a module run, and one clear line when none can."""
import os
import signal
import subprocess

import pytest

from running import PYTHON, Running, nodes, own_base, run, until

NODE = "import horus\n"


def host(module, *arguments):
    return [PYTHON, "-m", "horus.host", "pilot", "--module", str(module), *arguments]


def ended(path, source, *arguments):
    path.write_text(source)
    with own_base() as environment:
        return run(host(path, *arguments), environment)


STOP = "lambda n: (print(n.name, flush=True), n.request_stop())"


@pytest.mark.parametrize("source, names", [
    (f"a = horus.Node('a', {STOP}, 50)", {"a"}),
    (f"a = b = horus.Node('a', {STOP}, 50)\nc = 3", {"a"}),
    (f"x = horus.Node('x', {STOP}, 50)\nnodes = [horus.Node('a', {STOP}, 50)]", {"a"}),
    (f"def nodes():\n    return (horus.Node('a', {STOP}, 50),)", {"a"}),
    (f"nodes = (horus.Node(name, {STOP}, 50) for name in 'a')", {"a"}),
])
def test_the_nodes_of_a_module_run(tmp_path, source, names):
    done = ended(tmp_path / "robot.py", NODE + source)
    assert done.returncode == 0 and set(done.stdout.split()) == names, done.stderr


@pytest.mark.parametrize("source, says", [
    ("x = 1\n", "robot.py: no node: bind a horus.Node to a name, or define 'nodes'"),
    (NODE + "nodes = []\n", "robot.py: 'nodes' is empty"),
    (NODE + "nodes = 5\n", "robot.py: 'nodes' is a int, not a list of nodes"),
    (NODE + "nodes = [5]\n", "robot.py: 'nodes' holds a int, not a horus.Node"),
    (NODE + "\ndef broken(:\n", "robot.py:3: SyntaxError: invalid syntax"),
    (NODE + "\n\nraise ValueError('no\\nmotor')\n", "robot.py:4: ValueError: no motor"),
    ("import horus, sys\nsys.exit('no camera')\n", "robot.py:2: SystemExit: no camera"),
    (NODE + "import missing_module\n",
     "robot.py:2: ModuleNotFoundError: No module named 'missing_module'"),
    (NODE + "def nodes():\n    return 1 / 0\n", "robot.py:3: ZeroDivisionError: division by zero"),
    (NODE + "a = horus.Node('a', rate=-1)\n", "robot.py:2: ValueError: node 'a': rate must be"),
    (NODE + "a = horus.Node('a')\nb = horus.Node('a')\n", "there is a node 'a' already"),
])
def test_what_is_wrong_with_a_module_is_one_line_with_its_place(tmp_path, source, says):
    done = ended(tmp_path / "robot.py", source)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("horus.host: ") and says in line


@pytest.mark.parametrize("module, says", [
    ("/nowhere/robot.py", "FileNotFoundError"), ("no_such_module", "No module named"),
    ("robot.txt/", "not a Python file")])
def test_a_module_that_is_not_there_is_one_line(module, says):
    with own_base() as environment:
        done = run(host(module), environment)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("horus.host: ") and says in line


def test_a_dotted_name_is_imported_from_the_given_path(tmp_path):
    package = tmp_path / "robot"
    package.mkdir()
    (package / "arm.py").write_text(NODE + f"a = horus.Node('a', {STOP}, 50)\n")
    with own_base() as environment:
        done = run(host("robot.arm", "--path", str(tmp_path), "--gc", "off"), environment)
    assert (done.returncode, done.stdout) == (0, "a\n"), done.stderr


@pytest.mark.parametrize("arguments, says", [
    (["--cpus", "a-b"], "--cpus a-b"), (["--cpus", "4000"], "--cpus 4000"),
    (["--gc", "never"], "invalid choice: 'never'"), (["--colour"], "unrecognized arguments")])
def test_a_wrong_option_is_refused(tmp_path, arguments, says):
    done = ended(tmp_path / "robot.py", NODE + f"a = horus.Node('a', {STOP}, 50)", *arguments)
    assert done.returncode != 0 and says in done.stderr


def test_a_host_runs_on_the_cpus_that_it_is_given(tmp_path):
    cpu = min(os.sched_getaffinity(0))
    done = ended(tmp_path / "robot.py", "import os\n" + NODE + "a = horus.Node('a', lambda n: ("
                 "print(os.sched_getaffinity(0)), n.request_stop()), 50)", "--cpus", str(cpu))
    assert done.stdout == f"{{{cpu}}}\n"


def test_a_fatal_node_ends_the_host_with_a_traceback(tmp_path):
    done = ended(tmp_path / "robot.py", NODE + "def tick(n):\n    raise ValueError('bent')\n"
                 "a = horus.Node('a', tick, 50, failure_policy='fatal')")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ValueError: bent") and "robot.py\", line 3" in done.stderr


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_host(tmp_path, number, code):
    path = tmp_path / "robot.py"
    path.write_text(NODE + "a = horus.Node('a', lambda n: None, 50)")
    with own_base() as environment, Running(host(path), environment) as program:
        node = until(lambda: nodes(environment).get("a"), "seen by horusctl", program)
        assert node["host"] == "pilot"
        assert program.stop(number) == code


def test_a_supervisor_is_told_ready_once_every_node_has_ticked(tmp_path):
    path = tmp_path / "robot.py"
    path.write_text(NODE + "a = horus.Node('a', lambda n: None, 50)")
    assert told(path) == b"ready\n"
    path.write_text(NODE + "raise ValueError('no arm')")
    assert told(path).endswith(b"robot.py:2: ValueError: no arm\n")


def told(path):
    reader, writer = os.pipe()
    with own_base() as environment, os.fdopen(reader, "rb") as heard:
        environment["HORUS_READY_FD"] = str(writer)
        process = subprocess.Popen(host(path), env=environment, pass_fds=[writer],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writer)
        line = heard.readline()
        assert heard.read() == b""
        process.terminate()
        process.wait(60)
    return line


def test_two_schedulers_of_a_program_have_names_of_their_own(tmp_path):
    path = tmp_path / "two.py"
    path.write_text("""
import threading
import horus
both = threading.Barrier(2)
def tick(node):
    if horus.tick() == 0:
        both.wait(60)
        node.request_stop()
schedulers = [horus.Scheduler().add(horus.Node(name, tick, 50)) for name in "ab"]
threads = [threading.Thread(target=one.run) for one in schedulers]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("both ran", flush=True)
""")
    with own_base() as environment:
        done = run([*host(path), "--script"], environment)
    assert done.returncode == 0 and "both ran" in done.stdout, done.stderr
    assert "RuntimeError" not in done.stderr
