# SPDX-License-Identifier: Apache-2.0
"""A Python host that drives, and says with each order in which life it was armed."""
import os

import horus

drive = horus.Node("drive", lambda node: node.send("cmd", horus.CmdVel(os.getpid(), 1.0)), rate=10,
                   pubs={"cmd": horus.CmdVel}, actuator=True)
