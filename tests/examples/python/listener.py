# SPDX-License-Identifier: Apache-2.0
import horus


def tick(node):
    for message in node.recv_all("chatter"):
        node.log_info(f"heard {message['count']}")


listener = horus.Node(name="listener", tick=tick, rate=20, subs=["chatter"])
