"""What the server and the client on Python's websockets have in common."""

import json
import sys

from websockets.extensions import permessage_deflate

TASK = json.load(sys.stdin)
LONG = TASK.get("long", "")


def chops(text, size):
    """Cuts text into pieces of size bytes, or a little less."""
    piece = ""
    for c in text:
        if len((piece + c).encode()) > size:
            yield piece
            piece = ""
        piece += c
    yield piece


def extensions(factory):
    """The option extensions for the task's mode; factory is the server's or the client's."""
    mode = TASK["mode"]
    if not mode["deflate"]:
        return None
    options = {}
    if not mode["takeover"]:
        options.update(server_no_context_takeover=True, client_no_context_takeover=True)
    if mode["bits"]:
        options.update(server_max_window_bits=mode["bits"], client_max_window_bits=mode["bits"])
    elif factory is permessage_deflate.ClientPerMessageDeflateFactory:
        options.update(client_max_window_bits=True)
    return [factory(**options)]
