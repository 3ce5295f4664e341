"""The client's side of the conversation on Python's websockets: see doc.go."""

import asyncio
import ssl

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from words import LONG, TASK, chops, extensions


def connect():
    tls = None
    if TASK["url"].startswith("wss:"):
        tls = ssl.create_default_context(cafile=TASK["cert"])
    return websockets.connect(
        TASK["url"], ssl=tls, subprotocols=["other", "interop"], compression=None, ping_interval=None,
        extensions=extensions(ClientPerMessageDeflateFactory),
    )


async def main():
    socket = await connect()
    assert socket.subprotocol == "interop", socket.subprotocol
    assert bool(socket.extensions) == TASK["deflate"], socket.extensions
    for size in [0, 1, 125, 126, 127, 1000, 65535, 65536, 1 << 20]:
        text = (LONG * 10).encode()[:size].decode(errors="ignore")
        for message in [text, bytes(i * 7 & 255 for i in range(size))]:
            await socket.send(message)
            assert await socket.recv() == message, size
    for n in range(50):
        await socket.send(f"message number {n} {LONG[:100]}")
    for n in range(50):
        assert await socket.recv() == f"message number {n} {LONG[:100]}"
    await socket.send(chops(LONG, 999))
    assert await socket.recv() == LONG
    await socket.send("!fragments")
    assert await socket.recv() == LONG
    await socket.send("!ping")
    assert await socket.recv() == "ponged"
    await asyncio.wait_for(await socket.ping("are you there"), 30)
    await socket.close(4001, "thanks")
    assert socket.close_code == 4001, socket.close_code

    socket = await connect()
    await socket.send("!close")
    await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (4321, "as you wish"), socket.close_code


asyncio.run(main())
