# SPDX-License-Identifier: Apache-2.0
"""Messages in asyncio: a task waits for each topic, and none of them polls."""
import asyncio

import horus
import horus.aio


async def add_up(topic, count):
    total = 0
    async for message in topic:
        total += message["value"]
        count -= 1
        if count == 0:
            return total


async def main():
    left, right = horus.aio.Topic("left"), horus.aio.Topic("right")
    sums = asyncio.gather(add_up(left, 3), add_up(right, 3))
    for number in range(3):
        left.send({"value": number})
        right.send({"value": 10 * number})
        await asyncio.sleep(0.01)
    print(await asyncio.wait_for(sums, timeout=10))
    try:
        await asyncio.wait_for(left.recv(), timeout=0.1)
    except asyncio.TimeoutError:
        print("nothing more")


asyncio.run(main())
