# SPDX-License-Identifier: Apache-2.0
"""Runs the nodes of one module: `python3 -m horus.host NAME --module M [--path P]...`.

The module's nodes are its `nodes` (a list, or a function that returns one) where it has that, else
every `horus.Node` that is bound to a name of the module, in order. Under a supervisor one line is
written to the descriptor $HORUS_READY_FD: `ready` once every node has ticked, or `failed: why`.
To $HORUS_WATCH_FD go `importing MODULE`, `imported`, `held` while a debugger is at the start, what
the scheduler says of a hang, and `failed: why` of an end after `ready`.
"""
from __future__ import annotations

import argparse
import collections.abc
import faulthandler
import importlib
import importlib.util
import os
import pathlib
import sys
import threading
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

import horus
from horus import _horus, _spawned

FAILED = 1
INTERRUPTED = 130  # What a shell reports for a program that Ctrl+C ended.
Nodes = Callable[[], list[horus.Node]]

LONG_IMPORT = 30.0  # s; then the log shows where it is.
LOOK_FOR_DEBUGGER = 0.1  # s; the supervisor's own round.


class HostError(Exception):
    """What keeps the host from starting, in one line."""


class Supervisor:
    """Who started this process and waits for its word, if anybody does."""

    def __init__(self) -> None:
        self.fd = self.take("HORUS_READY_FD")
        self.watch = self.take("HORUS_WATCH_FD")
        if self.fd is not None:
            _horus._log_for_supervisor()
        self.told = threading.Event()
        self.pid = os.getpid()

    @staticmethod
    def take(variable: str) -> int | None:
        number = os.environ.pop(variable, None)
        if number is None:
            return None
        os.set_inheritable(int(number), False)
        return int(number)

    def write(self, fd: int | None, line: str) -> None:
        # The end of a forked child is not the host's.
        if fd is None or os.getpid() != self.pid:
            return
        try:
            os.write(fd, (line + "\n").encode(errors="backslashreplace"))
        except OSError:
            pass  # Gone: then nobody waits.

    def say(self, line: str) -> None:
        """What the host is at."""
        self.write(self.watch, line)

    def tell(self, line: str) -> None:
        """Whether the host is ready, or why it ends."""
        self.told.set()
        if self.fd is None:
            return self.say(line)  # Whoever waits for the start has been told.
        fd, self.fd = self.fd, None
        self.write(fd, line)
        os.close(fd)


def run_program(arguments: argparse.Namespace, supervisor: Supervisor) -> bool:
    """Run a file as Python does. False where it made nodes and ran none: they are left in
    `__main__`."""
    path = pathlib.Path(arguments.module).resolve()
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    sys.modules["__main__"] = module
    ran: list[horus.Scheduler] = []

    def adopt(scheduler: horus.Scheduler) -> None:
        if not ran:  # Others of the program have names of their own, as without a supervisor.
            scheduler._set_default_name(arguments.name)
        ran.append(scheduler)
        attach(scheduler, arguments, supervisor)

    _horus._before_runs(adopt)
    try:
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    finally:
        _horus._before_runs(None)
    tell_miss(ran[-1:], supervisor)
    return bool(ran) or not any(isinstance(value, horus.Node) for value in vars(module).values())


def attach(scheduler: horus.Scheduler, arguments: argparse.Namespace,
           supervisor: Supervisor) -> None:
    """Have the supervisor see how a scheduler does."""
    if supervisor.watch is not None:
        scheduler._supervise(supervisor.watch, arguments.hang_timeout, arguments.start_timeout,
                             arguments.robot)
    scheduler._set_log_level(arguments.log_level)
    scheduler._on_ready = lambda: supervisor.tell("ready")


def tell_miss(schedulers: list[horus.Scheduler], supervisor: Supervisor) -> bool:
    """Whether a node's missed deadline has ended one, which run() does not raise."""
    words = "".join(scheduler._ended_by_miss for scheduler in schedulers)
    if words:
        supervisor.tell(f"failed: {words}")
    return bool(words)


def parse_cpus(text: str) -> set[int]:
    """CPUs in the kernel's list format, "0,2-3"."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def is_file(module: str) -> bool:
    return module.endswith(".py") or "/" in module


def load(arguments: argparse.Namespace) -> types.ModuleType:
    """Import a module by its dotted name, or from a file; a program has been."""
    if arguments.script:
        return sys.modules["__main__"]
    name: str = arguments.module
    if not is_file(name):
        return importlib.import_module(name)
    path = pathlib.Path(name).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise HostError(f"{name}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def one_line(error: BaseException) -> str:
    """`file:line: Type: text` of the last line of the user's that was running."""
    text = " ".join(traceback.format_exception_only(type(error), error)[-1].split())
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {text}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if not frame.filename.startswith("<frozen") and frame.filename != __file__]
    return f"{frames[-1].filename}:{frames[-1].lineno}: {text}" if frames else text


def find_nodes(module: types.ModuleType) -> list[horus.Node]:
    """The nodes of a module: its `nodes`, else every Node bound to a name, in order."""
    where = module.__file__ or module.__name__
    if not hasattr(module, "nodes"):
        found = [value for value in vars(module).values() if isinstance(value, horus.Node)]
        found = list(dict.fromkeys(found))
        if not found:
            raise HostError(f"{where}: no node: bind a horus.Node to a name, or define 'nodes'")
        return found
    nodes = module.nodes() if callable(module.nodes) else module.nodes
    if not isinstance(nodes, collections.abc.Iterable):
        raise HostError(f"{where}: 'nodes' is a {type(nodes).__name__}, not a list of nodes")
    found = list(nodes)
    if not found:
        raise HostError(f"{where}: 'nodes' is empty")
    for node in found:
        if not isinstance(node, horus.Node):
            raise HostError(f"{where}: 'nodes' holds a {type(node).__name__}, not a horus.Node")
    return found


def import_nodes(module: str, supervisor: Supervisor, nodes: Nodes) -> list[horus.Node]:
    """What `nodes` gives; an import that takes long is said, with its stack."""
    supervisor.say(f"importing {module}")
    # Its thread needs no GIL.
    faulthandler.dump_traceback_later(LONG_IMPORT, file=sys.__stderr__)
    try:
        return nodes()
    finally:
        faulthandler.cancel_dump_traceback_later()
        supervisor.say("imported")


def tell_of_debugger(supervisor: Supervisor) -> None:
    """Say that time does not count while a debugger may be what the start waits for, until the
    supervisor was told how it went."""
    if supervisor.watch is None:
        return

    def look() -> None:
        while not supervisor.told.wait(LOOK_FOR_DEBUGGER):
            if _horus._debugged():
                supervisor.say("held")

    threading.Thread(target=look, name="horus-start", daemon=True).start()


def prepare(arguments: argparse.Namespace, supervisor: Supervisor, nodes: Nodes,
            options: Mapping[str, Any]) -> horus.Scheduler:
    """Everything up to the first tick; `options`: of the Scheduler, beyond the arguments, once
    `nodes` was called. Raises HostError with one line."""
    try:
        if arguments.cpus:
            os.sched_setaffinity(0, parse_cpus(arguments.cpus))
    except (OSError, ValueError) as error:
        raise HostError(f"--cpus {arguments.cpus}: {error}") from error
    sys.path[:0] = [str(pathlib.Path(path).resolve()) for path in arguments.path]
    try:
        found = import_nodes(arguments.module, supervisor, nodes)
        scheduler = horus.Scheduler(**{
            "name": arguments.name, "rt": arguments.rt, "gc": arguments.gc,
            "watchdog_ms": arguments.watchdog * 1000, "blackbox_mb": arguments.blackbox_mb,
            "stop_timeout": arguments.stop_timeout,
            **options})
        scheduler._hosts_apart = arguments.script  # Else this is the host.
        attach(scheduler, arguments, supervisor)
        for node in found:
            scheduler.add(node)
    except (HostError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit at import is a failure, too.
        raise HostError(one_line(error)) from error
    return scheduler


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m horus.host", description="Run the nodes of "
                                     "one Python module.")
    parser.add_argument("name", help="the host's name, as horusctl shows it")
    parser.add_argument("--module", required=True, help="a .py file, or a dotted module name")
    parser.add_argument("--path", action="append", default=[], help="a folder to import from")
    parser.add_argument("--cpus", help="CPUs to run on, e.g. 0,2-3")
    parser.add_argument("--rt", action="store_true", help="ask for real-time rights")
    parser.add_argument("--gc", choices=["slack", "off", "python"], default="slack",
                        help="when garbage is collected")
    parser.add_argument("--log-level", choices=["error", "warning", "info", "debug"], default="",
                        help="down to which the nodes' lines are written")
    parser.add_argument("--blackbox-mb", type=float, default=0, metavar="MIB",
                        help="of its black box; 0: the default")
    parser.add_argument("--watchdog", type=float, default=0, metavar="S",
                        help="the silence that is a warning; 0: the nodes' defaults")
    parser.add_argument("--hang-timeout", type=float, metavar="S",
                        help="how long after that a node is reported to the supervisor as lost")
    parser.add_argument("--start-timeout", type=float, metavar="S",
                        help="what a first tick may take")
    parser.add_argument("--script", action="store_true",
                        help="run MODULE, a file, as a program; nodes that it only makes run then")
    parser.add_argument("--robot", default="", metavar="NAME",
                        help="the robot of the service that it belongs to: no life without that")
    parser.add_argument("--stop-timeout", type=float, default=5.0, metavar="S",
                        help="how long a stop waits for callbacks; 0: for ever")
    return parser.parse_args(arguments)


def fail(supervisor: Supervisor, line: str) -> int:
    # Under a supervisor it is the one who logs, once.
    if supervisor.fd is None:
        print(f"horus.host: {line}", file=sys.stderr)
    supervisor.tell(f"failed: {line}")
    return FAILED


def main(argv: list[str] | None = None) -> int:
    """Run the host; returns its exit code."""
    arguments = parse(argv)
    supervisor = Supervisor()
    _horus._tell_crashes()
    tell_of_debugger(supervisor)
    if arguments.module == _spawned.__name__:
        return _spawned.run(arguments, supervisor)
    try:
        if arguments.script and run_program(arguments, supervisor):
            return 0
        scheduler = prepare(arguments, supervisor, lambda: find_nodes(load(arguments)), {})
        scheduler.run()
        if tell_miss([scheduler], supervisor):
            return FAILED
    except HostError as error:
        return fail(supervisor, str(error))
    except KeyboardInterrupt as error:
        supervisor.tell(f"failed: interrupted: {one_line(error)}")
        return INTERRUPTED
    except SystemExit as error:
        if not isinstance(error.code, int | None):  # A number is seen at the end.
            supervisor.tell(f"failed: {one_line(error)}")
        raise
    except Exception as error:
        traceback.print_exc()
        supervisor.tell(f"failed: {one_line(error)}")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
