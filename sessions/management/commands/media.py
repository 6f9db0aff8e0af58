"""`manage.py media`: the embedded media server, WHIP in and WHEP out. Runs until SIGTERM."""

import asyncio

from django.core.management.base import BaseCommand

from sessions.media.edge.server import serve


class Command(BaseCommand):
    help = "Serve WHIP and WHEP. The edge passes /whip/* and /whep/* on to this port."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--name", default="0", help="tells several of these processes apart")

    def handle(self, *, host: str, port: int, name: str, **_options):
        asyncio.run(serve(host, port, name))
