# SPDX-License-Identifier: Apache-2.0
"""Finds what stands out in the picture: where its colour differs most from the whole.

The method: R. Achanta and others, "Frequency-tuned Salient Region Detection" (CVPR 2009), with
opponent colours in place of CIE Lab.
"""
import numpy as np

import horus

BLOCK = 8       # pixels; the blur that the method asks for


def salient(pixels):
    """Centre (x, y), share of the area, and strength of what stands out in an (h, w, 3) picture."""
    height, width, _ = pixels.shape
    blocks = pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    red, green, blue = np.moveaxis(blocks.mean(axis=(1, 3), dtype=np.float32), 2, 0)
    colours = np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue])
    distance = np.linalg.norm(colours - colours.mean(axis=(1, 2), keepdims=True), axis=0)
    mask = distance > 2 * distance.mean()
    weight = np.where(mask, distance, 0)
    total = float(weight.sum())
    if total == 0:
        return None
    rows, columns = np.indices(distance.shape)
    return {"x": float((weight * columns).sum()) / total * BLOCK + BLOCK / 2,
            "y": float((weight * rows).sum()) / total * BLOCK + BLOCK / 2,
            "area": float(mask.mean()),
            "strength": float(distance[mask].mean())}


def tick(node):
    frames = node.recv_all("camera")
    if not frames:
        return
    frame = frames[-1]
    target = salient(frame.to_numpy())
    if target is not None:
        target["stamp"] = frame.timestamp_ns
        node.send("target", target)


detector = horus.Node(name="detector", tick=tick, rate=10, compute=True,
                      subs={"camera": horus.Image}, pubs=["target"])
