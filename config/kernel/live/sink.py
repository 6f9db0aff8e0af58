"""Backpressure for sockets: how much of what was sent still waits in this process for a slow reader."""

import functools


def buffered_bytes(asgi_send) -> int:
    """Bytes that the server holds for this connection because the peer does not read.

    ASGI's `send` returns at once under daphne, so memory would grow with a reader that stopped; its transport knows. Unknown servers: 0.
    """
    protocol = asgi_send.args[0] if isinstance(asgi_send, functools.partial) and asgi_send.args else None
    transport = getattr(protocol, "transport", None)
    waiting = len(getattr(transport, "dataBuffer", b"") or b"") - getattr(transport, "offset", 0)
    return max(0, waiting + getattr(transport, "_tempDataLen", 0))


class Sink:
    """The lossy lane of one socket: the sender asks `drained()` before each message and skips frames until it is."""

    def __init__(self, consumer):
        self._consumer = consumer

    def drained(self) -> bool:
        """True if everything sent so far has left this host's buffers for the peer."""
        return buffered_bytes(self._consumer.base_send) == 0

    async def send(self, message: bytes) -> None:
        """Send one binary message; silently nothing after the socket closed."""
        await self._consumer.send_binary(message)
