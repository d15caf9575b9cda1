# SPDX-License-Identifier: Apache-2.0
"""A received frame as a NumPy array: without a copy, and as a copy."""
import numpy as np

import horus

seen = []


def show(node):
    img = horus.Image(480, 640, encoding="rgb8")
    img.fill((10, 20, 30))
    node.send("camera", img)


def look(node):
    img = node.recv("camera")
    if img is None:
        return
    view = np.from_dlpack(img)      # the frame itself, read-only
    copy = np.array(img)            # one's own, writable
    copy[:] = 0
    seen.append((view.shape, view[0, 0].tolist()))


horus.run(horus.Node(name="camera", tick=show, rate=30, pubs={"camera": horus.Image}),
          horus.Node(name="viewer", tick=look, rate=30, subs={"camera": horus.Image}, order=1),
          duration=0.5)
print(len(seen) > 2, seen[-1])
