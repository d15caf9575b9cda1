# SPDX-License-Identifier: Apache-2.0
"""Topics in asyncio: `await topic.recv()`, `async for message in topic`.

    topic = horus.aio.Topic("scan")
    scan = await asyncio.wait_for(topic.recv(), timeout=1.0)

Waiting is by the topic's file descriptor: no polling, no thread of Python's.
"""
from __future__ import annotations

import asyncio
import collections
from typing import Any

from . import _horus

__all__ = ["Topic"]

_NOTHING = object()  # Of a topic without a message; None may have been sent.


class Topic:
    """A topic that tasks wait for. Takes what horus.Topic takes, or a horus.Topic.

    Any number of tasks of one event loop may wait on one topic: each message goes to one of them,
    first come, first served. A task that is cancelled takes no message with it. All calls belong
    into the loop's thread. Once a loop is closed, another one may go on with the topic.
    """

    def __init__(self, type_or_name: str | type[Any] | _horus.Topic | None = None,
                 capacity: int | None = None, endpoint: str | None = None, **options: Any) -> None:
        if isinstance(type_or_name, _horus.Topic):
            if capacity is not None or endpoint is not None or options:
                raise TypeError("aio.Topic(topic) takes no options: the topic has its own")
            self._topic = type_or_name
        else:
            if type_or_name is not None:  # Else msg_type= says the type.
                options["type_or_name"] = type_or_name
            self._topic = _horus.Topic(capacity=capacity, endpoint=endpoint, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        # Who waits, in order. A future that is done has been woken, and its task looks soon.
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    def __repr__(self) -> str:
        return f"aio.{self._topic!r}"

    @property
    def topic(self) -> _horus.Topic:
        """The horus.Topic under it: its name, stats(), loan() and so on."""
        return self._topic

    def send(self, message: Any) -> bool:
        """As horus.Topic.send(): never waits."""
        return self._topic.send(message)

    async def recv(self) -> Any:
        """The next message, waited for."""
        loop = self._join(asyncio.get_running_loop())
        if not self._waiting:
            message = self._topic.recv(default=_NOTHING)
            if message is not _NOTHING:
                return message
        while True:
            woken = loop.create_future()
            self._waiting.append(woken)
            if len(self._waiting) == 1:
                loop.add_reader(self._topic.fileno(), self._wake)
            try:
                await woken
                # The place is kept until the message is taken: nobody overtakes.
                message = self._topic.recv(default=_NOTHING)
            finally:
                self._leave(loop, woken)
            if message is not _NOTHING:
                return message

    def __aiter__(self) -> Topic:
        return self

    async def __anext__(self) -> Any:
        return await self.recv()

    def _join(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        if self._loop is not loop:
            if self._waiting and self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(
                    f"topic '{self._topic.name}' is waited for in another event loop")
            self._waiting.clear()
            self._loop = loop
        return loop

    def _leave(self, loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
        if self._loop is not loop:
            return  # Another loop goes on with the topic.
        self._waiting.remove(woken)
        if not self._waiting and not loop.is_closed():
            # The descriptor stays readable while messages are there: nobody must look at it then.
            loop.remove_reader(self._topic.fileno())

    def _wake(self) -> None:
        """The descriptor is readable: the first who waits looks, and the next one after it, since
        the descriptor stays readable until somebody finds nothing."""
        first = self._waiting[0]
        try:
            there = self._topic.has_msg()
        except Exception:
            there = True  # Who looks gets the exception.
        if there and not first.done():
            first.set_result(None)
