# SPDX-License-Identifier: Apache-2.0
"""Finds faces in a camera's frames, with the model that OpenCV's PyPI package ships.

    pip install opencv-python-headless
    python3 camera_faces.py [CAMERA]      a number or an address, as cv2.VideoCapture takes it; a
                                          picture's file is shown again and again

Prints a line whenever the number of faces changes. The frame goes to the detector without a copy,
and the detector is a compute node: however long it looks, the camera keeps its rate.
"""
import os
import sys

import cv2
import numpy as np

import horus

SOURCE = sys.argv[1] if len(sys.argv) > 1 else "0"
CASCADE = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"


class Camera(horus.Node):
    def __init__(self):
        super().__init__(name="camera", rate=30, pubs={"camera": horus.Image})

    def init(self):
        self.picture = cv2.imread(SOURCE) if os.path.isfile(SOURCE) else None
        if self.picture is not None:
            return
        self.capture = cv2.VideoCapture(int(SOURCE) if SOURCE.isdigit() else SOURCE)
        if not self.capture.isOpened():
            raise OSError(f"camera '{SOURCE}' cannot be opened: is it there, and not in use?")

    def tick(self):
        there, pixels = (True, self.picture) if self.picture is not None else self.capture.read()
        if not there:
            return
        frame = horus.Image(*pixels.shape[:2], "bgr8")
        np.copyto(frame.to_numpy(), pixels)
        frame.timestamp_ns = horus.timestamp_ns()
        self.send("camera", frame)


class Faces(horus.Node):
    def __init__(self):
        super().__init__(name="faces", rate=10, compute=True, subs={"camera": horus.Image},
                         pubs={"faces": horus.Detection}, budget=0.09)
        self.count = None

    def init(self):
        # Loaded once and here: a tick has no time for it.
        self.model = cv2.CascadeClassifier(CASCADE)

    def tick(self):
        frame = self.recv("camera")
        if frame is None:
            return
        grey = cv2.cvtColor(frame.to_numpy(), cv2.COLOR_BGR2GRAY)
        found = self.model.detectMultiScale(grey, scaleFactor=1.2, minNeighbors=6, minSize=(40, 40))
        for x, y, width, height in found:
            self.send("faces", horus.Detection("face", 1.0, x, y, width, height))
        if len(found) != self.count:
            self.count = len(found)
            print(self.count, "faces" if self.count != 1 else "face", flush=True)


if __name__ == "__main__":
    horus.run(Camera(), Faces())
