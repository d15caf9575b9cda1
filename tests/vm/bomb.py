# SPDX-License-Identifier: Apache-2.0
"""A Python host that takes memory without end, once it was seen to run."""
import horus

taken = []


def tick(node):
    if horus.tick() > 100:
        taken.append(bytes([1]) * (10 << 20))


bomb = horus.Node(name="bomb", tick=tick, rate=20)
