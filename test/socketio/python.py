"""A conversation with the server of server_test.go, by python-socketio."""

import json
import os
import queue
import sys
import threading
import time
import traceback

import engineio
import socketio

(task,) = json.load(sys.stdin)
refusals = queue.Queue()
PATIENCE = 60  # seconds
# Where much comes at once the library takes that for an attack, unless it is told that it is none.
engineio.payload.Payload.max_decode_packets = 10_000


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


EVENTS = ("welcome", "back", "said", "number", "perhaps")


def connect(reconnection=False, **options):
    """Connects; what comes is in queues by the name of the event."""
    client = Client(reconnection=reconnection, reconnection_delay=0.02, reconnection_delay_max=0.1)
    came = {name: queue.Queue() for name in EVENTS}
    for name in EVENTS:
        client.on(name, lambda *args, name=name: came[name].put(args))
    client.on("connect_error", refusals.put)
    client.on("question", lambda n, data: (n + 1, data + b"\x04"))
    client.on("so far", lambda: ())
    client.connect(task["url"], transports=task["transports"], **options)
    return client, came


def ask(client, name, *args, namespace=None):
    return client.call(name, args, timeout=PATIENCE, namespace=namespace)


def get(came, name):
    return came[name].get(timeout=PATIENCE)


def events(a, heard):
    assert get(heard, "welcome") == ("Ann",)
    values = (1, -2.5, "ü \x1e", None, {"a": [True]}, b"\x00\x01\xff", {"b": [b"x", b""]})
    assert tuple(ask(a, "echo", *values)) == values
    a.emit("back", values)
    assert get(heard, "back") == values
    assert list(ask(a, "ask")) == [2, b"\x01\x02\x03\x04"]
    assert ask(a, "echo", "over there", namespace="/admin") == "over there"
    while heard["perhaps"].empty():
        ask(a, "volatile")


def rooms(a, heard_a):
    (b, heard_b), (c, heard_c) = connect(), connect()
    all_heard = (heard_a, heard_b, heard_c)
    for client in (a, b):
        assert ask(client, "join", "r") is True
    for how, text in (("to", "1"), ("in", "2"), ("except", "3"), ("broadcast", "4"), ("all", "5")):
        ask(a, "say", {"How": how, "Room": "r", "Text": text})
    ask(b, "leave", "r")
    ask(a, "say", {"How": "in", "Room": "r", "Text": "6"})
    both = ("2", b"2"), ("6", b"6")
    for heard, want in zip(all_heard, ((both[0], ("5",), both[1]), (("1",), both[0], ("4",), ("5",)), (("3",), ("4",), ("5",)))):
        for said in want:
            assert get(heard, "said") == said, (said, want)
    for client in (b, c):  # what was sent before an ack has come before it
        ask(client, "echo")
        client.disconnect()
    assert all(heard["said"].empty() for heard in all_heard)


def refusal():
    try:
        connect(auth={"token": "bad"})
    except socketio.exceptions.ConnectionError:
        assert refusals.get(timeout=PATIENCE) == {"message": "not you", "data": {"code": 42}}
    else:
        raise AssertionError("it was not refused")


def numbers():
    n = 5000
    client, heard = connect()
    client.emit("count", n)
    for i in range(n):
        client.emit("number", i)
    assert list(ask(client, "counted")) == [n, 0]
    for i in range(n):
        assert get(heard, "number") == (i,)
    client.disconnect()


def connect_again(options):
    """Connects to the server as soon as it is there again."""
    late = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(**options)
        except socketio.exceptions.ConnectionError:
            if time.monotonic() > late:
                raise


def restart():
    options = {"auth": {"token": "Bob"}, "namespaces": ["/", "/admin"]}
    client, heard = connect(reconnection=True, **options)
    assert get(heard, "welcome") == ("Bob",)
    gone = queue.Queue()
    client.on("disconnect", lambda: gone.put(()))
    client.emit("restart")
    gone.get(timeout=PATIENCE)
    if "websocket" not in task["transports"]:
        # It takes the packet by which a server takes its leave, as that of Node also does, for the end.
        client, heard = connect_again(options)
    assert get(heard, "welcome") == ("Bob",)
    assert ask(client, "echo", "back again") == "back again"
    client.disconnect()


first, its = connect(auth={"token": "Ann"}, namespaces=["/", "/admin"])
events(first, its)
rooms(first, its)
refusal()
numbers()
if "websocket" in task["transports"]:
    assert first.transport() == "websocket", first.transport()
first.disconnect()
restart()
end()
