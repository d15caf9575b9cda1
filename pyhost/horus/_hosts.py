# SPDX-License-Identifier: Apache-2.0
"""The processes of nodes with host=: a supervisor (horus-pyhost) that starts and keeps them up, and
what they tell of themselves. The other end is _spawned.py."""
from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import spawn
from typing import Any

from . import _horus, _programs

GRACE = 4.0  # s; what a supervisor takes beyond the stop timeout of its hosts.
BETWEEN = 0.1  # s; two signals of a kind are one where they come at once.
FREE_FD = 64  # Above those that the supervisor gives to a host itself.


class RemoteTraceback(Exception):
    """Where in a host an exception was raised; the cause of that exception here."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


def supervisor() -> str:
    """Where the supervisor lies."""
    return _programs.find("horus-pyhost", "host=")


def _why_not(node: _horus.Node, host: str, cause: Exception) -> ValueError:
    """Which argument of a node cannot be sent to its host."""
    _, arguments, keywords = node._made_with()
    named = [(f"argument {i + 1}", value) for i, value in enumerate(arguments)]
    for what, value in [*named, *keywords.items(), ("class", type(node))]:
        try:
            pickle.dumps(value)
        except Exception as error:
            cause = error
            break
    else:
        what = "class"
    return ValueError(
        f"node '{node.name}': its {what} cannot go to host '{host}': {cause}. A host is a new "
        "process that imports what the node is made of: functions and classes at the top of a "
        "module, no lambdas and none that are defined in a function")


def _pickled(nodes: list[_horus.Node], host: str, main: dict[str, Any]) -> bytes:
    parts = [pickle.dumps(main)]
    for node in nodes:
        try:
            parts.append(pickle.dumps(node._made_with()))
        except Exception as error:
            raise _why_not(node, host, error) from error
    if b"__main__" in b"".join(parts[1:]) and not any(key.startswith("init_main") for key in main):
        raise ValueError("host= needs a program that was started from a file: this one's functions "
                         "cannot be imported by another process")
    return b"".join(parts)


def _main_module() -> dict[str, Any]:
    """How a host imports the program's main module, as multiprocessing's spawn does."""
    wanted = ("sys_path", "sys_argv", "orig_dir", "dir", "init_main_from_name",
              "init_main_from_path")
    return {key: value for key, value in spawn.get_preparation_data("horus").items()
            if key in wanted}


class Hosts:
    """The hosts of one run. All calls from the thread of the run, but for give_up()."""

    def __init__(self, groups: dict[str, list[_horus.Node]], options: dict[str, Any],
                 on_end: Callable[[], object]) -> None:
        self._names = set(groups)
        self._on_end = on_end
        self._stop_timeout: float = options["stop_timeout"]
        self._ready: set[str] = set()
        self._error: BaseException | None = None
        self.over = False  # The run shall end.
        self._changed = threading.Condition()
        main = _main_module()
        # By host. Files without a name: however this process ends, none is left.
        self._files: dict[str, int] = {}
        try:
            sections = [self._section(name, nodes, options, main)
                        for name, nodes in groups.items()]
            self._config = self._file("hosts.toml", (self._robot() + "".join(sections)).encode())
        except BaseException:
            self._close_files()
            raise

    def _file(self, name: str, content: bytes) -> int:
        made = os.memfd_create(name)
        try:
            self._files[name] = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, FREE_FD)
        finally:
            os.close(made)
        with open(self._files[name], "wb", closefd=False) as file:
            file.write(content)
        return self._files[name]

    def _close_files(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    def _robot(self) -> str:
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        return (f'[robot]\nname = "py-{os.getpid()}"\nstop_timeout = "{self._stop_timeout:.3f} s"\n'
                f'[cpus]\npython = "{cpus}"\n')

    def _section(self, name: str, nodes: list[_horus.Node], options: dict[str, Any],
                 main: dict[str, Any]) -> str:
        file = self._file(f"{name}.pickle", pickle.dumps(options) + _pickled(nodes, name, main))
        return (f'[[host]]\nname = {json.dumps(name)}\nmodule = "horus._spawned"\n'
                f'restart = "on-failure"\nenv = {{ HORUS_SPAWNED = "{file}" }}\n')

    def start(self) -> None:
        """Start the supervisor, and hear what the hosts tell."""
        read, write = os.pipe()
        told = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, FREE_FD)
        os.close(write)
        # Of the environment, and not in the configuration, which is UTF-8: a path may be any bytes.
        paths = [str(_programs.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            # Not in the terminal's group: Ctrl+C reaches it through us.
            self._process = subprocess.Popen(
                [supervisor(), "--config", f"/dev/fd/{self._config}", "--program",
                 str(os.getpid()), "--python", sys.executable or "/usr/bin/python3"],
                pass_fds=[told, *self._files.values()],
                env={**os.environ, "PYTHONPATH": ":".join(paths), "HORUS_RUN_FD": str(told)},
                process_group=0)
        except BaseException:
            os.close(read)
            self._close_files()
            raise
        finally:
            os.close(told)
        self._reader = threading.Thread(target=self._hear, args=[read], name="horus-hosts",
                                        daemon=True)
        try:
            self._reader.start()
        except BaseException:  # No thread is to be had.
            self._process.kill()
            self._process.wait()
            os.close(read)
            self._close_files()
            raise

    def wait_ready(self) -> bool:
        """Wait until every node of every host has ticked. False where the run shall end."""
        with self._changed:
            self._changed.wait_for(lambda: self.over or self._ready >= self._names)
            return not self.over

    def give_up(self) -> None:
        """The run shall end."""
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the hosts, and wait for that. A Ctrl+C meanwhile does not wait."""
        try:
            self._process.terminate()
            try:
                self._process.wait(self._stop_timeout + GRACE if self._stop_timeout else None)
            except KeyboardInterrupt:
                self._hurry()
                raise
            except subprocess.TimeoutExpired:
                _horus._warn("horus-pyhost does not end: killed")
        finally:
            self._process.kill()  # Its hosts end with it.
            self._process.wait()
            # What a host has left behind may keep the pipe open.
            self._reader.join(GRACE)
            self._close_files()

    def _hurry(self) -> None:
        """The second Ctrl+C: the supervisor kills what has not ended, and removes what it left."""
        for wait in (BETWEEN, GRACE):
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait)

    def raise_error(self) -> None:
        """Raise what ended a host, or kept it from its end, once it has stopped."""
        if self._error is not None:
            raise self._error

    def _hear(self, read: int) -> None:
        error: BaseException = RuntimeError(
            "horus-pyhost, which runs the hosts of this program, has ended")
        try:
            with os.fdopen(read, errors="replace") as lines:
                for line in lines:
                    self._told(json.loads(line))
        except BaseException as caught:  # What a host tells must not end in silence.
            error = caught
        self._end(error)

    def _told(self, word: dict[str, str]) -> None:
        host, what = word["host"], word["is"]
        if what == "ready":
            with self._changed:
                self._ready.add(host)
                self._changed.notify_all()
        elif what == "end":
            self._end(None)
        elif what == "error":
            self._end(self._read_error(host))
        elif what == "broke":  # At a stop, which does not end as if all was well.
            self._error = self._error or RuntimeError(f"host '{host}' ended: {word['text']}")
        elif host not in self._ready:  # "failed"; one that was ready is started again.
            self._end(RuntimeError(f"host '{host}' cannot start: {word['text']}"))

    def _read_error(self, host: str) -> BaseException:
        with open(f"/proc/self/fd/{self._files[host + '.pickle']}", "rb") as file:
            pickled, words, text = pickle.load(file)
        error: BaseException
        try:
            error = pickle.loads(pickled)
        except BaseException:  # Its class is not to be had here, or does not bear its making.
            error = RuntimeError(words)
        error.__cause__ = RemoteTraceback(text)
        return error

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            if self.over:
                return
            self._error = error
            self.over = True
            self._changed.notify_all()
        self._on_end()


@contextlib.contextmanager
def running(groups: dict[str, list[_horus.Node]], options: dict[str, Any],
            scheduler: _horus.Scheduler) -> Iterator[Hosts]:
    """The hosts, from their start to their end."""
    hosts = Hosts(groups, options, scheduler.stop)
    hosts.start()
    nodes = [node for group in groups.values() for node in group]
    try:
        scheduler._hosts = hosts
        yield hosts
    finally:
        try:
            for node in nodes:
                node._stats()  # It keeps the page that it looks at: the numbers outlive the host.
        finally:
            try:
                hosts.give_up()
                hosts.stop()
            finally:
                scheduler._hosts = None


@contextlib.contextmanager
def heard(end: Callable[[], object]) -> Iterator[None]:
    """Have signals that would end the process call `end`, where nobody else handles them. During
    _run_own() they end it."""
    def on_ending(number: int, frame: object) -> None:
        end()

    on_ending._horus_ending = True  # type: ignore[attr-defined]  # _run_own() may take its place.
    ours = []
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:
                    ours.append(number)
                    signal.signal(number, on_ending)
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is on_ending:
                signal.signal(number, signal.SIG_DFL)


def run(scheduler: _horus.Scheduler, groups: dict[str, list[_horus.Node]],
        options: dict[str, Any], duration: float | None) -> None:
    """Run the scheduler's own nodes beside the hosts of the others."""
    asked = threading.Event()  # Maybe before there are hosts.

    def end() -> None:
        asked.set()
        scheduler.stop()

    with heard(end):
        with running(groups, options, scheduler) as hosts:
            if not asked.is_set() and hosts.wait_ready():
                scheduler._run_own(duration)
        hosts.raise_error()
