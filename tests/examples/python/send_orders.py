# SPDX-License-Identifier: Apache-2.0
"""The same order twice: as a dict and as a message."""
import horus

received = []


def drive(node):
    node.send("cmd_vel", {"linear": 1.0, "angular": 0.5})
    node.send("cmd_vel", horus.CmdVel(linear=1.0, angular=0.5))


def obey(node):
    received.extend(node.recv_all("cmd_vel"))


horus.run(horus.Node(name="driver", tick=drive, rate=20, pubs=[horus.CmdVel]),
          horus.Node(name="base", tick=obey, rate=20, subs=[horus.CmdVel], order=1),
          duration=0.5)
print(len(received) > 2, {(order.linear, order.angular) for order in received})
