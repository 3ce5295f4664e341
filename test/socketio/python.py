"""A conversation with the server of server_test.go, by python-socketio."""

import json
import os
import queue
import sys
import threading
import traceback

import engineio
import socketio

(task,) = json.load(sys.stdin)
refusals = queue.Queue()
PATIENCE = 60  # seconds


def end(*error):
    """Ends the program, whatever threads there are left."""
    if error:
        traceback.print_exception(*error)
    sys.stderr.flush()
    os._exit(1 if error else 0)


sys.excepthook = end
threading.excepthook = lambda e: end(e.exc_type, e.exc_value, e.exc_traceback)


class InOrder(engineio.Client):
    """Has messages handled one after the other. The library starts a thread for each: what is in an attachment may be
    taken for an event, if its thread comes before that of the event that it belongs to."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.messages = queue.Queue()
        threading.Thread(target=self.handle, daemon=True).start()

    def start_background_task(self, target, *args, **kwargs):
        if target != self.handlers.get("message"):
            return super().start_background_task(target, *args, **kwargs)
        self.messages.put(args)

    def handle(self):
        while True:
            args = self.messages.get()
            self.handlers["message"](*args)


class Client(socketio.Client):
    def _engineio_client_class(self):
        return InOrder


def connect(**options):
    client = Client(reconnection=False)
    came = {name: queue.Queue() for name in ("welcome", "back", "said")}
    client.on("welcome", lambda *args: came["welcome"].put(args))
    client.on("back", lambda *args: came["back"].put(args))
    client.on("said", lambda *args: came["said"].put(args))
    client.on("connect_error", lambda error: refusals.put(error))
    client.on("question", lambda n, data: (n + 1, data + b"\x04"))
    client.connect(task["url"], transports=task["transports"], **options)
    return client, came


def ask(client, name, *args, namespace=None):
    return client.call(name, args, timeout=PATIENCE, namespace=namespace)


a, heard = connect(auth={"token": "Ann"}, namespaces=["/", "/admin"])
assert heard["welcome"].get(timeout=PATIENCE) == ("Ann",)
values = (1, -2.5, "ü \x1e", None, {"a": [True]}, b"\x00\x01\xff", {"b": [b"x", b""]})
assert tuple(ask(a, "echo", *values)) == values
a.emit("back", values)
assert heard["back"].get(timeout=PATIENCE) == values
assert list(ask(a, "ask")) == [2, b"\x01\x02\x03\x04"]
assert ask(a, "echo", "over there", namespace="/admin") == "over there"

b, heard_b = connect()
for client in (a, b):
    assert ask(client, "join", "r") is True
ask(a, "say", {"How": "to", "Room": "r", "Text": "to b"})
ask(a, "say", {"How": "in", "Room": "r", "Text": "to both"})
assert heard_b["said"].get(timeout=PATIENCE) == ("to b",)
assert heard_b["said"].get(timeout=PATIENCE) == ("to both", b"to both")
assert heard["said"].get(timeout=PATIENCE) == ("to both", b"to both")
b.disconnect()

try:
    connect(auth={"token": "bad"})
except socketio.exceptions.ConnectionError:
    assert refusals.get(timeout=PATIENCE) == {"message": "not you", "data": {"code": 42}}
else:
    raise AssertionError("it was not refused")

if "websocket" in task["transports"]:
    assert a.transport() == "websocket", a.transport()
a.disconnect()
end()
