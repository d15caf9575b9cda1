# SPDX-License-Identifier: Apache-2.0
"""A scheduler that runs beside the test, in its process."""
import threading
import time

import horus


def wait_for(what, seconds=30.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


class Acting:
    """A scheduler that runs on another thread while the test acts."""

    def __init__(self, *nodes, **options):
        self.scheduler = horus.Scheduler(**options)
        for node in nodes:
            self.scheduler.add(node)
        self.ready = threading.Event()
        self.scheduler._on_ready = self.ready.set
        self.thread = threading.Thread(target=self.scheduler.run)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(60)
        return self.scheduler

    def __exit__(self, *error):
        self.scheduler.stop()
        self.thread.join()
