"""The media process: one event loop with HTTP and WebRTC in it (`python manage.py media`)."""

import asyncio
import gc
import logging
import signal
from contextlib import suppress

import structlog
from aiohttp import web
from django.conf import settings

from sessions.media.edge import control, http, negotiation, tap
from sessions.media.edge.facts import Facts
from sessions.media.edge.registry import Registry

log = structlog.get_logger("media")
_SHUTDOWN_SECONDS = 8


def application(registry: Registry) -> web.Application:
    # No access log anywhere: the paths are credentials.
    app = web.Application(middlewares=[http.errors, control.guard], client_max_size=negotiation.MAX_SDP_BYTES)
    app[http.REGISTRY] = registry
    app.add_routes([*http.routes(), *control.routes()])
    return app


class Server:
    """Start it on a running loop; `port` is known once it has started (0 asks for a free one)."""

    def __init__(self, host: str, port: int, *, name: str = "0"):
        self.host, self.port = host, port
        self.facts = Facts(name)
        self.registry = Registry(self.facts)
        self._tasks: list[asyncio.Task] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        # Addresses of publishers and viewers are nobody's business.
        logging.getLogger("aioice").setLevel(logging.WARNING)
        tap.use_addresses(loopback=settings.MEDIA_ICE_LOOPBACK, only=settings.MEDIA_ICE_ADDRESSES)
        await self.facts.recall()
        self._tasks = [asyncio.ensure_future(self.facts.run()), asyncio.ensure_future(self.registry.run())]
        self._runner = web.AppRunner(application(self.registry), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Everybody is sent away, recordings end whole, losses are told."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.registry.close(), _SHUTDOWN_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        await self.facts.close()


async def serve(host: str, port: int, name: str) -> None:
    """Until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = Server(host, port, name=name)
    await server.start()
    # What is loaded by now lives for ever: the collector need not look at it again between two frames.
    gc.freeze()
    log.info("media_server", port=server.port)
    await ended.wait()
    await server.stop()
