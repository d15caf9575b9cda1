# SPDX-License-Identifier: Apache-2.0
"""A host of nodes that another program's scheduler has with host=; see _hosts.py."""
from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import sys
import traceback
from multiprocessing import spawn
from typing import TYPE_CHECKING, Any

from . import _horus

if TYPE_CHECKING:
    from .host import Supervisor

LONGEST = 300  # Characters, up to 12 bytes each; a write to a pipe is whole up to 4096 bytes.


class Program:
    """Who has started this host."""

    def __init__(self, host: str) -> None:
        self._host = host
        file = int(os.environ.pop("HORUS_SPAWNED"))
        self._fd = int(os.environ.pop("HORUS_RUN_FD"))
        for fd in (file, self._fd):
            os.set_inheritable(fd, False)
        # Not the descriptor: it is read from its beginning, as often as this host is started.
        self._path = f"/proc/self/fd/{file}"

    def tell(self, what: str, text: str = "") -> None:
        line = json.dumps({"host": self._host, "is": what, "text": text[:LONGEST]})
        try:
            os.write(self._fd, (line + "\n").encode())
        except OSError:
            pass  # Gone: then nobody waits.

    def tell_error(self, error: BaseException) -> None:
        """Have the program raise it."""
        text = "".join(traceback.format_exception(error))
        words = "".join(traceback.format_exception_only(type(error), error)).strip()
        try:
            pickled = pickle.dumps(error)
            pickle.loads(pickled)
        except Exception:
            pickled = b""  # Where it cannot be put together again, its words go.
        # In the place of the nodes: this host is not started again.
        with open(self._path, "wb") as file:
            file.write(pickle.dumps((pickled, words, text)))
        self.tell("error")

    def _refuse(self, _: _horus.Scheduler) -> None:
        raise RuntimeError(f"run() was called while host '{self._host}' imports this program: put "
                           "that under if __name__ == \"__main__\":")

    def read(self) -> tuple[dict[str, Any], list[_horus.Node]]:
        """The scheduler's options, and the nodes, made anew. Imports the program's main module."""
        with open(self._path, "rb") as file:
            options = pickle.load(file)
            _horus._before_runs(self._refuse)
            try:
                spawn.prepare(pickle.load(file))
                nodes = []
                while file.peek(1):
                    kind, arguments, keywords = pickle.load(file)
                    nodes.append(kind(*arguments, **keywords))
            finally:
                _horus._before_runs(None)
        return options, nodes


def run(arguments: argparse.Namespace, supervisor: Supervisor) -> int:
    """As host.main(), for such a host."""
    from . import host

    program = Program(arguments.name)
    try:
        options: dict[str, Any] = {}
        robot: list[str] = []

        def nodes() -> list[_horus.Node]:
            found, made = program.read()
            robot.append(found.pop("robot"))
            options.update(found)
            return made

        scheduler = host.prepare(arguments, supervisor, nodes, options)
        if supervisor.watch is not None:
            scheduler._supervise(supervisor.watch, arguments.hang_timeout,
                                 arguments.start_timeout, "".join(robot), False)
    except host.HostError as error:
        program.tell("failed", str(error))
        return host.fail(supervisor, str(error))

    def ready() -> None:
        supervisor.tell("ready")
        program.tell("ready")

    scheduler._on_ready = ready
    ended: BaseException | None = None
    try:
        scheduler.run()
        host.tell_miss([scheduler], supervisor)
    except BaseException as error:
        ended = error
    # The program ends, and raises it: not a failure that the supervisor should mend, nor is what
    # the supervisor sends then.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.flush()
    if ended is None:
        program.tell("end")
    else:
        program.tell_error(ended)
    return 0
