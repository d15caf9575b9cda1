# SPDX-License-Identifier: Apache-2.0
"""Foxglove Studio in Chromium, with a recording open: its packages, its page, its panels."""
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

from file_server import serving

HERE = pathlib.Path(__file__).parent
# The last of Studio that is free software, and what its bundle leaves to who shows it.
PACKAGES = ("@foxglove/studio-base@1.48.0", "react@17.0.2", "react-dom@17.0.2")
SCRIPTS = {
    "/react.js": "react/umd/react.production.min.js",
    "/react-dom.js": "react-dom/umd/react-dom.production.min.js",
}
# s; what takes longer is a fault of the network.
FETCHING = 600.0


class Missing(Exception):
    """In a line, what this machine lacks."""


def installed() -> pathlib.Path:
    """The folder of the packages; gets them where the cache has none, once for each version."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    home /= "horus/foxglove"
    modules = home / hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not modules.is_dir():
            fetch(home, modules)
    return modules


def fetch(home, modules):
    if shutil.which("npm") is None:
        raise Missing("no npm here: tools/dev/setup foxglove installs it")
    with tempfile.TemporaryDirectory(dir=home) as folder:
        # What a package would run after it has come is not wanted.
        command = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit",
                   "--no-fund", "--no-package-lock", "--no-update-notifier", "--loglevel=error",
                   *PACKAGES]
        try:
            done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  timeout=FETCHING)
        except subprocess.TimeoutExpired:
            raise Missing(f"npm has not got {' '.join(PACKAGES)} in {FETCHING} s") from None
        if done.returncode != 0:
            said = " ".join(done.stderr.split())[:300]
            raise Missing(f"npm does not get {' '.join(PACKAGES)}: {said}")
        # It has its name only once it is whole.
        (pathlib.Path(folder) / "node_modules").rename(modules)


def require():
    """Raises Missing where Studio cannot be shown; the folder of its packages otherwise."""
    if shutil.which("chromium") is None:
        raise Missing("no chromium here: tools/dev/setup foxglove installs it")
    if importlib.util.find_spec("PIL") is None:
        raise Missing("no python3-pil here: tools/dev/setup foxglove installs it")
    return installed()


class Studio:
    """What is seen of it. A panel is named as layout.json names it."""

    def __init__(self, browser, folder):
        self.browser = browser
        self.folder = folder

    def text(self):
        return self.browser.value("document.body?.innerText ?? ''")

    def said(self):
        return self.browser.said

    def picture(self, panel):
        """The pixels of what a panel draws, None before it does; a PNG file has them."""
        # Hints to a new user lie above the panels.
        self.browser.value("document.querySelectorAll('[aria-label=Dismiss]')"
                           ".forEach(button => button.click())")
        box = self.browser.value(f"""(() => {{
            const drawn = document.querySelector('[data-testid~="{panel}"] canvas');
            const box = drawn?.getBoundingClientRect();
            return box?.width && [box.left, box.top, box.width, box.height].map(Math.round);
        }})()""")
        return self.browser.screenshot(self.folder / f"{panel}.png", box) if box else None

    def whole_picture(self):
        """The file of it."""
        path = self.folder / "studio.png"
        self.browser.screenshot(path)
        return path


@contextlib.contextmanager
def studio(modules, recording, folder):
    """Studio with the recording open, at its end, for the block; its pictures go to the folder."""
    # Only now: who lacks its libraries is told so by `require`.
    from chromium import Chromium

    def find(path):
        if path in SCRIPTS:
            return modules / SCRIPTS[path]
        if path.startswith("/assets/"):
            return modules / "@foxglove/studio-base/assets" / pathlib.PurePath(path).name
        return {"/": HERE / "index.html", "/layout.json": HERE / "layout.json",
                "/recording.mcap": recording}.get(path)

    with serving(find) as address, Chromium() as browser:
        # Studio takes a time beyond the recording's end for the end.
        query = {"ds": "remote-file", "ds.url": f"{address}/recording.mcap", "layoutId": "horus",
                 "time": "2200-01-01T00:00:00Z"}
        browser.open(f"{address}/?{urllib.parse.urlencode(query)}")
        yield Studio(browser, folder)
