# SPDX-License-Identifier: Apache-2.0
"""A safe state, or a signal handler, that does not come back: it is named, and the run ends."""
import signal

import pytest

from snippet import beside
from running import files_below, until

LEFT_BEHIND = 75
HEAD = """
import horus, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
def say(*words):
    print(*words, flush=True)
lock = threading.Lock()
lock.acquire()
def block(*_):
    say("blocked")
    {blocks}
"""
# The watchdog asks for it: the nodes of the thread that hangs have it from the main thread, the
# others from their own.
HUNG = """
def hang(n):
    if horus.tick() == 3: time.sleep(2)
other = horus.Node("other", rate=20, tick=lambda n: 1, **{other})
horus.run(horus.Node("slow", hang, rate=50, **{slow}), other, watchdog_ms=400, stop_timeout=1)
say("returned")
"""
WHERE = {"on the main thread": dict(slow="dict(safe_state=block, safe_state_async=True)",
                                    other="{}"),
         "on its own thread": dict(slow="{}", other="dict(safe_state=block)")}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("blocks", ["lock.acquire()", "while True: pass"])
def test_a_safe_state_that_blocks_does_not_keep_a_stop(where, blocks):
    with beside(HEAD.format(blocks=blocks) + HUNG.format(**WHERE[where])) as (program, environment):
        until(lambda: "blocked" in program.text(), "the safe state", program)
        node = "other" if "own" in where else "slow"
        until(lambda: f"node '{node}' has been in its safe_state for" in program.text(),
              "it is named", program)
        code = program.stop()
        said = program.text()
        assert f"the stop waits for node '{node}': in its safe_state for" in said
        assert files_below(environment["HORUS_BASE"]) == [], said
    # Python can interrupt its own loops, and on the main thread a lock, too.
    comes_back = "True" in blocks or "main" in where
    assert code == (0 if comes_back else LEFT_BEHIND), said
    assert ("returned" in said) == comes_back, said
    assert comes_back or f"node '{node}' does not come back from its safe_state" in said
    assert comes_back == ("interrupted" in said) and "Traceback" not in said


def test_a_safe_state_that_blocks_for_good_on_the_main_thread_is_left_behind():
    source = HEAD.format(blocks="""
    while True:
        try: time.sleep(3600)
        except KeyboardInterrupt: pass""") + HUNG.format(
        **WHERE["on the main thread"])
    with beside(source) as (program, environment):
        until(lambda: "blocked" in program.text(), "the safe state", program)
        assert program.stop() == LEFT_BEHIND, program.text()
        assert "node 'slow' does not come back from its safe_state" in program.text()
        assert files_below(environment["HORUS_BASE"]) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_handler_that_blocks_does_not_keep_a_stop(number):
    source = HEAD.format(blocks="lock.acquire()") + """
signal.signal(signal.SIGUSR1, block)
horus.run(horus.Node("n", lambda n: say("ticks") if horus.tick() == 0 else None, rate=50,
                     shutdown=lambda n: say("down")), stop_timeout=1)
"""
    with beside(source) as (program, environment):
        until(lambda: "ticks" in program.text(), "the run", program)
        program.process.send_signal(signal.SIGUSR1)
        until(lambda: "blocked" in program.text(), "the handler", program)
        code = program.stop(number)
        assert "down" in program.text(), program.text()
        assert code == 0 if number == signal.SIGTERM else code != 0, program.text()
        assert files_below(environment["HORUS_BASE"]) == []
