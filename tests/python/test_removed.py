# SPDX-License-Identifier: Apache-2.0
"""Shared memory that is removed under a running program, as logind does at the user's logout."""
import pathlib

from running import PYTHON, Running, nodes, own_base, remove_base, run, until

ROBOT = """
import horus
heard = horus.Topic("orders")
def tick(node):
    node.send("out", {"v": 1.0})
    for order in heard.recv_all():
        print("heard", order["n"], flush=True)
horus.run(horus.Node("motor", tick=tick, pubs=["out"], rate=100), name="robot")
"""
TALK = ("import horus, time; t = horus.Topic('orders'); out = horus.Topic('out')\n"
        "end = time.monotonic() + 30\n"
        "while not (t.sub_count() and out.has_msg()) and time.monotonic() < end:\n"
        "    t.send({'n': 7}); time.sleep(.01)\n"
        "print('heard', out.recv())")


def test_a_robot_goes_on_is_seen_and_is_heard_after_its_base_was_removed():
    with own_base() as environment, Running([PYTHON, "-c", ROBOT], environment) as robot:
        until(lambda: "motor" in nodes(environment), "ticks", robot)
        for _ in range(2):
            remove_base(environment)
            ticks = until(lambda: nodes(environment).get("motor"), "is seen again", robot)["ticks"]
            until(lambda: nodes(environment)["motor"]["ticks"] > ticks, "goes on", robot)
            talker = run([PYTHON, "-c", TALK], environment)
            assert talker.stdout == "heard {'v': 1.0}\n", talker.stderr
        until(lambda: "heard 7" in robot.text(), "hears", robot)
        assert robot.stop() == 0, robot.text()
        said = [line for line in robot.text().splitlines() if "somebody removed" in line]
        assert len(said) == 1, robot.text()
        assert environment["HORUS_BASE"] in said[0] and "enable-linger" in said[0]
        left = [path for path in pathlib.Path(environment["HORUS_BASE"]).rglob("*")
                if path.is_file()]
        assert left == []
