# SPDX-License-Identifier: Apache-2.0
"""A page that shows what a robot does, live: http://127.0.0.1:8080/

    apt install python3-aiohttp
    python3 dashboard.py [PORT]

An async node: the server, its browsers and the ticks share one asyncio loop. Each browser has a
stream of what changed; one that is slow or leaves delays nobody else.
"""
import asyncio
import json
import sys

from aiohttp import web

import horus

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
TOPICS = {"cmd_vel": horus.CmdVel, "battery": horus.BatteryState}
PAGE = """<!doctype html><title>Robot</title><pre id="out">nothing yet</pre><script>
new EventSource("/events").onmessage = event =>
  { document.getElementById("out").textContent = JSON.stringify(JSON.parse(event.data), null, 2) }
</script>"""


class Dashboard(horus.Node):
    def __init__(self):
        super().__init__("dashboard", rate=10, subs=TOPICS)
        self.latest = {}
        self.version = 0  # Of it.
        self.over = False

    async def init(self):
        self.changed = asyncio.Condition()
        app = web.Application()
        app.add_routes([web.get("/", self.page), web.get("/state", self.state),
                        web.get("/events", self.events)])
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        # Of this machine only: it shows the robot to whoever asks.
        await web.TCPSite(self.runner, "127.0.0.1", PORT).start()
        print("http://%s:%d/" % self.runner.addresses[0], flush=True)

    async def tick(self):
        came = {topic: messages[-1] for topic in TOPICS if (messages := self.recv_all(topic))}
        if not came:
            return
        for topic, message in came.items():
            self.latest[topic] = {name: getattr(message, name) for name in message.__match_args__}
        self.version += 1
        async with self.changed:
            self.changed.notify_all()

    async def shutdown(self):
        self.over = True  # The streams end; the server waits for them.
        async with self.changed:
            self.changed.notify_all()
        await self.runner.cleanup()

    async def page(self, request):
        return web.Response(text=PAGE, content_type="text/html")

    async def state(self, request):
        return web.json_response(self.latest)

    async def events(self, request):
        """Server-sent events, always the newest state."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        sent = 0
        while not self.over:
            async with self.changed:
                await self.changed.wait_for(lambda: self.over or self.version > sent)
            sent = self.version
            await response.write(f"data: {json.dumps(self.latest)}\n\n".encode())


if __name__ == "__main__":
    horus.run(Dashboard())
