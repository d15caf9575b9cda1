# SPDX-License-Identifier: Apache-2.0
"""Declarations of topics, for `pubs=` and `subs=` of a Node."""
from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Pub:
    """A topic that a node sends on: its name, its type, how many messages it holds."""

    topic: str
    type: type[Any] | None = None
    capacity: int | None = None


@dataclasses.dataclass(frozen=True)
class Sub:
    """A topic that a node receives from: its name, its type, how many messages it holds."""

    topic: str
    type: type[Any] | None = None
    capacity: int | None = None
