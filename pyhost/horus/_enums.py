# SPDX-License-Identifier: Apache-2.0
"""The numbers that message fields use for states, modes and kinds.

A field gives a plain int, which equals its member: `result.status == GoalStatus.SUCCEEDED`.
"""
import enum

__all__ = [
    "AudioEncoding", "ClockSource", "ContactState", "FixStatus", "GoalStatus", "HapticPattern",
    "JointMode", "KeyModifier", "MaskType", "MotorMode", "PowerSupplyStatus", "SafetyMode",
    "SimState", "StatusLevel", "TrackState", "ValueType",
]


class StatusLevel(enum.IntEnum):
    """DiagnosticStatus.level and DiagnosticReport.level."""

    OK = 0
    WARN = 1
    ERROR = 2
    FATAL = 3


class SafetyMode(enum.IntEnum):
    """SafetyStatus.mode."""

    NORMAL = 0
    REDUCED = 1
    SAFE_STOP = 2


class ValueType(enum.IntEnum):
    """DiagnosticValue.value_type."""

    STRING = 0
    INT = 1
    FLOAT = 2
    BOOL = 3


class GoalStatus(enum.IntEnum):
    """GoalResult.status."""

    PENDING = 0
    ACTIVE = 1
    SUCCEEDED = 2
    ABORTED = 3
    CANCELLED = 4
    PREEMPTED = 5
    TIMED_OUT = 6


class ContactState(enum.IntEnum):
    """ContactInfo.state."""

    NONE = 0
    INITIAL = 1
    STABLE = 2
    LOSS = 3
    SLIDING = 4
    IMPACT = 5


class ClockSource(enum.IntEnum):
    """Clock.source."""

    WALL = 0
    SIMULATION = 1
    REPLAY = 2


class SimState(enum.IntEnum):
    """SimSync.state."""

    IDLE = 0
    WAITING = 1
    DONE = 2


class AudioEncoding(enum.IntEnum):
    """AudioFrame.encoding."""

    F32 = 0
    I16 = 1


class KeyModifier(enum.IntFlag):
    """The bits of KeyboardInput.modifier_flags."""

    CTRL = 1
    ALT = 2
    SHIFT = 4
    SUPER = 8
    HYPER = 16
    META = 32


class MotorMode(enum.IntEnum):
    """MotorCommand.mode: what `target` is, in rad/s, rad, N m or V."""

    VELOCITY = 0
    POSITION = 1
    TORQUE = 2
    VOLTAGE = 3


class JointMode(enum.IntEnum):
    """JointCommand.modes: which of a joint's three values is the command."""

    POSITION = 0
    VELOCITY = 1
    EFFORT = 2


class PowerSupplyStatus(enum.IntEnum):
    """BatteryState.power_supply_status."""

    UNKNOWN = 0
    CHARGING = 1
    DISCHARGING = 2
    FULL = 3


class FixStatus(enum.IntEnum):
    """NavSatFix.status: none, unaided, by satellite-based or by ground-based augmentation."""

    NO_FIX = 0
    FIX = 1
    SBAS = 2
    GBAS = 3


class MaskType(enum.IntEnum):
    """SegmentationMask.mask_type."""

    SEMANTIC = 0
    INSTANCE = 1
    PANOPTIC = 2


class TrackState(enum.IntEnum):
    """TrackedObject.state."""

    TENTATIVE = 0
    CONFIRMED = 1
    DELETED = 2


class HapticPattern(enum.IntEnum):
    """HapticFeedback.pattern_type."""

    STEADY = 0
    PULSE = 1
    RAMP = 2
