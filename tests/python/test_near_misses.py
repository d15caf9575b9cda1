# SPDX-License-Identifier: Apache-2.0
"""Names that were likely meant, programs that run twice, topics that nobody hears: told once."""
from running import PYTHON, Running, own_base, program, run, until
from snippet import beside, ended, prints
from snippet import program as program_of

SPEED = """
import horus
def send(node):
    node.send("wheel_speed", {"v": 1})
def receive(node):
    node.recv("wheelspeed")
horus.run(horus.Node("a", send, 50, pubs=["wheel_speed"]),
          horus.Node("b", receive, 50, subs=["wheelspeed"]), duration=2)
"""


def horusctl(environment, *words):
    return run([program("horusctl"), *words], environment)


def warnings(source):
    done = ended(source)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "warning" in line]
    return [line for line in lines if "deadline" not in line and "budget" not in line]


def test_a_topic_that_was_likely_meant_is_named_once():
    said = [line for line in warnings(SPEED) if "is one name meant?" in line]
    assert len(said) == 1
    assert "'wheelspeed' is received here, and there is a topic 'wheel_speed'" in said[0]


def test_a_slash_is_told_at_once_whoever_came_first():
    for first, second in (("/cmd_vel", "cmd_vel"), ("cmd_vel", "/cmd_vel")):
        said = warnings(f"""
            import horus
            first = horus.Topic("{first}", policy="overwrite")
            first.send(horus.CmdVel(1, 0))
            second = horus.Topic("{second}", policy="overwrite")
            second.send(horus.CmdVel(1, 0))
        """)
        assert len(said) == 1
        assert f"'{second}' is " in said[0] and f"there is a topic '{first}'" in said[0]


def test_what_an_event_node_waits_for_is_among_what_it_receives():
    code = ('import horus\nhorus.run(horus.Node("b", lambda n: None, on="{}", subs={}), '
           'horus.Node("a", lambda n: None, 50), duration=0.1)')
    said = warnings(code.format("scna", '["scan", "odom"]'))
    assert len(said) == 1
    assert "'b' waits for topic 'scna', which is not among its subs; is 'scan' meant?" in said[0]
    said = warnings(code.format("other", '["scan"]'))
    assert len(said) == 1 and said[0].endswith("'other', which is not among its subs")
    assert warnings(code.format("scan", '["scan"]')) == warnings(code.format("scan", "None")) == []


def test_a_node_that_uses_what_it_does_not_declare_is_told_of_it():
    said = warnings("""
        import horus
        def tick(node):
            node.send("wheel_sped", 1)
        horus.run(horus.Node("a", tick, 50, pubs=["wheel_speed"]), duration=0.2)
    """)
    assert len(said) == 1 and "topic 'wheel_sped', which is not among its pubs and subs" in said[0]
    assert "is 'wheel_speed' meant?" in said[0]
    assert prints('import horus\nhorus.run(horus.Node("a", lambda n: n.send("x", 1), 50), '
                  'duration=0.1)') == []


def test_a_topic_object_that_only_sends_is_told_of_a_name_that_was_likely_meant():
    # What only sends has opened its topic to receive, too, and never does.
    sends = """
        import horus, time
        topic = horus.Topic("wheelspeed")
        while True:
            topic.send({"v": 1})
            time.sleep(0.02)
    """
    hears = ("import horus\nt = horus.Topic(dict, endpoint='wheel_speed')\nt.recv()\n"
             "print('up', flush=True)\n"
             "t.wait(60)")
    with beside(hears) as (_, environment), Running(program_of(sends), environment) as running:
        until(lambda: "'wheelspeed' is sent here, and there is a topic 'wheel_speed'"
              in running.text(), "is told", running)


def test_a_topic_object_that_nobody_hears_is_told():
    with beside("""
        import horus, time
        lost = horus.Topic("lost")
        order, bystander = (horus.Topic(horus.CmdVel, endpoint="lost/order") for _ in range(2))
        heard, hears = horus.Topic("heard"), horus.Topic("heard")
        while True:
            lost.send(1)
            order.send(horus.CmdVel(1, 0))
            heard.send(1)
            hears.recv()
            time.sleep(0.02)
    """) as (running, _):
        until(lambda: "5 s what is sent here on topic 'lost" in running.text()
              and "'lost/order'" in running.text(), "is told", running)
        assert "'heard'" not in running.text()


TWICE = """
import horus
def tick(node):
    node.send("cmd_vel", horus.CmdVel(1, 0))
print("up", flush=True)
horus.run(horus.Node("driver", tick, 50, pubs=[horus.CmdVel]), duration=DURATION)
"""


def test_a_program_that_runs_twice_is_told_of_the_other():
    with beside(TWICE.replace("DURATION", "60")) as (first, environment):
        until(lambda: "driver" in horusctl(environment, "topic", "info", "cmd_vel").stdout,
              "sends", first)
        second = Running([PYTHON, "-c", TWICE.replace("DURATION", "60")], environment)
        with second:
            until(lambda: "does the program run twice?" in second.text(), "is told", second)
            shown = horusctl(environment, "topic", "info", "cmd_vel").stdout
            assert shown.count("driver") == 2 and str(second.pid) in shown
        assert f"node of that name in process {first.pid}" in second.text()
        assert second.text().count("run twice") == 1


def test_a_rate_has_no_tick_more_than_it_says():
    assert prints("""
        import horus
        ticks = []
        horus.run(horus.Node("n", ticks.append, 30), duration=1)
        print(1 <= len(ticks) <= 30)
    """) == ["True"]


def test_horusctl_names_what_was_likely_meant():
    with own_base() as environment:
        hears = ("import horus\nt = horus.Topic(horus.CmdVel)\nt.recv()\nprint('up', flush=True)\n"
                 "t.wait(60)\nprint(t.recv().linear, flush=True)")
        with Running([PYTHON, "-c", hears], environment) as running:
            until(lambda: "up" in running.text(), "is there", running)
            done = horusctl(environment, "topic", "pub", "cmdvel", "{}")
            assert done.returncode == 2 and "is 'cmd_vel' meant?" in done.stderr
            done = horusctl(environment, "topic", "pub", "cmdvel", "{}", "--type", "CmdVel")
            assert done.returncode == 0
            assert done.stderr == "horusctl: nobody receives 'cmdvel' now; is 'cmd_vel' meant?\n"
            done = horusctl(environment, "topic", "pub", "other", "{}", "--type", "CmdVel")
            assert done.stderr == "horusctl: nobody receives 'other' now\n"
            done = horusctl(environment, "topic", "pub", "cmd_vel", '{"linear": 2}')
            assert (done.returncode, done.stderr) == (0, "")
            until(lambda: "2.0" in running.text(), "hears", running)
        talks = "import horus, time\nt = horus.Topic('said')\nt.send(1)\ntime.sleep(60)"
        with Running([PYTHON, "-c", talks], environment) as running:
            until(lambda: "said" in horusctl(environment, "topic", "list").stdout, "is there",
                  running)
            done = horusctl(environment, "topic", "echo", "siad")
            assert done.returncode == 1 and done.stderr.endswith("; is 'said' meant?\n")
