# SPDX-License-Identifier: Apache-2.0
"""Async nodes at what they are for: a web service, a serial line and a database, all real."""
from snippet import prints

HTTP = """
import aiohttp
from aiohttp import web
import horus

async def answer(request):
    return web.json_response({"goal": int(request.query["tick"]) * 10})

async def serve(node):
    app = web.Application()
    app.router.add_get("/goal", answer)
    node.runner = web.AppRunner(app)
    await node.runner.setup()
    site = web.TCPSite(node.runner, "127.0.0.1", 0)
    await site.start()
    node.send("port", node.runner.addresses[0][1])

async def close(node):
    await node.runner.cleanup()

async def connect(node):
    node.session = aiohttp.ClientSession()
    node.port = None

async def fetch(node):
    node.port = node.recv("port") or node.port
    if node.port is None:
        return
    url = f"http://127.0.0.1:{node.port}/goal"
    async with node.session.get(url, params={"tick": horus.tick()}) as response:
        node.send("goal", (await response.json())["goal"])

async def disconnect(node):
    await node.session.close()

async def nothing(node):
    pass

goals, failed = [], []
def drive(node):
    goals.extend(node.recv_all("goal"))
    if len(goals) >= 3 and not failed:
        # Before the stop, at which the server may go first.
        stats = map(scheduler.get_node_stats, ("server", "client"))
        failed.extend(one["failed_ticks"] for one in stats)
        node.request_stop()

client = horus.Node("client", fetch, 50, init=connect, shutdown=disconnect, subs=["port"],
                    pubs=["goal"])
scheduler = horus.Scheduler()
for node in (horus.Node("server", nothing, 50, init=serve, shutdown=close, pubs=["port"]), client,
             horus.Node("driver", drive, 100, subs=["goal"])):
    scheduler.add(node)
scheduler.run(50)
print(len(goals) > 2, all(goal % 10 == 0 for goal in goals), goals == sorted(goals))
print(failed)
"""

SERIAL = """
import asyncio, os, threading, tty
import horus

device, line = os.openpty()
tty.setraw(line)

def gps():
    for i in range(20):
        os.write(device, f"$GPGGA,{i}\\n".encode())

async def open_line(node):
    node.reader = asyncio.StreamReader()
    node.transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(node.reader), open(line, "rb", buffering=0))

async def read(node):
    sentence = (await node.reader.readline()).decode().strip()
    node.send("fix", sentence)

async def close_line(node):
    node.transport.close()

fixes = []
def log(node):
    fixes.extend(node.recv_all("fix"))
    if len(fixes) == 20:
        node.request_stop()

threading.Timer(0.1, gps).start()
horus.run(horus.Node("gps", read, 200, init=open_line, shutdown=close_line, pubs=["fix"]),
          horus.Node("log", log, 100, subs=[horus.Sub("fix", depth=None)]), duration=50)
print(fixes == [f"$GPGGA,{i}" for i in range(20)])
"""

DATABASE = """
import os, sqlite3, sys, tempfile
import aiosqlite
import horus

path = os.path.join(tempfile.mkdtemp(), "log.db")

async def open_database(node):
    node.database = await aiosqlite.connect(path)
    await node.database.execute("create table readings (number integer, value real)")

async def store(node):
    rows = [(reading["n"], reading["v"]) for reading in node.recv_all("reading")]
    await node.database.executemany("insert into readings values (?, ?)", rows)
    await node.database.commit()

async def close_database(node):
    await store(node)
    await node.database.close()

def sense(node):
    node.send("reading", {"n": horus.tick(), "v": horus.tick() / 2})
    if horus.tick() == 50:
        node.request_stop()

horus.run(horus.Node("sensor", sense, 100, pubs=["reading"]),
          horus.Node("logger", store, 10, init=open_database, shutdown=close_database,
                     subs=[horus.Sub("reading", capacity=256)]), duration=50)
numbers = [row[0] for row in sqlite3.connect(path).execute("select number from readings")]
print(numbers == list(range(51)))
"""


def test_a_web_server_and_its_client():
    assert prints(HTTP) == ["True True True", "[0, 0]"]


def test_a_serial_line():
    assert prints(SERIAL) == ["True"]


def test_a_database():
    assert prints(DATABASE) == ["True"]
