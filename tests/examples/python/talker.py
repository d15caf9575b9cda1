# SPDX-License-Identifier: Apache-2.0
import horus


def tick(node):
    node.send("chatter", {"count": horus.tick()})


talker = horus.Node(name="talker", tick=tick, rate=20, pubs=["chatter"])
