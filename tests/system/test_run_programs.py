# SPDX-License-Identifier: Apache-2.0
"""`horusctl run FILE.py...`: programs beside each other, kept up, ended together."""
import os
import re
import signal

from running import Running, nodes, own_base, program, run, until

PROGRAM = """
import os
import horus
def tick(node):
    if horus.tick() == 0:
        os.write(1, b"pid %d\\n" % os.getpid())  # At once: others write there, too.
if __name__ == "__main__":
    horus.run(horus.Node("{name}", tick, 50){more})
"""
NODES = """
import os
import horus
def tick(node):
    if horus.tick() == 0:
        os.write(1, b"pid %d\\n" % os.getpid())  # At once: others write there, too.
{name} = horus.Node("{name}", tick, 50)
"""


def write(folder, **sources):
    files = []
    for name, source in sources.items():
        files.append(folder / f"{name}.py")
        files[-1].write_text(source.format(name=name, more=""))
    return [str(file) for file in files]


def pids(running, count):
    def told():
        return re.findall(r"pid (\d+)$", running.text(), re.MULTILINE)

    until(lambda: len(told()) >= count, f"{count} first ticks", running)
    return [int(pid) for pid in told()]


def test_programs_and_files_of_nodes_run_together_and_are_seen(tmp_path):
    files = write(tmp_path, camera=PROGRAM, arm=NODES)
    with own_base() as environment:
        with Running([program("horusctl"), "run", *files], environment) as running:
            assert len(set(pids(running, 2))) == 2
            seen = until(lambda: len(found := nodes(environment)) == 2 and found, "two nodes")
            assert {seen["camera"]["host"], seen["arm"]["host"]} == {"camera", "arm"}
            assert running.stop(signal.SIGINT) == 0, running.text()


def test_a_program_that_is_killed_comes_back(tmp_path):
    files = write(tmp_path, camera=PROGRAM)
    with own_base() as environment:
        with Running([program("horusctl"), "run", *files], environment) as running:
            first, = pids(running, 1)
            os.kill(first, signal.SIGKILL)
            assert pids(running, 2)[1] != first
            until(lambda: re.search(r"pid \d+\n.*pid \d+\n.*'camera' ready", running.text(), re.S),
                  "ready again", running)
            assert running.stop() == 0, running.text()


def test_it_ends_with_the_last_program(tmp_path):
    (tmp_path / "short.py").write_text(PROGRAM.format(name="a", more=", duration=0.1"))
    (tmp_path / "plain.py").write_text('print("said", __name__)\n')
    with own_base() as environment:
        done = run([program("horusctl"), "run", str(tmp_path / "short.py"),
                    str(tmp_path / "plain.py")], environment)
    assert done.returncode == 0, done.stderr
    assert "said __main__\n" in done.stdout and "said __main__" not in done.stderr


APART = """
import os
import horus
def tick(node):
    if horus.tick() == 0:
        print(node.name, "in", os.getpid(), flush=True)
near = horus.Node("near", tick, 50)
far = horus.Node("far", tick, 50, host="vision")
"""


def test_a_file_that_only_makes_nodes_has_their_hosts(tmp_path):
    (tmp_path / "robot.py").write_text(APART)
    with own_base() as environment:
        with Running([program("horusctl"), "run", str(tmp_path / "robot.py")],
                     environment) as running:
            def told():
                return dict(re.findall(r"(near|far) in (\d+)$", running.text(), re.MULTILINE))

            both = until(lambda: len(found := told()) == 2 and found, "two ticks", running)
            assert both["near"] != both["far"]
            assert nodes(environment)["far"]["host"] == "vision"
            assert running.stop() == 0, running.text()


IMPORTS = """
import sys, time
print("importing", flush=True)
time.sleep(600)
"""


def test_a_stop_while_a_program_imports_is_no_failure(tmp_path):
    (tmp_path / "slow.py").write_text(IMPORTS)
    with own_base() as environment:
        with Running([program("horusctl"), "run", str(tmp_path / "slow.py")],
                     environment) as running:
            until(lambda: re.search("importing$", running.text(), re.MULTILINE), "imports", running)
            assert running.stop(signal.SIGINT) == 0, running.text()
    assert "error" not in running.text()


def test_launch_takes_python_files_as_well(tmp_path):
    files = write(tmp_path, camera=PROGRAM)
    with own_base() as environment:
        with Running([program("horusctl"), "launch", *files], environment) as running:
            until(lambda: "host 'camera' ready" in running.text(), "ready", running)
            assert running.stop() == 0, running.text()


def test_what_is_no_program_is_told_by_name(tmp_path):
    with own_base() as environment:
        done = run([program("horusctl"), "run", "robot.toml"], environment)
        assert (done.returncode, "'robot.toml' is no Python file" in done.stderr) == (2, True)
        done = run([program("horusctl"), "run", str(tmp_path / "none.py")], environment)
        assert done.returncode == 2
        assert f"run a Python file that is not there: {tmp_path}/none.py" in done.stderr
        (tmp_path / "a").mkdir()
        files = write(tmp_path, camera=PROGRAM) + write(tmp_path / "a", camera=PROGRAM)
        done = run([program("horusctl"), "run", *files], environment)
        assert done.returncode == 2
        assert "run two files whose hosts have one name: " in done.stderr
