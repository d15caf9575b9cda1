# SPDX-License-Identifier: Apache-2.0
"""send and recv of nodes: between nodes, by every way to declare a topic, counted."""
import pytest

from snippet import ended, prints, texts

START = """
import horus
got = []
def run(send, receive, **options):
    # Until some were received.
    def receive_some(node):
        receive(node)
        if len(got) > 5:
            node.request_stop()
    global scheduler
    scheduler = horus.Scheduler()
    scheduler.add(horus.Node("sender", send, 50, pubs=options.get("pubs"), order=0))
    scheduler.add(horus.Node("receiver", receive_some, 50, subs=options.get("subs"), order=1))
    scheduler.run()
"""


@pytest.mark.parametrize("pubs, subs", [
    (None, None), ("'t'", "'t'"), ("['t']", "['t']"), ("{'t': dict}", "{'t': dict}"),
    ("[horus.Pub('t', dict, 64)]", "[horus.Sub('t', None, 64)]"),
    ("{'t': {'capacity': 64}}", "{'t': {'type': dict}}")])
def test_what_one_node_sends_the_other_receives_in_order(pubs, subs):
    assert prints(START + f"""
run(lambda n: n.send("t", horus.tick()), lambda n: got.extend(n.recv_all("t")),
    pubs={pubs}, subs={subs})
print(got == list(range(got[0], got[0] + len(got))), len(got) > 5)
""") == ["True True"]


def test_messages_are_counted_on_both_sides():
    assert prints(START + """
def receive(node):
    while node.has_msg("cmd_vel"):
        got.append(node.recv(topic="cmd_vel"))
run(lambda n: n.send(topic="cmd_vel", data={"linear": 1.0, "angular": horus.tick()}), receive,
    pubs=[horus.CmdVel], subs=[horus.CmdVel])
sender, receiver = map(scheduler.get_node_stats, ("sender", "receiver"))
print(type(got[0]).__name__, sender["messages_sent"] == sender["total_ticks"])
print(receiver["messages_received"] == len(got) > 5, receiver["messages_sent"])
print(sender["messages_dropped"] == 0)
""") == ["CmdVel True", "True 0", "True"]


def test_a_node_without_a_message_gets_none():
    assert prints("""
        import horus
        node = horus.Node(subs="t")
        print(node.recv("t"), node.recv_all("t"), node.has_msg("t"), node.publishers())
    """) == ["None [] False []"]


def test_a_node_sends_and_receives_outside_of_a_run():
    assert prints("""
        import horus
        node, topic = horus.Node(), horus.Topic("t")
        print(node.send("t", 5), topic.wait(60), topic.recv())
        print(node.recv("t"))  # It subscribes.
        topic.send(6)
        while (value := node.recv("t")) is None:
            pass
        print(value, node.info.get_metrics()["messages_sent"])
        horus.run(node, duration=1)
        print(node.info.get_metrics()["messages_sent"], node.info.tick_count() > 0)
    """) == ["True True 5", "None", "6 1", "1 True"]


@pytest.mark.parametrize("call, error, says", [
    ("send(3, 1)", "TypeError", "a topic's name is a str, not int"),
    ("send('two words', 1)", "ValueError", "topic name"),
    ("recv('')", "ValueError", "topic name"),
    ("send('t')", "TypeError", "send() takes 2 arguments, 1 given"),
    ("send('t', 1, 2)", "TypeError", "send() takes 2 arguments, 3 given"),
    ("send('t', value=1)", "TypeError", "unexpected argument 'value'"),
    ("send('t', topic='u')", "TypeError", "send() got an unexpected argument 'topic'"),
    ("recv()", "TypeError", "recv() takes 1 to 2 arguments, 0 given"),
    ("recv(default=1)", "TypeError", "recv() wants its argument 'topic'"),
    ("recv_all()", "TypeError", "recv_all() takes 1 argument, 0 given"),
    ("has_msg('t', 1)", "TypeError", "has_msg() takes 1 argument, 2 given"),
    ("send('cmd', horus.Imu(1, 2, 3, 4, 5, 6))", "TypeError", "'cmd' carries CmdVel, not Imu"),
    ("send('cmd', 5)", "TypeError", "'cmd' carries CmdVel, not int"),
    ("send('t', {1, 2})", "TypeError", "cannot send an object of type set"),
    ("send('t', 'x' * 70000)", "ValueError",
     "70005 bytes is larger than the topic's limit of 65536; where it is declared, say max_size"),
])
def test_a_wrong_call_says_what_is_wrong(call, error, says):
    done = ended(f"""
        import horus
        horus.Node(pubs={{"cmd": horus.CmdVel}}).{call}
    """)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(error) and says in last


def test_two_nodes_that_disagree_on_a_type_are_told_before_the_first_tick():
    done = ended(START + """
run(lambda n: print("tick"), lambda n: print("tick"),
    pubs={"t": horus.CmdVel}, subs={"t": horus.Imu})
""")
    assert done.returncode == 1 and done.stdout == ""
    assert "topic 't' carries" in done.stderr.splitlines()[-1]


def test_the_larger_capacity_of_two_declarations_counts():
    assert prints("""
        import horus
        node = horus.Node(pubs=[horus.Pub("t", None, 4), horus.Pub("t", None, 64)])
        topic = horus.Topic("t")
        node.send("t", 0)
        topic.wait(60)
        for number in range(1, 60):
            node.send("t", number)
        print(topic.stats()["missed"], len(topic.recv_all()))
    """) == ["0 60"]


def test_an_event_node_ticks_when_its_topic_gets_data_from_anybody():
    assert prints("""
        import subprocess, sys, horus
        def tick(node):
            for number in node.recv_all("work"):
                print(number)
                if number == 3:
                    node.request_stop()
        other = subprocess.Popen([sys.executable, "-c", '''if True:
            import horus, sys
            topic = horus.Topic(dict, endpoint="work")
            while topic.sub_count() < 2:
                pass
            for number in range(4):
                topic.send(number)
            sys.stdin.read()
        '''], stdin=subprocess.PIPE)
        horus.run(horus.Node("worker", tick, on="work", subs={"work": dict}))
        other.communicate()
    """) == ["0", "1", "2", "3"]


def test_logs_carry_the_node_its_tick_and_the_level():
    done = ended("""
        import horus
        def tick(node):
            if horus.tick() == 2:
                node.log_debug("detail")
                node.log_info("all" + chr(10) + "well")
                node.log_warning("warm")
                node.log_error({"hot": 1})
                node.log_info("x" * 700)
                node.request_stop()
        horus.run(horus.Node("arm", tick, 50), verbose=True)
        horus.Node("leg").log_info("outside")
    """)
    lines = texts(done.stderr)
    assert lines[:5] == ["debug: arm[2]: detail", "arm[2]: all", "arm[2]: well",
                         "warning: arm[2]: warm", "error: arm[2]: {'hot': 1}"]
    assert "".join(line.removeprefix("arm[2]: ") for line in lines[5:8]) == "x" * 700
