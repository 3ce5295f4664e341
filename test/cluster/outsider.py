"""The Python half of outsiders.mjs: says its turn, waits for the answer."""

import asyncio
import json
import sys

import websockets


async def main(url, turns):
    async with websockets.connect(url.replace("http", "ws", 1) + "/ws", subprotocols=["parley.v1.json"]) as ws:
        async def until(is_it):
            while not is_it(frame := json.loads(await ws.recv())):
                assert frame["type"] != "error", frame
            return frame

        for request in ({"type": "hello", "name": "Python"}, {"type": "join", "room": "outsiders"}):
            await ws.send(json.dumps({"ref": 0, **request}))
            await until(lambda frame: frame.get("ref") == 0)
        for turn in range(turns):
            await ws.send(json.dumps({"type": "publish", "room": "outsiders", "id": f"p{turn}", "body": {"text": f"python {turn}"}}))
            await until(lambda frame: frame["type"] == "message" and frame["body"]["text"] == f"node {turn}")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
