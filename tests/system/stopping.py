# SPDX-License-Identifier: Apache-2.0
"""Robots that are stopped, released and armed from outside: what the tests of that share."""
import json
import textwrap

from running import PYTHON, Running, program, run, until

DRIVE = textwrap.dedent("""
    import sys, horus
    def tick(node):
        if node.send("cmd", 1): print("moved", flush=True)
    drive = horus.Node(sys.argv[1], tick, rate=100, pubs={"cmd": dict}, actuator=True)
    horus.Scheduler(name=sys.argv[2]).add(drive).run()
""")


def ctl(environment, *words):
    return run([program("horusctl"), *words], environment)


def hosts(environment):
    done = ctl(environment, "stats", "--json")
    return {host["name"]: host for line in done.stdout.splitlines()
            for host in json.loads(line).get("hosts", [])} if done.returncode == 0 else {}


def safety(environment, node):
    for host in hosts(environment).values():
        for one in host["nodes"]:
            if one["name"] == node and host["alive"]:
                return one["safety"]
    return None


def is_now(environment, running, node, state):
    until(lambda: safety(environment, node) == state, f"{node} is {state}", running)


def stop_cause(environment, running, host):
    """Once it shows: after its nodes."""
    return until(lambda: hosts(environment)[host]["stop_cause"], f"{host} says why", running)


def drive(environment, node, host):
    return Running([PYTHON, "-c", DRIVE, node, host], environment)
