"""An echo server on Python's websockets: see doc.go."""

import asyncio
import ssl

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from words import LONG, TASK, chops, extensions


async def ping(socket):
    await (await socket.ping("are you there"))
    await socket.send("ponged")


async def serve(socket):
    tasks = []
    try:
        while True:
            message = await socket.recv()
            if message == "!fragments":
                await socket.send(chops(LONG, 1000))
            elif message == "!ping":
                tasks.append(asyncio.ensure_future(ping(socket)))
            elif message == "!close":
                await socket.close(4321, "as you wish")
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    for task in tasks:
        await task
    assert socket.close_code == 4321 or (socket.close_code, socket.close_reason) == (4001, "thanks"), socket.close_code


async def main():
    tls = None
    if TASK.get("key"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(TASK["cert"], TASK["key"])
    async with websockets.serve(
        serve, "127.0.0.1", 0, ssl=tls, subprotocols=["interop"], compression=None,
        extensions=extensions(ServerPerMessageDeflateFactory),
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
