# SPDX-License-Identifier: Apache-2.0
"""Where threads and processes run that a tick starts which is kept to a CPU."""
import os
import textwrap

import pytest

from snippet import prints

CPUS = sorted(os.sched_getaffinity(0))
SHOW = "import os; print(*sorted(os.sched_getaffinity(0)))"
STARTS = {
    "a thread": "t = threading.Thread(target=show); t.start(); t.join()",
    "a thread without a class": "_thread.start_new_thread(show, ()); until_seen()",
    "a pool": "concurrent.futures.ThreadPoolExecutor(1).submit(show).result()",
    "a subprocess": "see(subprocess.run([sys.executable, '-c', SHOW], stdout=-1).stdout)",
    "a shell": "see(subprocess.check_output(command, shell=True))",
    "os.system": "os.system(f'{command} >{file}'); see(open(file).read())",
    "os.posix_spawn": """
        to_file = [(os.POSIX_SPAWN_OPEN, 1, file, os.O_WRONLY | os.O_CREAT, 0o600)]
        os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-c', SHOW], os.environ,
                                  file_actions=to_file), 0)
        see(open(file).read())""",
    "os.fork": """
        if os.fork() == 0:
            open(file, 'w').write(' '.join(map(str, os.sched_getaffinity(0))))
            os._exit(0)
        os.wait(); see(open(file).read())""",
    "multiprocessing, forked": "see(multiprocessing.get_context('fork').Pool(1).apply(cpus))",
    "multiprocessing, spawned": """
        p = multiprocessing.get_context('spawn').Process(target=os.system, args=(
            f'{command} >{file}',)); p.start(); p.join(); see(open(file).read())""",
}

PROGRAM = """
import _thread, concurrent.futures, multiprocessing, os, subprocess, sys, threading
import horus
SHOW, file, seen = {show!r}, {file!r}, threading.Event()
command = sys.executable + ' -c "' + SHOW + '"'
def cpus(): return ' '.join(map(str, sorted(os.sched_getaffinity(0))))
def see(text):
    print(*sorted(map(int, text.split())), flush=True)
    seen.set()
def show(): see(cpus())
def until_seen(): seen.wait()
def begin():
{begin}
def tick(node):
    begin()
    show()
    node.request_stop()
horus.run(horus.Node("pinned", tick, 10), cores=[{cpu}])
show()
"""


@pytest.mark.skipif(len(CPUS) < 2, reason="one CPU is all that there is")
@pytest.mark.parametrize("how", STARTS)
def test_what_a_tick_starts_is_not_kept_to_its_cpu(how, tmp_path):
    begin = textwrap.indent(textwrap.dedent(STARTS[how]).strip(), "    ")
    shown = prints(PROGRAM.format(show=SHOW, file=str(tmp_path / "cpus"), begin=begin,
                                  cpu=CPUS[-1]))
    everywhere = " ".join(map(str, CPUS))
    assert shown == [everywhere, str(CPUS[-1]), everywhere]
