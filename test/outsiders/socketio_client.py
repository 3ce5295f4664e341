"""A client of Parley on Debian's python3-socketio, written from the protocol alone.
Its arguments are the transports that it may use."""

import json
import os
import queue
import sys
import urllib.request

import socketio

PATIENCE = 30  # seconds
TRANSPORTS = sys.argv[1:]


def control(path):
    """Asks the Go test beside this for something to happen to a server."""
    request = urllib.request.Request(os.environ["PARLEY_CONTROL"] + path, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


class Guest:
    """A connection whose requests wait for their answers and whose events wait in a queue."""

    def __init__(self, url, wait=True, **auth):
        self.client = socketio.Client(reconnection=False)
        self.events = queue.Queue()
        self.refusals = queue.Queue()
        self.client.on("message", self.events.put)
        self.client.on("connect_error", self.refusals.put)
        self.client.connect(url, auth=auth, transports=TRANSPORTS, wait=wait, wait_timeout=PATIENCE)

    def ask(self, word, **fields):
        return self.client.call(word, fields, timeout=PATIENCE)

    def must(self, word, **fields):
        answer = self.ask(word, **fields)
        assert answer["type"] == "ack", answer
        return answer

    def messages(self, count):
        """The next message events, in the order of seq: the library hands them over in any."""
        found = []
        while len(found) < count:
            event = self.events.get(timeout=PATIENCE)
            if event["type"] == "message":
                found.append(event)
        return sorted(found, key=lambda m: m["seq"])


def main():
    server = control("/servers")
    url = server["url"]
    pia = Guest(url, name="Pia of Python")
    hello = pia.must("hello")
    assert hello["user"]["name"] == "Pia of Python", hello
    ben = Guest(url, name="Ben")
    other = ben.must("hello")

    # Join, publish, ack, message: for both, the sender too.
    pia.must("join", room="python-room")
    assert ben.must("join", room="python-room")["count"] == 2
    acks = [pia.must("publish", room="python-room", id=f"p{i}", body={"text": f"größe 👋 {i}"}) for i in range(20)]
    for guest in pia, ben:
        for i, message in enumerate(guest.messages(20)):
            assert message == {
                "type": "message", "room": "python-room", "seq": i + 1, "id": f"p{i}", "from": hello["user"],
                "time": acks[i]["time"], "kind": "text", "body": {"text": f"größe 👋 {i}"},
            }, message
    again = ben.ask("publish", room="nowhere", id="1", body={"text": "hi"})
    assert (again["type"], again["code"]) == ("error", "not_found"), again

    # The server dies; the session, the ids and the log live on.
    act = f"/servers/{server['id']}/"
    control(act + "kill")
    control(act + "start")
    pia = Guest(url, session=hello["session"])
    assert pia.must("hello")["user"] == hello["user"]
    resumed = pia.must("join", room="python-room", since=18)
    assert (resumed["recovered"], [m["seq"] for m in resumed["messages"]]) == (True, [19, 20]), resumed
    late = pia.must("publish", room="python-room", id="p0", body={"text": "once more"})
    assert (late["seq"], late["time"]) == (acks[0]["seq"], acks[0]["time"]), late
    ben = Guest(url, session=other["session"])
    assert ben.must("presence", room="python-room")["count"] == 1

    # Who is not believed is told why.
    refusal = Guest(url, wait=False, session="made-up").refusals.get(timeout=PATIENCE)
    assert (refusal["data"]["code"], refusal["data"]["bye"]["code"]) == ("unauthorized", 4500), refusal
    for guest in pia, ben:
        guest.client.disconnect()
    print(f"python-socketio ({TRANSPORTS}): hello, join, publish, ack, message, restart, session, resume, refusal")


main()
os._exit(0)  # whatever threads the library has left
