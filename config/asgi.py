"""The asynchronous side: sockets and event streams (daphne); everything else too, for `runserver`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

_django = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from config.kernel.live.consumer import LiveConsumer  # noqa: E402
from config.kernel.metrics import counting  # noqa: E402
from nodes.meters.consumers import NodeConsumer  # noqa: E402
from sessions.control_room.consumers import ProgramConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": _django,
        "websocket": URLRouter(
            [
                re_path(r"^ws$", counting(LiveConsumer.as_asgi(), "console")),
                re_path(r"^ws/node$", counting(NodeConsumer.as_asgi(), "node")),
                re_path(r"^ws/program$", counting(ProgramConsumer.as_asgi(), "program")),
            ]
        ),
    }
)
