# SPDX-License-Identifier: Apache-2.0
"""Declarations of topics, for `pubs=` and `subs=` of a Node."""
from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Pub:
    """A topic that a node sends on: its name, its type, how many messages it holds.

    policy: "overwrite" (the oldest message makes room) or "refuse" (send() returns False while a
    reader has not taken the oldest). max_size: bytes of the largest value of a topic of dicts.
    """

    topic: str
    type: type[Any] | None = None
    capacity: int | None = None
    policy: str | None = None
    max_size: int | None = None


@dataclasses.dataclass(frozen=True)
class Sub:
    """A topic that a node receives from: its name, its type, how many messages it holds.

    history: so many messages from before the node came, as far as publishers still have them.
    """

    topic: str
    type: type[Any] | None = None
    capacity: int | None = None
    history: int | None = None
