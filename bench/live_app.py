"""The product's sockets beside two peers on the same server, for the fan-out row: `daphne bench.live_app:application`.

    /ws      the product
    /bare    one loop over all sockets in this process, for each frame that comes
    /layer   each socket waits on a channel of its own in Valkey, and each frame is published once for each socket, as a channel layer does
"""

import asyncio
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.asgi import application as product  # noqa: E402 - sets Django up

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from config.kernel import broker  # noqa: E402
from nodes.meters import ring  # noqa: E402

LAYER = "bench:layer:"


class BareConsumer(AsyncWebsocketConsumer):
    """Every frame of the meters' channel to every socket, in a plain loop."""

    sockets: set = set()
    task: asyncio.Task | None = None

    async def connect(self):
        await self.accept()
        self.sockets.add(self)
        if BareConsumer.task is None:
            BareConsumer.task = asyncio.create_task(_fan_out(self.sockets))

    async def disconnect(self, code):
        self.sockets.discard(self)
        if not self.sockets and BareConsumer.task:
            BareConsumer.task.cancel()
            BareConsumer.task = None


async def _fan_out(sockets):
    async with broker.async_client() as valkey, valkey.pubsub() as pubsub:
        await pubsub.subscribe(ring.CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                for socket in list(sockets):
                    await socket.send(bytes_data=message["data"])


class LayerConsumer(AsyncWebsocketConsumer):
    """A reader of its own for each socket; a publisher that addresses each one."""

    names: dict = {}
    task: asyncio.Task | None = None

    async def connect(self):
        await self.accept()
        self.names[self] = f"{LAYER}{id(self)}"
        self.reader = asyncio.create_task(self._read())
        if LayerConsumer.task is None:
            LayerConsumer.task = asyncio.create_task(_publish(self.names))

    async def _read(self):
        async with broker.async_client() as valkey:
            while True:
                _, frame = await valkey.blpop(self.names[self])
                await self.send(bytes_data=frame)

    async def disconnect(self, code):
        self.reader.cancel()
        self.names.pop(self, None)
        if not self.names and LayerConsumer.task:
            LayerConsumer.task.cancel()
            LayerConsumer.task = None


async def _publish(names):
    async with broker.async_client() as valkey, broker.async_client() as sender, valkey.pubsub() as pubsub:
        await pubsub.subscribe(ring.CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                for name in list(names.values()):
                    await sender.rpush(name, message["data"])


application = ProtocolTypeRouter(
    {
        "http": product,
        "websocket": URLRouter(
            [
                re_path(r"^bare$", BareConsumer.as_asgi()),
                re_path(r"^layer$", LayerConsumer.as_asgi()),
                re_path(r"^", product.application_mapping["websocket"]),
            ]
        ),
    }
)
