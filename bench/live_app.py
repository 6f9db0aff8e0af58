"""The product's sockets beside their peer on the same server, for the fan-out row: `daphne bench.live_app:application`.

/ws      the product
/bare    one loop over all sockets in this process, for each frame that comes
"""

import asyncio
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from config.asgi import application as product  # noqa: E402 - sets Django up
from config.kernel import broker  # noqa: E402
from nodes.meters import ring  # noqa: E402


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


application = ProtocolTypeRouter(
    {
        "http": product,
        "websocket": URLRouter(
            [
                re_path(r"^bare$", BareConsumer.as_asgi()),
                re_path(r"^", product.application_mapping["websocket"]),
            ]
        ),
    }
)
