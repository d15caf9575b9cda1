# SPDX-License-Identifier: Apache-2.0
"""A process of its own, as a drive is: a line with the order's sender when it is told to move, one
with 0 when it stands still."""
import horus

told = None


def tick(node):
    global told
    order = node.recv("cmd")
    if order is not None and int(order.linear) != told:
        told = int(order.linear)
        print(told, flush=True)


# The emulator's pauses are no deaths.
horus.run(horus.Node("wheels", tick, rate=20, subs=[
    horus.Sub("cmd", horus.CmdVel, timeout=3.0, fallback="zero")]))
