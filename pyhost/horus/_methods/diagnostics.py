# SPDX-License-Identifier: Apache-2.0
"""Methods of signs of life, diagnostics, resources and safety."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy
import builtins
import math
import operator
import time

from .._enums import SafetyMode, StatusLevel, ValueType
from .._extend import extend
from .._horus import (
    DiagnosticReport, DiagnosticStatus, DiagnosticValue, EmergencyStop, Heartbeat, NodeHeartbeat,
    ResourceUsage, SafetyStatus, timestamp_ns,
)
from ._numbers import append, expect, not_negative


@extend(Heartbeat)
class _Heartbeat:
    def update(self: Heartbeat, uptime: float) -> None:
        """One more heartbeat, now, `uptime` s after the node's start: sequence goes up by 1."""
        self.uptime = not_negative("uptime", uptime)
        self.sequence += 1
        self.alive = True
        self.timestamp_ns = timestamp_ns()


@extend(NodeHeartbeat)
class _NodeHeartbeat:
    def update_timestamp(self: NodeHeartbeat) -> None:
        """Sets heartbeat_timestamp to the present second."""
        self.heartbeat_timestamp = int(time.time())

    def is_fresh(self: NodeHeartbeat, max_age: float = 5.0) -> bool:
        """Whether heartbeat_timestamp is no more than `max_age` s away from now.

        One from the future counts the same way: another machine's clock may go ahead a little.
        """
        age = int(time.time()) - self.heartbeat_timestamp
        return abs(age) <= not_negative("max_age", max_age)


@extend(DiagnosticStatus)
class _DiagnosticStatus:
    @staticmethod
    def ok(message: str = "") -> DiagnosticStatus:
        """All is well; code 0."""
        return DiagnosticStatus(StatusLevel.OK, 0, message)

    @staticmethod
    def warn(code: int, message: str = "") -> DiagnosticStatus:
        """Something is not as it should be, and the component works."""
        return DiagnosticStatus(StatusLevel.WARN, code, message)

    @staticmethod
    def error(code: int, message: str = "") -> DiagnosticStatus:
        """The component does not work as it should."""
        return DiagnosticStatus(StatusLevel.ERROR, code, message)

    @staticmethod
    def fatal(code: int, message: str = "") -> DiagnosticStatus:
        """The component does not work, and will not by itself."""
        return DiagnosticStatus(StatusLevel.FATAL, code, message)

    def with_component(self: DiagnosticStatus, component: str) -> DiagnosticStatus:
        """A copy that says whose status it is, in at most 31 bytes."""
        changed = copy.copy(self)
        changed.component = component
        return changed

    def message_str(self: DiagnosticStatus) -> str:
        """The message."""
        return self.message

    def component_str(self: DiagnosticStatus) -> str:
        """The component."""
        return self.component


@extend(DiagnosticValue)
class _DiagnosticValue:
    # Two methods have the names of types, which therefore stand here with their module's.
    @staticmethod
    def int(key: str, value: builtins.int) -> DiagnosticValue:
        """A whole number. Key and text are at most 31 and 63 bytes, here as in the others."""
        return _value(key, str(builtins.int(operator.index(value))), ValueType.INT)

    @staticmethod
    def float(key: str, value: builtins.float) -> DiagnosticValue:
        """A number, in as many digits as give it back exactly; "nan" and "inf" are such."""
        number = math.ldexp(value, 0)  # Which takes no text, as float() does.
        return _value(key, repr(number), ValueType.FLOAT)

    @staticmethod
    def boolean(key: str, value: bool) -> DiagnosticValue:
        """"true" or "false"."""
        return _value(key, "true" if expect("value", value, bool) else "false", ValueType.BOOL)


def _value(key: str, text: str, kind: ValueType) -> DiagnosticValue:
    made = DiagnosticValue(key, text)
    made.value_type = kind
    return made


@extend(DiagnosticReport)
class _DiagnosticReport:
    def add_value(self: DiagnosticReport, value: DiagnosticValue) -> None:
        """Adds a copy of the value. Raises ValueError when there are 16 already."""
        expect("value", value, DiagnosticValue)
        append(self, "values", "value_count", value)

    def get_values(self: DiagnosticReport) -> list[DiagnosticValue]:
        """The values in use, as views of the report's memory."""
        return self.values

    def add_string(self: DiagnosticReport, key: str, value: str) -> None:
        """Adds a text, under the conditions of `add_value` and DiagnosticValue."""
        self.add_value(DiagnosticValue(key, value))

    def add_int(self: DiagnosticReport, key: str, value: int) -> None:
        """Adds a whole number; see DiagnosticValue.int."""
        self.add_value(DiagnosticValue.int(key, value))

    def add_float(self: DiagnosticReport, key: str, value: float) -> None:
        """Adds a number; see DiagnosticValue.float."""
        self.add_value(DiagnosticValue.float(key, value))

    def add_bool(self: DiagnosticReport, key: str, value: bool) -> None:
        """Adds "true" or "false"."""
        self.add_value(DiagnosticValue.boolean(key, value))


@extend(EmergencyStop)
class _EmergencyStop:
    @staticmethod
    def engage(reason: str = "") -> EmergencyStop:
        """Stop, for a reason of at most 63 bytes."""
        return EmergencyStop(True, reason)

    @staticmethod
    def release() -> EmergencyStop:
        """Go on."""
        return EmergencyStop(False)

    def with_source(self: EmergencyStop, source: str) -> EmergencyStop:
        """A copy that says who stopped or released, in at most 31 bytes."""
        changed = copy.copy(self)
        changed.source = source
        return changed

    def reason_str(self: EmergencyStop) -> str:
        """The reason."""
        return self.reason


@extend(ResourceUsage)
class _ResourceUsage:
    def is_cpu_high(self: ResourceUsage, threshold: float = 80.0) -> bool:
        """Whether cpu_percent is above `threshold` percent."""
        return self.cpu_percent > threshold

    def is_memory_high(self: ResourceUsage, threshold: float = 80.0) -> bool:
        """Whether memory_percent is above `threshold` percent."""
        return self.memory_percent > threshold

    def is_temperature_high(self: ResourceUsage, threshold: float = 80.0) -> bool:
        """Whether the temperature is above `threshold` degC."""
        return self.temperature > threshold


@extend(SafetyStatus)
class _SafetyStatus:
    def is_safe(self: SafetyStatus) -> bool:
        """Whether the robot may move.

        The safety functions are on, no emergency stop is, watchdog, limits and communication are
        well, there is no fault, and the mode is NORMAL or REDUCED.
        """
        return (self.enabled and not self.estop_engaged
                and self.watchdog_ok and self.limits_ok and self.comms_ok
                and self.fault_code == 0 and self.mode in (SafetyMode.NORMAL, SafetyMode.REDUCED))

    def set_fault(self: SafetyStatus, code: int) -> None:
        """Sets the fault code, 1 to 2^32 - 1, and the mode SAFE_STOP."""
        if code == 0:
            raise ValueError("code: 0 is no fault; clear_faults() sets it")
        self.fault_code = code
        self.mode = SafetyMode.SAFE_STOP

    def clear_faults(self: SafetyStatus) -> None:
        """Sets the fault code 0 and the mode NORMAL. What else is not well stays so."""
        self.fault_code = 0
        self.mode = SafetyMode.NORMAL
