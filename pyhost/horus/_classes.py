# SPDX-License-Identifier: Apache-2.0
"""What Topic, Node and Scheduler say in Python. Importing this module adds it to the classes."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import Any

from ._extend import Free, also_named, extend
from ._horus import HorusNotFoundError, HorusTimeoutError, Node, Scheduler, Topic
from ._values import Answer, Miss, Text

_LOOK_EVERY = 0.001  # s


@extend(Topic)
class _Topic:
    @property
    def is_generic(self: Topic) -> Answer:
        """Whether it has no fixed message type. Reads as a value, and can be called."""
        return Answer(self._generic())

    @property
    def is_network_topic(self: Topic) -> bool:
        """Whether its messages leave this machine: never."""
        return False

    def try_send(self: Topic, message: Any, node: Node | None = None) -> bool:
        """As send(), but False, and nothing sent, where that would cost a reader a message.

        It is full where a reader that lives still wants the message that the new one would replace,
        and has not taken it. A Topic that was never asked for a message is a reader only where
        there is no other. Never waits.
        """
        return self._try_send(message)

    @also_named({"timeout": "timeout_s"})
    def send_blocking(
        self: Topic, message: Any, timeout_s: float, node: Node | None = None
    ) -> None:
        """Sends, and waits for room without the GIL where try_send() would be False.

        Looks for room once a millisecond: a reader that takes a message rings nobody. At least one
        try is made. HorusTimeoutError after `timeout_s` seconds: the message was not sent.
        """
        timeout_s = float(timeout_s)
        if not (math.isfinite(timeout_s) and timeout_s >= 0):
            raise ValueError(
                f"send_blocking(): timeout_s: {timeout_s}: must be finite and at least 0")
        until = time.monotonic() + timeout_s
        while not self.try_send(message):
            left = until - time.monotonic()
            if left <= 0:
                raise HorusTimeoutError(
                    f"send_blocking(): topic '{self.name}' had no room for {timeout_s} s; the "
                    "message was not sent")
            time.sleep(min(left, _LOOK_EVERY))

    def stats(self: Topic) -> dict[str, Any]:
        """This object's sent, received, dropped (refused), missed (overwritten), passed_over
        (read_latest() made them superfluous) and torn messages; how many of those sent were copied:
        frames of which a writable view was alive; age: s since the message was sent that was
        received last, or None. And the same under the family's names."""
        counted = self._stats()
        return counted | {
            "messages_sent": counted["sent"], "messages_received": counted["received"],
            "send_failures": counted["dropped"], "recv_failures": counted["torn"],
            "missed_count": counted["missed"], "dropped_count": counted["dropped"],
            "is_network": self.is_network_topic, "backend": self.backend_type}

    def dropped_count(self: Topic) -> int:
        """Messages that this object's send() refused."""
        return int(self._stats()["dropped"])

    def missed_count(self: Topic) -> int:
        """Messages that were overwritten before this object received them."""
        return int(self._stats()["missed"])


@extend(Node)
class _Node:
    @property
    def on_miss(self: Node) -> Miss:
        """What follows when a tick misses its deadline."""
        return Miss(self._on_miss)


# The family has no such words: a subclass that was written for it may use them for its own.
for _word in ("host", "on", "compute", "safe", "armed", "safety", "actuator"):
    setattr(Node, _word, Free(vars(Node)[_word]))


@extend(Scheduler)
class _Scheduler:
    @property
    def scheduler_name(self: Scheduler) -> Text:
        """The scheduler's name. Reads as a value, and can be called."""
        return Text(self._name)

    @also_named({"duration": "seconds"})
    def tick_for(self: Scheduler, seconds: float, node_names: Sequence[str] | None = None) -> None:
        """Run for so many seconds. All nodes tick: ValueError where node_names leaves one out."""
        if node_names is not None:
            self._check_names(node_names)
            left = [name for name in self.get_node_names() if name not in node_names]
            if left:
                raise ValueError(
                    f"tick_for() ticks all nodes: {left[0]!r} would tick, too. Make a Scheduler of "
                    "the nodes that shall")
        self.run(seconds)

    def tick_once(self: Scheduler, node_names: Sequence[str] | None = None) -> None:
        """Tick every node once, in order, on this thread; event nodes where they have a message.
        The first call runs every init(), stop() every shutdown(). node_names is not used."""
        if node_names is not None:
            self._check_names(node_names)
            if set(self.get_node_names()) - set(node_names):
                warnings.warn("tick_once() ticks all nodes; node_names is not used",
                              RuntimeWarning, stacklevel=2)
        self._tick_once()

    def _check_names(self: Scheduler, names: Sequence[str]) -> None:
        for name in names:
            if not self.has_node(name):
                raise HorusNotFoundError(f"there is no node '{name}' in this scheduler")

    def get_all_nodes(self: Scheduler) -> list[dict[str, Any]]:
        """What get_node_stats() returns for each node, as they were added."""
        return [self.get_node_stats(name) for name in self.get_node_names()]
