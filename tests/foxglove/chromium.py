# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over the pipe of its DevTools: there is no port to choose."""
import base64
import contextlib
import io
import json
import os
import select
import signal
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image

# s; no answer of a browser takes so long, on a slow machine either.
ANSWER = 120.0

FLAGS = [
    "--headless=new", "--no-first-run", "--disable-sync", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
    # It is to work where there is no network, and so it gets none where there is one.
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # WebGL without a graphics card.
    "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage", "--window-size=1600,1000", "--hide-scrollbars",
    "--force-device-scale-factor=1", "--force-color-profile=srgb", "--lang=en-US",
]


def text_of(value):
    """As a console shows it, in a line."""
    if "value" in value:
        return str(value["value"])
    members = value.get("preview", {}).get("properties", [])
    return value.get("description", "") + "".join(
        f" {member['name']}={member.get('value', '')}" for member in members)


class Chromium:
    """One page. Ends with the block, and leaves nothing."""

    def __init__(self, program="chromium"):
        self.folder = tempfile.TemporaryDirectory(prefix="horus-chromium-",
                                                  ignore_cleanup_errors=True)
        self.log = tempfile.TemporaryFile()
        # Its sandbox does not work for root.
        flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        # It reads commands from descriptor 3, and writes answers to 4.
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >&2', "sh", program, *flags,
             "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}", "about:blank"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, bufsize=0,
            env=os.environ | {"HOME": self.folder.name}, start_new_session=True)
        self.read = b""
        self.number = 0
        self.session = None
        self.said = []  # What the page has written to its console as an error, or thrown.

    def __enter__(self):
        try:
            pages = self.call("Target.getTargets")["targetInfos"]
            [page] = [one["targetId"] for one in pages if one["type"] == "page"]
            self.session = self.call("Target.attachToTarget", targetId=page,
                                     flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AssertionError):
            self.session = None
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.folder.cleanup()

    def call(self, method, **parameters):
        """The answer to one command of the DevTools protocol."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        self.process.stdin.write(json.dumps(command).encode() + b"\0")
        end = time.monotonic() + ANSWER
        while True:
            answer = json.loads(self.next_message(end))
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.listen(answer)

    def next_message(self, end):
        """Messages end with a byte of 0."""
        while b"\0" not in self.read:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            assert ready, f"Chromium does not answer\n{self.own_log()}"
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            assert piece, f"Chromium has ended\n{self.own_log()}"
            self.read += piece
        message, _, self.read = self.read.partition(b"\0")
        return message

    def own_log(self):
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode(errors="replace")[-2000:]

    def listen(self, event):
        values = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            thrown = values["exceptionDetails"]
            self.said.append(thrown.get("exception", {}).get("description") or thrown["text"])
        if event.get("method") == "Runtime.consoleAPICalled" and values["type"] == "error":
            self.said.append(" ".join(text_of(one) for one in values["args"]))
        if event.get("method") == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.said.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def value(self, expression):
        """What JavaScript says, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path, box=None):
        """Red, green and blue in rows and columns, of the page or of a box in it (left, top, width,
        height), which `path` has as PNG."""
        clip = dict(zip(("x", "y", "width", "height"), box), scale=1) if box else None
        options = {"clip": clip} if clip else {}
        png = base64.b64decode(self.call("Page.captureScreenshot", format="png", **options)["data"])
        path.write_bytes(png)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
