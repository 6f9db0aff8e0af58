"""A client of `/ws` for tests."""

from channels.testing import WebsocketCommunicator

from config.kernel import wire
from config.kernel.live.consumer import LiveConsumer


class Socket:
    """A client of `/ws` that speaks JSON."""

    def __init__(self, token=None, consumer=LiveConsumer, **headers):
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if token:
            sent.append((b"authorization", f"Bearer {token}".encode()))
        self.raw = WebsocketCommunicator(consumer.as_asgi(), "/ws", headers=sent)

    async def __aenter__(self):
        assert (await self.raw.connect())[0]
        return self

    async def __aexit__(self, *_):
        await self.raw.disconnect()

    async def say(self, **message):
        await self.raw.send_to(text_data=wire.dumps(message).decode())

    async def hear(self, timeout=3):
        return wire.loads(await self.raw.receive_from(timeout))

    async def closed(self, timeout=6):
        return (await self.raw.receive_output(timeout))["code"]

    async def follow(self, *topics) -> dict:
        """Subscribe to these, and the data of their snapshots."""
        snapshots = {}
        for topic in topics:
            await self.say(type="subscribe", topic=topic)
            message = await self.hear()
            assert (message["type"], message["topic"]) == ("snapshot", topic), message
            snapshots[topic] = message["data"]
        return snapshots
