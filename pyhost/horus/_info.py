# SPDX-License-Identifier: Apache-2.0
"""What a node can tell about itself."""
from __future__ import annotations

from typing import Any

from ._horus import Node
from ._values import NodeState


class NodeInfo:
    """A live view of one node's counters, and a place for data of the user's own."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._custom: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The node's name."""
        return self._node.name

    @property
    def state(self) -> NodeState:
        """Where the node is in its life."""
        return NodeState(self._node._stats()["state"])

    def tick_count(self) -> int:
        """Ticks so far."""
        return int(self._node._stats()["total_ticks"])

    def error_count(self) -> int:
        """Ticks and callbacks that ended in an exception."""
        return int(self._node._stats()["errors_count"])

    def successful_ticks(self) -> int:
        """Ticks that ended without an exception."""
        return int(self._node._stats()["successful_ticks"])

    def failed_ticks(self) -> int:
        """Ticks that ended in an exception."""
        return int(self._node._stats()["failed_ticks"])

    def avg_tick_duration_ms(self) -> float:
        """The mean execution time."""
        return float(self._node._stats()["avg_tick_duration_ms"])

    def get_uptime(self) -> float:
        """Seconds since the first release."""
        return float(self._node._stats()["uptime_seconds"])

    def get_metrics(self) -> dict[str, Any]:
        """Everything that is counted; what Scheduler.get_node_stats() returns."""
        return self._node._stats()

    def set_custom_data(self, key: str, value: Any) -> None:
        """Keep something beside the counters."""
        self._custom[key] = value

    def get_custom_data(self, key: str) -> Any:
        """What was kept under this key, or None."""
        return self._custom.get(key)

    def remove_custom_data(self, key: str) -> Any:
        """What was kept under this key, and is no more; or None."""
        return self._custom.pop(key, None)

    def custom_data_keys(self) -> list[str]:
        """The keys under which something is kept."""
        return list(self._custom)

    def log_info(self, message: object) -> None:
        """As Node.log_info()."""
        self._node.log_info(message)

    def log_warning(self, message: object) -> None:
        """As Node.log_warning()."""
        self._node.log_warning(message)

    def log_error(self, message: object) -> None:
        """As Node.log_error()."""
        self._node.log_error(message)

    def log_debug(self, message: object) -> None:
        """As Node.log_debug()."""
        self._node.log_debug(message)

    def request_stop(self) -> None:
        """As Node.request_stop()."""
        self._node.request_stop()
