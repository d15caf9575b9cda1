# SPDX-License-Identifier: Apache-2.0
"""Runs the nodes of one module: `python3 -m horus.host NAME --module M [--path P]...`.

The module's nodes are its `nodes` (a list, or a function that returns one) where it has that, else
every `horus.Node` that is bound to a name of the module, in order. Under a supervisor one line is
written to the descriptor $HORUS_READY_FD: `ready` once every node has ticked, or `failed: why`.
"""
from __future__ import annotations

import argparse
import collections.abc
import importlib
import importlib.util
import os
import pathlib
import sys
import traceback
import types

import horus

FAILED = 1
INTERRUPTED = 130  # What a shell reports for a program that Ctrl+C ended.


class HostError(Exception):
    """What keeps the host from starting, in one line."""


class Supervisor:
    """Who started this process and waits for its word, if anybody does."""

    def __init__(self) -> None:
        number = os.environ.pop("HORUS_READY_FD", None)
        self.fd = int(number) if number is not None else None
        if self.fd is not None:
            os.set_inheritable(self.fd, False)

    def tell(self, line: str) -> None:
        """Write one line; the first one counts."""
        if self.fd is None:
            return
        fd, self.fd = self.fd, None
        try:
            os.write(fd, (line + "\n").encode())
        except OSError:
            pass  # Gone: then nobody waits.
        finally:
            os.close(fd)


def parse_cpus(text: str) -> set[int]:
    """CPUs in the kernel's list format, "0,2-3"."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def is_file(module: str) -> bool:
    return module.endswith(".py") or "/" in module


def load(name: str) -> types.ModuleType:
    """Import a module by its dotted name, or from a file."""
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


def prepare(arguments: argparse.Namespace) -> horus.Scheduler:
    """Everything up to the first tick. Raises HostError with one line."""
    try:
        if arguments.cpus:
            os.sched_setaffinity(0, parse_cpus(arguments.cpus))
    except (OSError, ValueError) as error:
        raise HostError(f"--cpus {arguments.cpus}: {error}") from error
    sys.path[:0] = [str(pathlib.Path(path).resolve()) for path in arguments.path]
    try:
        nodes = find_nodes(load(arguments.module))
        scheduler = horus.Scheduler(name=arguments.name, rt=arguments.rt, gc=arguments.gc)
        for node in nodes:
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
    try:
        scheduler = prepare(arguments)
        scheduler._log_prefix = supervisor.fd is not None
        scheduler._on_ready = lambda: supervisor.tell("ready")
        scheduler.run()
    except HostError as error:
        return fail(supervisor, str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        traceback.print_exc()
        supervisor.tell(f"failed: {one_line(error)}")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
