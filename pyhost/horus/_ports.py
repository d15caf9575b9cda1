# SPDX-License-Identifier: Apache-2.0
"""Declarations of topics, for `pubs=` and `subs=` of a Node."""
from __future__ import annotations

import dataclasses
from types import EllipsisType
from typing import Any

_Type = type[Any] | str | None


class _Port:
    """What both have."""

    def _set(self, msg_type: _Type, **values: Any) -> None:
        if msg_type is not None and values["type"] not in (None, msg_type):
            raise ValueError(
                f"type={values['type']!r} and msg_type={msg_type!r}: they are one argument")
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if msg_type is not None:
            object.__setattr__(self, "type", msg_type)

    @property
    def msg_type(self) -> _Type:
        """Another name of `type`."""
        kind: _Type = getattr(self, "type")
        return kind


@dataclasses.dataclass(frozen=True, init=False)
class Pub(_Port):
    """A topic that a node sends on: its name, its type, how many messages it holds.

    type: a message class, Image and its like, dict, or one of their names as text; msg_type is
    another name of it. policy: "overwrite" (the oldest message makes room) or "refuse" (send()
    returns False while a reader has not taken the oldest). max_size: bytes of the largest value of
    a topic of dicts. size: of the largest image, cloud or tensor: bytes, or (height, width,
    encoding); memory for all of them is reserved when the topic is opened. finite: send() raises
    ValueError for a message that horus.is_finite() says no to.
    """

    topic: str
    type: _Type = None
    capacity: int | None = None
    policy: str | None = None
    max_size: int | None = None
    size: int | tuple[int, int, str] | None = None
    finite: bool = False

    def __init__(self, topic: str, type: _Type = None, capacity: int | None = None,
                 policy: str | None = None, max_size: int | None = None, *,
                 msg_type: _Type = None, size: int | tuple[int, int, str] | None = None,
                 finite: bool = False) -> None:
        self._set(msg_type, topic=topic, type=type, capacity=capacity, policy=policy,
                  max_size=max_size, size=size, finite=finite)


@dataclasses.dataclass(frozen=True, init=False)
class Sub(_Port):
    """A topic that a node receives from: its name, its type, how many messages wait for it.

    type, msg_type: as for Pub. depth: of each publisher's messages the newest so many are wanted,
    and older ones are passed over: 16 where nothing is said (1 of images and their like), all that
    the publisher still has with None; capacity is another name of it. A topic that refuses passes
    over nothing. history: so many messages from before the node came, in place of what was sent
    since its scheduler started; 0: none.

    timeout: seconds from a message's sending on after which it is too old; where none came, from
    the node's first tick on. While the newest is too old, node.stale(topic) is true, and the first
    recv() of each tick gives the fallback: "hold" (the newest message again), "zero" (a message
    that asks nobody to move, of a type that has one), a message or value of your own, or "stop" (an
    emergency stop; recv() then gives nothing). None: recv() gives nothing. A message that is too
    old is never given as a new one. The first new message ends it.
    """

    topic: str
    type: _Type = None
    depth: int | EllipsisType | None = ...
    history: int | None = None
    timeout: float | None = None
    fallback: Any = None

    def __init__(self, topic: str, type: _Type = None, depth: int | EllipsisType | None = ...,
                 history: int | None = None, *, msg_type: _Type = None,
                 capacity: int | EllipsisType | None = ..., timeout: float | None = None,
                 fallback: Any = None) -> None:
        if capacity is not ... and depth not in (..., capacity):
            raise ValueError(f"depth={depth!r} and capacity={capacity!r}: they are one argument")
        self._set(msg_type, topic=topic, type=type, depth=depth if capacity is ... else capacity,
                  history=history, timeout=timeout, fallback=fallback)

    @property
    def capacity(self) -> int | EllipsisType | None:
        """Another name of `depth`."""
        return self.depth
