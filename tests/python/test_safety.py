# SPDX-License-Identifier: Apache-2.0
"""Emergency stop, safe state, arming: what a program does with them and sees of them."""
import os
import threading

import horus
import pytest

from acting import Acting, wait_for
from snippet import ended


class Drive(horus.Node):
    """An actuator that says what became of each send."""

    def __init__(self, **options):
        super().__init__("drive", rate=200, pubs={"cmd": dict}, actuator=True, **options)
        self.sent = []
        self.seen = []
        self.rests = []

    def tick(self):
        self.seen.append(self.safety)
        self.sent.append(self.send("cmd", {"v": 1}))

    def enter_safe_state(self):
        self.rests.append(("enter", self.send("cmd", {"v": 0})))

    def leave_safe_state(self):
        self.rests.append(("leave", self.safety))


def test_an_actuator_is_disarmed_until_somebody_arms_it():
    drive = Drive()
    assert drive.actuator and not drive.armed and drive.safety == "starting"
    with Acting(drive):
        wait_for(lambda: len(drive.sent) > 2)
        assert drive.safety == "disarmed" and not drive.safe
        assert not any(drive.sent)
        counted = drive.info.get_metrics()
        assert counted["messages_dropped"] == 0, "held back is not lost"
        assert counted["safety"] == "disarmed" and counted["messages_held"] > 1
        horus.arm("drive")
        wait_for(lambda: drive.sent[-1])
        assert drive.armed
        horus.disarm()
        wait_for(lambda: not drive.sent[-1])
        drive.arm()
        wait_for(lambda: drive.sent[-1])
        drive.disarm()
        wait_for(lambda: not drive.sent[-1])
    with pytest.raises(RuntimeError, match="'drive' does not run"):
        drive.arm()
    assert drive.safety == "stopped"


def test_an_actuator_that_may_arms_itself_at_start():
    drive = Drive(arm_at_start=True)
    with Acting(drive):
        wait_for(lambda: len(drive.sent) > 2)
        assert all(drive.sent)


def test_an_emergency_stop_holds_until_it_is_released():
    drive = Drive(arm_at_start=True)
    sense = horus.Node("sense", lambda node: felt.append(node.send("felt", 1)), rate=100,
                       pubs={"felt": dict})
    felt = []
    with Acting(drive, sense):
        horus.estop("the gate is open")
        wait_for(lambda: drive.safety == "estopped" and drive.safe)
        at = len(drive.sent)
        wait_for(lambda: len(drive.sent) > at + 20)
        assert not any(drive.sent[at + 1:]), "it ticks on, and moves nothing"
        assert drive.rests == [("enter", True)], "once, and what it sends then goes out"
        wait_for(lambda: sense.safe)
        with pytest.raises(RuntimeError, match="at rest"):
            horus.arm("drive")
        with pytest.raises(ValueError, match="reason"):
            horus.release("  ")
        horus.estop("again")
        horus.release("the gate is shut")
        wait_for(lambda: drive.rests[-1] == ("leave", "disarmed"))
        wait_for(lambda: not sense.safe)
        at = len(drive.sent)
        wait_for(lambda: len(drive.sent) > at + 5)
        assert not any(drive.sent[at:]), "nobody has armed it"
        horus.arm()
        wait_for(lambda: drive.sent[-1])
    assert all(felt[1:]), "who moves nothing is never kept from sending"


def test_safe_state_after_misses_is_latched():
    drive = Drive(arm_at_start=True)

    def late(node):
        if horus.tick() in (5, 6, 7):
            threading.Event().wait(0.025)

    with Acting(drive, horus.Node("late", late, rate=100), max_deadline_misses=3):
        wait_for(lambda: drive.safety == "safe")
        at = len(drive.sent)
        wait_for(lambda: len(drive.sent) > at + 40)
        assert drive.safety == "safe", "good ticks of the other one change nothing"
        assert not any(drive.sent[at + 1:])
        horus.release("it was a test")
        wait_for(lambda: drive.safety == "disarmed")


def test_a_tick_may_stop_the_robot_and_stepped_runs_obey():
    drive = Drive(arm_at_start=True)
    scheduler = horus.Scheduler().add(drive)
    scheduler.tick_once()
    assert drive.sent == [True]
    horus.estop("now")
    scheduler.tick_once()
    assert drive.sent == [True, False] and drive.seen[-1] == "estopped"
    horus.release("fine")
    scheduler.tick_once()
    assert drive.sent[-1] is False
    horus.arm()
    scheduler.tick_once()
    assert drive.sent[-1] is True
    scheduler.stop()


def test_all_runs_of_a_program_are_armed_or_none():
    armed = Drive()
    begun, waits = threading.Event(), threading.Event()
    late = horus.Node("late", lambda node: None, rate=100, actuator=True,
                      init=lambda node: (begun.set(), waits.wait(60)))
    second = horus.Scheduler().add(late)
    with Acting(armed):
        beside = threading.Thread(target=second.run)
        beside.start()
        try:
            assert begun.wait(60)
            with pytest.raises(RuntimeError, match="init is not over"):
                horus.arm()
            assert armed.safety == "disarmed"
        finally:
            waits.set()
            second.stop()
            beside.join()


def test_stepped_runs_are_armed_all_or_none():
    drive = Drive()
    held = horus.Node("held", lambda node: threading.Event().wait(0.005), rate=100, budget=0.0005,
                      deadline=0.001, on_miss="safe_mode", actuator=True)
    scheduler = horus.Scheduler().add(drive).add(held)
    scheduler.tick_once()
    with pytest.raises(RuntimeError, match="at rest"):
        horus.arm()
    assert drive.safety == "disarmed"
    scheduler.stop()


def test_who_runs_nothing_is_told_what_does_it():
    for call in (lambda: horus.estop("x"), lambda: horus.release("x"), horus.arm, horus.disarm):
        with pytest.raises(RuntimeError, match="horusctl"):
            call()


def test_a_node_that_does_not_run_is_named():
    with Acting(Drive()):
        with pytest.raises(horus.HorusNotFoundError, match="'drvie'"):
            horus.arm("drvie")


@pytest.mark.parametrize("options, wrong", [
    ({"arm_at_start": True}, "arm_at_start=True is for actuators"),
    ({"actuator": "yes"}, "actuator must be a bool"),
])
def test_arguments_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises((ValueError, TypeError), match=wrong):
        horus.Node("n", lambda node: None, **options)


STOPPED = """
    import horus, threading, time, os, signal, sys
    drive = horus.Node("drive", lambda node: sent.append(node.send("cmd", 1)), rate=100,
                       pubs={"cmd": dict}, actuator=True, arm_at_start=True)
    sent = []
    scheduler = horus.Scheduler(name="rover").add(drive)
    def act():
        while len(sent) < 5: time.sleep(0.001)
        print(drive.safety, any(sent), flush=True)
        ACT
        scheduler.stop()
    scheduler._on_ready = threading.Thread(target=act).start
    scheduler.run()
"""


def script(act):
    return STOPPED.replace("ACT", act)


def test_a_stop_of_a_named_script_outlives_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    latch = tmp_path / "horus" / "rover.stop"
    stop = ('horus.estop("a fence")\n'
            "        while not os.path.exists(sys.argv[1]): time.sleep(0.001)\n"
            "        os.kill(os.getpid(), 9)")
    first = ended(script(stop), str(latch))
    assert first.stdout.split() == ["armed", "True"], first.stderr
    assert "a fence" in latch.read_text()
    second = ended(script('horus.release("it stands again")'), str(latch))
    assert second.stdout.split() == ["estopped", "False"], second.stderr
    assert not latch.exists()
    third = ended(script("pass"), str(latch))
    assert third.stdout.split() == ["armed", "True"], third.stderr


@pytest.mark.parametrize("damage", ["", "horus stop 1\nfire", "horus stop 9\ncall\nx\n"])
def test_a_latch_that_cannot_be_read_means_stopped(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "horus").mkdir()
    (tmp_path / "horus" / "rover.stop").write_text(damage)
    ran = ended(script("pass"), "")
    assert ran.stdout.split() == ["estopped", "False"], ran.stderr


def works(call, *arguments):
    try:
        call(*arguments)
    except RuntimeError:
        return False
    return True


def test_nobody_is_armed_on_a_stale_input_nor_released_while_one_asks_for_a_stop():
    orders = horus.Topic(horus.CmdVel, endpoint="orders")
    pulse = horus.Topic(horus.Heartbeat, endpoint="pulse")
    fresh = threading.Event()

    def tick(node):
        node.recv("orders")
        node.recv("pulse")

    def beat(node):
        if fresh.is_set():
            orders.send(horus.CmdVel(0.5, 0.0))
            pulse.send(horus.Heartbeat("remote", 1))

    drive = horus.Node("drive", tick, rate=100, actuator=True, subs=[
        horus.Sub("orders", horus.CmdVel, timeout=0.1, fallback="zero"),
        horus.Sub("pulse", horus.Heartbeat, timeout=0.1, fallback="stop")])
    fresh.set()
    with Acting(drive, horus.Node("beats", beat, rate=200)):
        horus.arm("drive")
        fresh.clear()
        wait_for(lambda: drive.safety == "estopped")
        with pytest.raises(RuntimeError, match="whose fallback is a stop: pulse"):
            horus.release("looked at it")
        assert drive.safety == "estopped"
        fresh.set()
        wait_for(lambda: works(horus.release, "it is back"))
        wait_for(lambda: works(horus.arm, "drive"))
        fresh.clear()
        wait_for(lambda: drive.stale("orders"))
        with pytest.raises(RuntimeError, match="whose input is stale: orders|at rest"):
            horus.arm("drive")


@pytest.mark.parametrize("told, called", [({}, []), ({"safe_state_async": True}, ["hangs"])])
def test_a_node_that_hangs_is_called_beside_its_tick_only_where_it_says_so(told, called):
    rests, hangs = [], threading.Event()

    def hang(node):
        if horus.tick() == 5:
            hangs.wait(60)

    def rest(node):
        rests.append(node.name)

    node = horus.Node("hangs", hang, rate=100, watchdog=0.1, safe_state=rest, **told)
    other = horus.Node("other", lambda node: None, rate=50, safe_state=rest)
    with Acting(node, other) as scheduler:
        wait_for(lambda: "other" in rests and "safe" in (other.safety, node.safety)
                 and scheduler.get_node_stats("hangs")["state"] == "error")
        if called:
            wait_for(lambda: "hangs" in rests)
        assert [name for name in rests if name == "hangs"] == called
        hangs.set()
        wait_for(lambda: "hangs" in rests)
    assert rests.count("hangs") == 1 and rests.count("other") == 1


NO_HOME = """
    import os, sys
    del os.environ["XDG_STATE_HOME"]
    os.environ.pop("HOME", None)
    import horus
    seen = []
    node = horus.Node("n", lambda node: (seen.append(node.safety), node.request_stop()), rate=100,
                      OPTIONS)
    scheduler = horus.Scheduler(name="rover").add(node)
    scheduler.run()
    print(seen[0], [d["feature"] for d in scheduler.degradations()].count("stop_latch"))
"""


@pytest.mark.parametrize("options, shown", [
    ("actuator=True, arm_at_start=True", "estopped 0"),
    ("subs=[horus.Sub('x', dict, timeout=60, fallback='stop')]", "estopped 0"),
    ("critical=True", "estopped 0"),
    ("", "armed 1"),
])
def test_a_script_that_has_no_place_for_a_latch_says_so_or_starts_stopped(options, shown):
    ran = ended(NO_HOME.replace("OPTIONS", options))
    assert ran.stdout.strip() == shown, ran.stderr


def test_a_latch_that_could_not_be_written_means_stopped(tmp_path, monkeypatch):
    (tmp_path / "horus").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ran = ended(script("pass"), "")
    assert ran.stdout.split() == ["estopped", "False"], ran.stderr
