# SPDX-License-Identifier: Apache-2.0
"""Where the time of ticks goes: a profiler that knows nodes, the GIL, collections and sends."""
from __future__ import annotations

import gc
import sys
import threading
import time
import types
from typing import Any

from . import _horus

_SENDS = frozenset({"send", "try_send", "send_blocking", "publish"})
_PARTS = ("wait", "gil", "gc", "send", "own")
_TITLES = {"wait": "wait", "gil": "GIL", "gc": "GC", "send": "send", "own": "own code"}


class _Function:
    """What one function took of one node's ticks, without those that it called."""

    __slots__ = ("key", "calls", "own_ns")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.calls = 0
        self.own_ns = 0

    def describe(self) -> dict[str, Any]:
        key = self.key
        if isinstance(key, types.CodeType):
            name, file, line = key.co_qualname, key.co_filename, key.co_firstlineno
        else:
            module = getattr(key, "__module__", None)
            name = getattr(key, "__qualname__", repr(key))
            name, file, line = (f"{module}.{name}" if module else name), "", 0
        return {"function": name, "file": file, "line": line, "calls": self.calls,
                "own_s": self.own_ns / 1e9}


class _Node:
    """The sums of one node."""

    def __init__(self) -> None:
        self.ticks = 0
        self.ns = dict.fromkeys(_PARTS, 0)
        self.functions: dict[Any, _Function] = {}
        # The node's totals of waits for the GIL, and of losses, when its latest tick began.
        self.waited: int | None = None
        self.lost = 0

    def as_dict(self) -> dict[str, Any]:
        functions = sorted(self.functions.values(), key=lambda one: -one.own_ns)
        return {"ticks": self.ticks, **{f"{part}_s": self.ns[part] / 1e9 for part in _PARTS},
                "functions": [one.describe() for one in functions]}


class _Thread:
    """The profile function of one thread, with the calls that it is in: each [what, since, what
    those below it took]."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.stack: list[list[Any]] = []
        self.node: _Node | None = None
        self.measures = False  # What runs is our own function about a collection.

    def event(self, frame: types.FrameType, event: str, arg: Any) -> None:
        now = time.perf_counter_ns()
        stack = self.stack
        if frame.f_code is _COLLECTED and event in ("call", "return"):
            self.measures = event == "call"
        elif self.measures:
            pass
        elif event == "call":
            if stack or self.begin():
                stack.append([frame.f_code, now, 0])
        elif not stack:
            if not self.profile.running:
                sys.setprofile(None)
        elif event == "return":
            self.leave(now)
        elif event == "c_call":
            stack.append([arg, now, 0])
        else:
            self.leave(now)

    def begin(self) -> bool:
        """Whether a tick begins, of a node that is wanted."""
        ticking = _horus._ticking()
        if ticking is None or not self.profile.running:
            return False
        name, late_ns, waited_ns, lost_ns = ticking
        if self.profile.only not in (None, name):
            return False
        node = self.node = self.profile.nodes.setdefault(name, _Node())
        # What was counted since the tick before began.
        waited = waited_ns - (waited_ns if node.waited is None else node.waited)
        waited = max(0, min(waited, late_ns))
        node.ns["wait"] += late_ns - waited
        node.ns["gil"] += waited
        if node.waited is not None:
            self.move(node, "own", "gil", lost_ns - node.lost)
        node.waited, node.lost = waited_ns, lost_ns
        node.ticks += 1
        return True

    @staticmethod
    def move(node: _Node, source: str, target: str, ns: int) -> None:
        ns = max(0, min(ns, node.ns[source]))
        node.ns[source] -= ns
        node.ns[target] += ns

    def leave(self, now: int) -> None:
        what, since, below = self.stack.pop()
        took = now - since
        if self.stack:
            self.stack[-1][2] += took
        node = self.node
        assert node is not None
        own = max(0, took - below)
        if not isinstance(what, types.CodeType) and _is_send(what):
            node.ns["send"] += own
            return
        function = node.functions.get(what)
        if function is None:
            # Bound methods of objects that come and go are one function.
            key = what if isinstance(what, types.CodeType) else _static(what)
            function = node.functions.setdefault(key, _Function(key))
        function.calls += 1
        function.own_ns += own
        node.ns["own"] += own

    def collected(self, took: int) -> None:
        if self.stack and self.node is not None:
            self.stack[-1][2] += took
            self.node.ns["gc"] += took


def _is_send(what: Any) -> bool:
    return (getattr(what, "__name__", "") in _SENDS
            and type(getattr(what, "__self__", None)).__module__.startswith("horus"))


def _static(what: Any) -> Any:
    owner = getattr(what, "__self__", None)
    if owner is None or isinstance(owner, (types.ModuleType, type)):
        return what
    return getattr(type(owner), what.__name__, what)


class Profile:
    """What profile() measures, from its start to stop(); begin it before run().

        with horus.profile() as profile:
            horus.run(arm, camera, duration=10)
        print(profile)
        worst = profile.as_dict()["nodes"]["arm"]["functions"][0]
    """

    def __init__(self, only: str | None) -> None:
        self.only = only
        self.nodes: dict[str, _Node] = {}
        self.running = True
        self._threads = threading.local()
        self._begun = time.monotonic()
        self._ended: float | None = None
        if threading.getprofile() is not None or sys.getprofile() is not None:
            raise RuntimeError("profile: another profiler runs; stop it first")
        gc.callbacks.append(self._collected)
        threading.setprofile(self._first)
        sys.setprofile(self._first)
        # Threads that tick already; before Python 3.12 there is no way to them.
        everywhere = getattr(threading, "setprofile_all_threads", None)
        if everywhere is not None:
            everywhere(self._first)

    def _first(self, frame: types.FrameType, event: str, arg: Any) -> None:
        """Of a thread that was not seen before."""
        if not self.running:
            sys.setprofile(None)
            return
        thread = self._threads.own = _Thread(self)
        sys.setprofile(thread.event)
        thread.event(frame, event, arg)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._threads.collects_since = time.perf_counter_ns()
            return
        since = getattr(self._threads, "collects_since", None)
        own = getattr(self._threads, "own", None)
        if since is not None and own is not None:
            own.collected(time.perf_counter_ns() - since)

    def stop(self) -> None:
        """End the measurement; what was measured stays."""
        if not self.running:
            return
        self.running = False
        self._ended = time.monotonic()
        threading.setprofile(None)
        sys.setprofile(None)
        gc.callbacks.remove(self._collected)

    def __enter__(self) -> Profile:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def as_dict(self) -> dict[str, Any]:
        """Of each node its ticks, and the seconds of each part of them: `wait_s` from the release
        on without the GIL's, `gil_s`, `gc_s`, `send_s`, `own_s`; of the last `functions`, each with
        `function`, `file`, `line`, `calls` and `own_s`, the longest first."""
        ended = time.monotonic() if self._ended is None else self._ended
        return {"seconds": ended - self._begun,
                "nodes": {name: node.as_dict() for name, node in list(self.nodes.items())}}

    def __str__(self) -> str:
        measured = self.as_dict()
        if not measured["nodes"]:
            return "no tick was measured: begin the profile before run()"
        return "\n\n".join(_text(name, node) for name, node in measured["nodes"].items())

    def __repr__(self) -> str:
        return f"<horus.Profile of {len(self.nodes)} nodes{', running' if self.running else ''}>"


_COLLECTED = Profile._collected.__code__


def _text(name: str, node: dict[str, Any], most: int = 10) -> str:
    ticks = max(node["ticks"], 1)
    whole = sum(node[f"{part}_s"] for part in _PARTS)
    lines = [f"node {name}: {node['ticks']} ticks, {whole / ticks * 1e3:.3f} ms each"]
    for part in _PARTS:
        took = node[f"{part}_s"]
        share = 100 * took / whole if whole else 0
        lines.append(f"  {_TITLES[part]:<9}{took / ticks * 1e3:10.3f} ms {share:5.1f} %")
    for function in node["functions"][:most]:
        place = f" ({function['file']}:{function['line']})" if function["file"] else ""
        lines.append(f"    {function['own_s'] / ticks * 1e3:9.3f} ms in "
                     f"{function['calls'] / ticks:.1f} calls of {function['function']}{place}")
    return "\n".join(lines)


def profile(node: str | None = None) -> Profile:
    """Measure where the time of ticks goes: of all nodes of this process, or of one. Begin it
    before run(); it costs each call of a function about a microsecond. Ticks of async nodes are
    left out."""
    return Profile(node)
