# SPDX-License-Identifier: Apache-2.0
"""The asyncio loop of a run, on a thread of its own, with the async functions of all its nodes.

An executor hands a callback over and waits for its end; the loop runs it beside those of all other
nodes. A task that a node starts belongs to it, and ends at the latest with the node.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from . import _horus

_node: contextvars.ContextVar[_horus.Node] = contextvars.ContextVar("node")


def _owner(task: object) -> _horus.Node | None:
    """The node that a task belongs to, if any."""
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    return coroutine.node if isinstance(coroutine, _horus._Steps) else None


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception that nobody awaits is logged, by its node where it has one."""
    node = _owner(context.get("task", context.get("future")))
    if node is None:
        return loop.default_exception_handler(context)
    error = context.get("exception")
    lines = traceback.format_exception(error) if error is not None else []
    node.log_error("".join([context["message"], "\n", *lines]))


def _left(end: float | None) -> float | None:
    """Seconds to wait until `end`; None: for ever."""
    return None if end is None else max(end - time.monotonic(), 0.0)


class _Workers(concurrent.futures.ThreadPoolExecutor):
    """The threads of asyncio.to_thread(), and what has been given to them and is not over."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="horus-asyncio")
        self.given: set[concurrent.futures.Future[Any]] = set()

    def submit(self, function: Callable[..., Any], /, *arguments: Any,
               **options: Any) -> concurrent.futures.Future[Any]:
        future = super().submit(function, *arguments, **options)
        self.given.add(future)
        future.add_done_callback(self.given.discard)
        return future


class Loop:
    """Everything but close() returns at once. `thread` is the Linux thread."""

    def __init__(self, stop_timeout: float) -> None:
        self._timeout = stop_timeout or None
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self._make_task)
        self._loop.set_exception_handler(_tell)
        self._workers = _Workers()
        self._loop.set_default_executor(self._workers)
        # By node: what its init() sets is there in its ticks.
        self._contexts: dict[str, contextvars.Context] = {}
        self._calls: dict[int, asyncio.Task[None]] = {}
        # By node: asyncio itself would let the collector take a task that nobody holds.
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="horus-asyncio", daemon=True)
        self._thread.start()
        self.thread = self._thread.native_id

    def submit(self, node: _horus.Node, number: int, last: bool) -> None:
        """Run what the node's executor waits for; `last`: then end the node's tasks."""
        context = self._contexts.get(node.name)
        if context is None:
            context = self._contexts[node.name] = contextvars.copy_context()
            context.run(_node.set, node)
        self._loop.call_soon_threadsafe(self._begin, node, number, last, context, context=context)

    def cancel(self, number: int) -> None:
        """Cancel the callback that was submitted with this number."""
        self._loop.call_soon_threadsafe(self._cancel, number)

    def close(self) -> bool:
        """End what is left, and the thread. False where that does not end."""
        end = None if self._timeout is None else time.monotonic() + self._timeout
        self._loop.call_soon_threadsafe(self._close)
        self._thread.join(_left(end))
        self._workers.shutdown(wait=False, cancel_futures=True)
        if concurrent.futures.wait(set(self._workers.given), _left(end)).not_done:
            _horus._warn("a function in asyncio.to_thread() goes on after the run; the program "
                         "ends when it does")
        else:
            self._workers.shutdown()  # Its threads have nothing to do, and end.
        return not self._thread.is_alive()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._closing:
            try:
                self._loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                pass  # The task that raised it tells its node's executor.
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        self._loop.close()

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any,
                   **options: Any) -> asyncio.Task[Any]:
        """A task that belongs to the node whose code makes it, and whose steps count as its."""
        node = _node.get(None)
        if node is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        task = asyncio.Task(_horus._Steps(coroutine, node), loop=loop, **options)
        tasks = self._tasks.setdefault(node.name, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def _begin(self, node: _horus.Node, number: int, last: bool,
               context: contextvars.Context) -> None:
        coroutine: Coroutine[Any, Any, Any] | None = None
        error: BaseException | None = None
        try:
            result = _horus._async_call(node)
            coroutine = result if asyncio.iscoroutine(result) else None
        except BaseException as raised:
            frames = raised.__traceback__
            error = raised.with_traceback(frames.tb_next if frames is not None else None)
        if last:
            coroutine, error = self._finish(node, coroutine, error), None
        if coroutine is None:
            return _horus._async_end(node, error)
        task = self._loop.create_task(coroutine, name=node.name, context=context)
        self._calls[number] = task
        task.add_done_callback(functools.partial(self._ended, node, number))

    def _ended(self, node: _horus.Node, number: int, task: asyncio.Task[None]) -> None:
        del self._calls[number]
        _horus._async_end(
            node, asyncio.CancelledError() if task.cancelled() else task.exception())

    def _cancel(self, number: int) -> None:
        if (task := self._calls.get(number)) is not None:
            task.cancel()

    async def _finish(self, node: _horus.Node, coroutine: Coroutine[Any, Any, Any] | None,
                      error: BaseException | None) -> None:
        try:
            if error is not None:
                raise error
            if coroutine is not None:
                await coroutine
        finally:
            self._contexts.pop(node.name, None)
            await self._end_tasks(self._tasks.pop(node.name))

    @staticmethod
    async def _end_tasks(tasks: set[asyncio.Task[Any]]) -> None:
        """Cancel tasks and wait for them; what they raise goes to _tell() as they are freed."""
        own = asyncio.current_task()
        left = [task for task in tasks if task is not own]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _close(self) -> None:
        async def close() -> None:
            await self._end_tasks(asyncio.all_tasks())
            self._closing = True
            self._loop.stop()

        self._loop.create_task(close())
