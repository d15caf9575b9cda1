# SPDX-License-Identifier: Apache-2.0
"""What begins the ticks of an event node: each message at most one."""
import pytest

from snippet import prints

SENDS_TO_ITSELF = """
import horus, random, sys
def run(tick, messages, over):
    # Ends once it is over, and what is too much has had time to come.
    ticks, ended, rests = [], [], [0]
    def counted(node):
        ticks.append(1)
        try:
            tick(node)
        finally:
            ended.append(1)
    def init(node):
        for n in range(messages):
            node.send("work", n)
    def end(node):
        rests[0] = rests[0] + 1 if len(ended) == len(ticks) and over(len(ticks)) else 0
        if rests[0] == 4:
            node.request_stop()
    node = horus.Node("worker", counted, on="work", init=init)
    scheduler = horus.Scheduler().add(node).add(horus.Node("end", end, 50))
    scheduler.run()
    assert scheduler.get_node_stats("worker")["total_ticks"] == len(ticks)
    return len(ticks)
"""


@pytest.mark.parametrize("tick, ticks", [
    ("lambda node: None", 10), ("lambda node: node.recv('work')", 10),
    ("lambda node: node.recv_all('work')", 1), ("lambda node: node.has_msg('work')", 10)])
def test_a_message_begins_one_tick_if_none_before_has_taken_it(tick, ticks):
    over = f"lambda count: count >= {ticks}"
    assert prints(SENDS_TO_ITSELF + f"print(run({tick}, 10, {over}))") == [str(ticks)]


def test_a_tick_that_fails_leaves_its_message_to_the_next():
    assert prints(SENDS_TO_ITSELF + """
taken = []
def tick(node):
    if len(taken) == 0 and not node.info.failed_ticks():
        raise ValueError("not now")
    taken.extend(node.recv_all("work"))
print(run(tick, 3, lambda count: count >= 2), taken)
""") == ["2 [0, 1, 2]"]


def test_any_order_of_sending_taking_and_ticking_keeps_the_rule():
    assert prints(SENDS_TO_ITSELF + """
sent = 0
for seed in range(12):
    dice = random.Random(seed)
    waiting, left = [False] * 3, 300  # Of each message that waits: whether it has begun a tick.
    def begin():
        if False not in waiting:
            return False
        waiting[waiting.index(False)] = True
        return True
    def send(node):
        global left
        if left:
            left -= 1
            node.send("work", left)
            waiting.append(False)
    def tick(node):
        assert begin(), (seed, left)
        for _ in range(dice.randrange(4)):
            if dice.random() < 0.4:
                send(node)
            elif dice.random() < 0.1:
                waiting.clear() if node.recv_all("work") else None
            elif node.recv("work") is not None:
                waiting.pop(0)
        # Most of the time something is left to go on with.
        if False not in waiting and dice.random() < 0.98:
            send(node)
    run(tick, 3, lambda _: False not in waiting)
    assert not begin(), (seed, left)
    sent += 300 - left
print(sent > 500)
""") == ["True"]


def test_a_topic_that_cannot_be_opened_begins_one_tick_that_says_why():
    assert prints("""
import horus, subprocess, sys
OTHER = '''
import horus, sys
sys.stdin.readline()
Gauge = horus.message("Gauge", {"pressure": "f8"})
topic = horus.Topic(Gauge, endpoint="gauge")
topic.send(Gauge())
print("sent", flush=True)
sys.stdin.read()
'''
other = subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
def init(node):
    print(file=other.stdin, flush=True)
    other.stdout.readline()
def tick(node):
    try:
        node.recv("gauge")
    except TypeError as error:
        print("a type that this program does not know" in str(error))
horus.run(horus.Node("reader", tick, on="gauge", init=init), duration=0.5)
other.communicate()
""") == ["True"]
