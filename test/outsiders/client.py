"""A client of Parley on Debian's python3-websockets, written from the protocol
alone: everything a program needs to talk, and to find its place again after the
server was gone."""

import asyncio
import json
import os
import re
import urllib.request

import websockets

PATIENCE = 30


def control(path):
    """Asks the Go test beside this for something to happen to a server."""
    request = urllib.request.Request(os.environ["PARLEY_CONTROL"] + path, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


class Client:
    """A connection whose requests are awaited and whose events wait in a queue."""

    @classmethod
    async def connect(cls, url):
        ws = await websockets.connect(url.replace("http", "ws", 1) + "/ws", subprotocols=["parley.v1.json"])
        assert ws.subprotocol == "parley.v1.json", ws.subprotocol
        return cls(ws)

    def __init__(self, ws):
        self.ws = ws
        self.ref = 0
        self.answers = {}
        self.events = asyncio.Queue()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        try:
            async for text in self.ws:
                assert isinstance(text, str)
                frame = json.loads(text)
                if "ref" in frame:
                    self.answers.pop(frame["ref"]).set_result(frame)
                else:
                    await self.events.put(frame)
        except websockets.ConnectionClosed:
            pass

    async def must(self, **request):
        self.ref += 1
        answer = self.answers[self.ref] = asyncio.get_running_loop().create_future()
        await self.ws.send(json.dumps({"ref": self.ref, **request}))
        frame = await asyncio.wait_for(answer, PATIENCE)
        assert frame["type"] == "ack", frame
        return frame

    async def message(self):
        """The next message event, passing over others."""
        while True:
            event = await asyncio.wait_for(self.events.get(), PATIENCE)
            if event["type"] == "message":
                return event


async def main():
    server = control("/servers")
    url, act = server["url"], f"/servers/{server['id']}/"
    pia = await Client.connect(url)
    ben = await Client.connect(url)

    # Hello, and who one is.
    hello = await pia.must(type="hello", name="Pia of Python")
    assert hello["user"]["name"] == "Pia of Python"
    await ben.must(type="hello", name="Ben")

    # Join, publish, ack, message: for both, the sender too.
    await pia.must(type="join", room="python-room")
    joined = await ben.must(type="join", room="python-room")
    assert joined["count"] == 2 and {"Ben", "Pia of Python"} == {u["name"] for u in joined["users"]}, joined
    ack = await pia.must(type="publish", room="python-room", id="p1", kind="x-move", body={"from": "e2", "to": "e4"})
    assert ack["seq"] == 1 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ack["time"]), ack
    for client in (pia, ben):
        message = await client.message()
        assert message == {
            "type": "message", "room": "python-room", "seq": 1, "id": "p1", "from": hello["user"],
            "time": ack["time"], "kind": "x-move", "body": {"from": "e2", "to": "e4"},
        }, message

    # The same id again: the first ack, and no second message.
    again = await pia.must(type="publish", room="python-room", id="p1", body={"text": "something else"})
    assert (again["seq"], again["time"]) == (ack["seq"], ack["time"]), again
    await ben.must(type="publish", room="python-room", id="p1", body={"text": "the same id, but of Ben"})
    assert (await pia.message())["seq"] == 2

    # A signal reaches the other, is not stored, and does not come back.
    await pia.must(type="signal", room="python-room", kind="typing", body={})
    while (event := await asyncio.wait_for(ben.events.get(), PATIENCE))["type"] != "signal":
        pass
    assert event["from"] == hello["user"] and event["kind"] == "typing", event

    # The server goes in peace: it says so, and when to come back.
    stopping = asyncio.get_running_loop().run_in_executor(None, control, act + "stop")
    while (event := await asyncio.wait_for(pia.events.get(), PATIENCE))["type"] != "bye":
        assert event["type"] != "signal", "a signal came back to its sender"
    assert event["code"] == 1001 and event["retry_after"] >= 0, event
    await asyncio.wait_for(pia.ws.wait_closed(), PATIENCE)
    assert pia.ws.close_code == 1001, pia.ws.close_code
    await stopping
    await asyncio.get_running_loop().run_in_executor(None, control, act + "start")

    # The session, the ids and the log live on.
    pia = await Client.connect(url)
    back = await pia.must(type="hello", session=hello["session"])
    assert back["user"] == hello["user"], back
    resumed = await pia.must(type="join", room="python-room", since=1)
    assert resumed["recovered"] is True and resumed["more"] is False and resumed["last"] == 2, resumed
    assert [(m["seq"], m["body"]["text"]) for m in resumed["messages"]] == [(2, "the same id, but of Ben")], resumed
    late = await pia.must(type="publish", room="python-room", id="p1", body={"text": "once more"})
    assert (late["seq"], late["time"]) == (ack["seq"], ack["time"]), late
    rooms = await pia.must(type="rooms")
    assert [(r["id"], r["last"]) for r in rooms["rooms"] if r["id"] == "python-room"] == [("python-room", 2)], rooms
    await pia.ws.close()
    print("websockets: hello, join, publish, ack, message, resend, signal, restart, session, resume")


asyncio.run(main())
