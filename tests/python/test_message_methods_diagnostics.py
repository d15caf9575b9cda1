# SPDX-License-Identifier: Apache-2.0
"""Methods of signs of life, diagnostics, resources, safety and clocks."""
import math
import time

import pytest

import horus
from horus import ClockSource, SafetyMode, StatusLevel, ValueType

NAN, INF = math.nan, math.inf


def all_well():
    status = horus.SafetyStatus()
    status.enabled = status.watchdog_ok = status.limits_ok = status.comms_ok = True
    return status


def just_now(timestamp_ns):
    return 0 <= time.time_ns() - timestamp_ns < 60e9


def test_a_heartbeat_counts():
    beat = horus.Heartbeat("planner", 7)
    beat.alive = False
    beat.update(1.5)
    beat.update(2.5)
    assert (beat.sequence, beat.uptime, beat.alive) == (2, 2.5, True)
    assert just_now(beat.timestamp_ns)


@pytest.mark.parametrize("uptime", [-1, NAN])
def test_a_refused_uptime_is_no_heartbeat(uptime):
    beat = horus.Heartbeat(timestamp_ns=1)
    with pytest.raises(ValueError, match=f"uptime: {uptime} is not within 0.0 to inf"):
        beat.update(uptime)
    assert beat == horus.Heartbeat(timestamp_ns=1)


@pytest.mark.parametrize("age, fresh", [
    (0, True), (4, True), (60, False), (-4, True), (-60, False)])
def test_a_heartbeat_is_fresh_for_a_while(age, fresh):
    beat = horus.NodeHeartbeat()
    assert beat.is_fresh() is False
    beat.heartbeat_timestamp = int(time.time()) - age
    assert beat.is_fresh() is fresh
    assert beat.is_fresh(max_age=100) is True
    with pytest.raises(ValueError, match="max_age: -1 is not within 0.0 to inf"):
        beat.is_fresh(-1)


def test_a_heartbeat_is_stamped_in_whole_seconds():
    beat = horus.NodeHeartbeat()
    before = int(time.time())
    beat.update_timestamp()
    assert before <= beat.heartbeat_timestamp <= time.time() and beat.is_fresh(60)
    assert beat.last_tick_timestamp == 0


@pytest.mark.parametrize("status, level, code, message", [
    (horus.DiagnosticStatus.ok(), StatusLevel.OK, 0, ""),
    (horus.DiagnosticStatus.ok("fine"), StatusLevel.OK, 0, "fine"),
    (horus.DiagnosticStatus.warn(1, "warm"), StatusLevel.WARN, 1, "warm"),
    (horus.DiagnosticStatus.error(2), StatusLevel.ERROR, 2, ""),
    (horus.DiagnosticStatus.fatal(2 ** 32 - 1, "ä" * 63),
     StatusLevel.FATAL, 2 ** 32 - 1, "ä" * 63)])
def test_a_status_is_made_by_its_level(status, level, code, message):
    assert (status.level, status.code, status.message_str()) == (level, code, message)
    assert [int(one) for one in StatusLevel] == [0, 1, 2, 3]  # As those of other languages.
    assert status.component_str() == ""
    assert status.with_component("motor").component_str() == "motor"


@pytest.mark.parametrize("call, says", [
    (lambda: horus.DiagnosticStatus.ok("x" * 128), "DiagnosticStatus.message: 128 bytes, the cap"),
    (lambda: horus.DiagnosticStatus.warn(-1, "x"), "DiagnosticStatus.code"),
    (lambda: horus.DiagnosticStatus().with_component("x" * 32), "component: 32 bytes"),
    (lambda: horus.DiagnosticValue.int("x" * 32, 1), "DiagnosticValue.key: 32 bytes"),
    (lambda: horus.DiagnosticValue.int("x", 10 ** 63), "DiagnosticValue.value: 64 bytes"),
    (lambda: horus.EmergencyStop.engage("x" * 64), "EmergencyStop.reason: 64 bytes"),
    (lambda: horus.EmergencyStop().with_source("x" * 32), "EmergencyStop.source: 32 bytes"),
    (lambda: all_well().set_fault(0), r"code: 0 is no fault; clear_faults\(\) sets it"),
    (lambda: all_well().set_fault(2 ** 32), "SafetyStatus.fault_code"),
    (lambda: horus.Clock.sim_time(1, -1.0), "sim_speed: -1.0 is not within 0.0 to inf"),
    (lambda: horus.Clock.replay_time(-1), "Clock.clock_ns"),
    (lambda: horus.TimeReference(offset_ns=2).correct_timestamp(1), "-1 is not within 0 to 18446"),
    (lambda: horus.TimeReference(offset_ns=-1).correct_timestamp(2 ** 64 - 1), "is not within 0"),
])
def test_what_does_not_fit_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("call, says", [
    (lambda: horus.DiagnosticValue.boolean("k", "false"), "value must be bool, not str"),
    (lambda: horus.DiagnosticValue.boolean("k", 0), "value must be bool, not int"),
    (lambda: horus.DiagnosticReport("c").add_bool("k", "false"), "value must be bool, not str"),
    (lambda: horus.DiagnosticValue.int("k", "x"), "'str' object cannot be interpreted as an int"),
    (lambda: horus.DiagnosticValue.int("k", 1.5), "'float' object cannot be interpreted as an int"),
    (lambda: horus.DiagnosticReport("c").add_int("k", 1.5), "'float' object cannot"),
    (lambda: horus.DiagnosticValue.float("k", "1.5"), "must be real number, not str"),
    (lambda: horus.DiagnosticReport("c").add_float("k", "1.5"), "must be real number, not str")])
def test_a_value_of_another_kind_is_refused(call, says):
    with pytest.raises(TypeError, match=says):
        call()


@pytest.mark.parametrize("value, text, kind", [
    (horus.DiagnosticValue.int("k", True), "1", ValueType.INT),
    (horus.DiagnosticValue("k", "word"), "word", ValueType.STRING),
    (horus.DiagnosticValue.int("k", -42), "-42", ValueType.INT),
    (horus.DiagnosticValue.int("k", 2 ** 64), "18446744073709551616", ValueType.INT),
    (horus.DiagnosticValue.float("k", 0.1), "0.1", ValueType.FLOAT),
    (horus.DiagnosticValue.float("k", 3), "3.0", ValueType.FLOAT),
    (horus.DiagnosticValue.float("k", NAN), "nan", ValueType.FLOAT),
    (horus.DiagnosticValue.float("k", -INF), "-inf", ValueType.FLOAT),
    (horus.DiagnosticValue.boolean("k", True), "true", ValueType.BOOL),
    (horus.DiagnosticValue.boolean("k", False), "false", ValueType.BOOL)])
def test_a_value_keeps_its_kind_beside_its_text(value, text, kind):
    assert (value.key, value.value, value.value_type) == ("k", text, kind)


def test_a_number_comes_back_exactly_from_its_text():
    assert float(horus.DiagnosticValue.float("k", 1 / 3).value) == 1 / 3


def test_a_report_collects_values():
    report = horus.DiagnosticReport("motor", StatusLevel.WARN)
    assert report.get_values() == []
    report.add_string("name", "left")
    report.add_int("count", 3)
    report.add_float("load", 0.5)
    report.add_bool("hot", True)
    report.add_value(horus.DiagnosticValue("extra", "x"))
    assert report.value_count == 5 and report.level == StatusLevel.WARN
    assert [(v.key, v.value, v.value_type) for v in report.get_values()] == [
        ("name", "left", 0), ("count", "3", 1), ("load", "0.5", 2), ("hot", "true", 3),
        ("extra", "x", 0)]


def test_a_report_takes_16_values():
    report = horus.DiagnosticReport()
    for number in range(16):
        report.add_int(f"key {number}", number)
    before = bytes(report)
    with pytest.raises(ValueError, match="DiagnosticReport.values: 16 values, the capacity is 16"):
        report.add_bool("one more", True)
    with pytest.raises(TypeError, match="value must be DiagnosticValue, not str"):
        report.add_value("x")
    assert bytes(report) == before


def test_an_emergency_stop_says_why_and_who():
    stop = horus.EmergencyStop.engage("door open").with_source("gate")
    assert stop.engaged is True and stop.reason_str() == "door open" and stop.source == "gate"
    go_on = horus.EmergencyStop.release()
    assert go_on.engaged is False and go_on.reason_str() == ""
    stop = horus.EmergencyStop.engage()
    assert stop == horus.EmergencyStop(timestamp_ns=stop.timestamp_ns)


def test_an_emergency_stop_is_not_released_unnoticed():
    stop = horus.EmergencyStop.engage("door open")
    with pytest.raises(AttributeError, match=r"EmergencyStop.release\(\) makes a new object"):
        stop.release()
    assert stop.engaged


@pytest.mark.parametrize("method, field", [
    ("is_cpu_high", "cpu_percent"), ("is_memory_high", "memory_percent"),
    ("is_temperature_high", "temperature")])
def test_a_resource_is_high_above_its_threshold(method, field):
    usage = horus.ResourceUsage()
    for value, high in ((0, False), (80, False), (80.5, True), (NAN, False)):
        setattr(usage, field, value)
        assert getattr(usage, method)() is high
    setattr(usage, field, 50)
    assert getattr(usage, method)(49.5) is True
    assert getattr(usage, method)(threshold=50) is False


def test_safe_is_when_all_is_well():
    assert all_well().is_safe() is True
    for name in ("enabled", "watchdog_ok", "limits_ok", "comms_ok"):
        status = all_well()
        setattr(status, name, False)
        assert status.is_safe() is False
    status = all_well()
    status.estop_engaged = True
    assert status.is_safe() is False


@pytest.mark.parametrize("mode, safe", [
    (SafetyMode.NORMAL, True), (SafetyMode.REDUCED, True), (SafetyMode.SAFE_STOP, False),
    (3, False)])
def test_safe_depends_on_the_mode(mode, safe):
    status = all_well()
    status.mode = mode
    assert status.is_safe() is safe


def test_a_fault_stops_until_it_is_cleared():
    status = all_well()
    status.set_fault(42)
    assert (status.fault_code, status.mode) == (42, SafetyMode.SAFE_STOP)
    assert status.is_safe() is False
    status.estop_engaged = True
    status.clear_faults()
    assert (status.fault_code, status.mode) == (0, SafetyMode.NORMAL)
    assert status.is_safe() is False
    status.estop_engaged = False
    assert status.is_safe() is True


def test_the_wall_clock_is_now():
    clock = horus.Clock.wall_clock()
    assert clock.clock_ns == clock.realtime_ns == clock.timestamp_ns
    assert just_now(clock.clock_ns) and clock.source == ClockSource.WALL
    assert clock.sim_speed == 1.0 and clock.is_paused() is False


@pytest.mark.parametrize("make, source", [
    (horus.Clock.sim_time, ClockSource.SIMULATION), (horus.Clock.replay_time, ClockSource.REPLAY)])
def test_another_clock_is_read_now(make, source):
    clock = make(5_000, 2.0)
    assert (clock.clock_ns, clock.sim_speed, clock.source) == (5_000, 2.0, source)
    assert just_now(clock.realtime_ns) and clock.timestamp_ns == clock.realtime_ns
    assert clock.is_paused() is False
    assert make(0).sim_speed == 1.0 and make(0, 0.0).sim_speed == 0.0


def test_clocks_know_what_lies_between_them():
    later, earlier = horus.Clock(5_000), horus.Clock(2_000)
    assert later.elapsed_since(earlier) == 3_000
    assert earlier.elapsed_since(later) == -3_000
    with pytest.raises(TypeError, match="earlier must be Clock, not int"):
        later.elapsed_since(3)


def test_a_clock_may_be_paused():
    assert horus.Clock(paused=True).is_paused() is True


@pytest.mark.parametrize("offset, corrected", [(0, 1_000), (-500, 1_500), (1_000, 0)])
def test_a_timestamp_is_corrected_by_the_offset(offset, corrected):
    assert horus.TimeReference(offset_ns=offset).correct_timestamp(1_000) == corrected


def test_a_corrected_timestamp_keeps_every_nanosecond():
    reference = horus.TimeReference(offset_ns=-1)
    assert reference.correct_timestamp(2 ** 63 + 1) == 2 ** 63 + 2
    assert reference.correct_timestamp(2 ** 64 - 2) == 2 ** 64 - 1
