"""`/ws/program`: what the program page shows (04 §3). The first message is `{"token": "tr_pgm_…"}`; then the whole view at each change, newest wins.

Closes: 4404 no such link · 4401 it is over, or nothing was said · 4429 a hundred watch already · 4400 no token in the first message.
"""

import asyncio
from uuid import uuid4

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from config.kernel import context, wire
from config.kernel.access import ANONYMOUS, ports
from config.kernel.errors import ApiError, from_exception
from config.kernel.live.consumer import origin_is_ours, request_of
from config.kernel.live.sink import buffered_bytes
from config.kernel.names import camelized
from sessions.control_room import program_link, program_view, viewers
from sessions.control_room.stage import stage

log = structlog.get_logger("program")
FIRST_WORD_SECONDS = 10.0
_TEXT_LIMIT = 4096
_CLOSE = {401: 4401, 404: 4404, 410: 4401, 429: 4429, 403: 4403}


class ProgramConsumer(AsyncWebsocketConsumer):
    """See the module."""

    async def connect(self):
        self.viewer, self.token, self.open = uuid4().hex, "", True
        self.changed = asyncio.Event()
        self.tasks: list[asyncio.Task] = []
        # For whom the WHEP URL was made: (source, since) on program.
        self.watching, self.whep_url, self.told = None, None, None
        await self.accept()
        if not origin_is_ours(dict(self.scope["headers"])):
            await self.refuse(ApiError("permission_denied", "This page is not part of this control room."))
            return
        self.tasks.append(asyncio.create_task(self._wait_for_token()))

    async def disconnect(self, code):
        self.open = False
        for task in self.tasks:
            task.cancel()
        stage().leave(self.changed)
        if self.token:
            await asyncio.to_thread(viewers.leave, self.viewer)

    async def receive(self, text_data=None, bytes_data=None):
        if not self.open or self.token:
            return
        try:
            token = _token_in(text_data)
            await database_sync_to_async(program_link.open)(token)
            if not await asyncio.to_thread(viewers.enter, self.viewer):
                raise ApiError("concurrency_limit_reached", data={"scope": "program viewers", "limit": viewers.LIMIT})
        except Exception as error:  # noqa: BLE001 - every refusal is said on the socket before it closes
            await self.refuse(from_exception(error))
            return
        self.token = token
        for task in self.tasks:
            task.cancel()
        stage().follow(self.changed)
        self.tasks = [asyncio.create_task(self._show()), asyncio.create_task(self._stay())]

    async def _wait_for_token(self) -> None:
        await asyncio.sleep(FIRST_WORD_SECONDS)
        await self.refuse(ApiError("not_authenticated", 'Send {"token"} first.'))

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(viewers.SAY_EVERY_SECONDS)
            await asyncio.to_thread(viewers.enter, self.viewer)

    async def _show(self) -> None:
        """The view whenever it has changed; the end of the link within seconds."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            shown = stage().shown
            try:
                await database_sync_to_async(program_link.open)(self.token)
                if shown is not None and buffered_bytes(self.base_send) == 0:
                    await self._tell(shown)
            except ApiError as error:
                await self.refuse(error)
                return
            except Exception as error:  # noqa: BLE001 - the database is away: what is seen stays, and is asked for again
                log.info("program_delayed", error=type(error).__name__)

    async def _tell(self, shown: program_view.Shown) -> None:
        if self.watching != (shown.source, shown.since) or (shown.session_id is not None and self.whep_url is None):
            found = await database_sync_to_async(program_view.whep_url)(shown.session_id) if shown.session_id else None
            self.watching, self.whep_url = (shown.source, shown.since), found
        told = (shown.seq, self.whep_url)
        if told != self.told:
            data = camelized(program_view.whole(shown, self.token, self.whep_url))
            await self.send(text_data=wire.dumps({"type": "program", "seq": shown.seq, "data": data}).decode())
            self.told = told

    async def refuse(self, error: ApiError) -> None:
        """Say why, and close with the matching code."""
        if not self.open:
            return
        self.open = False
        await self.send(text_data=wire.dumps({"type": "error", **error.body()}).decode())
        await self.close(_CLOSE.get(error.status, 4400 if error.status < 500 else 4500), error.code)
        await database_sync_to_async(self._report)(error)

    def _report(self, error: ApiError) -> None:
        request = request_of(self.scope)
        ip = context.resolve_address(request.META["REMOTE_ADDR"], request.META["HTTP_X_FORWARDED_FOR"])
        facts = context.RequestContext(request_id=context.current().request_id, method="WS", route="/ws/program", ip=ip, actor=ANONYMOUS)
        with context.use(facts):
            ports.refused(error, None, None)


def _token_in(text: str | None) -> str:
    """The token of the first message; ApiError validation_failed."""
    try:
        message = wire.loads(text) if text and len(text) <= _TEXT_LIMIT else None
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("token"), str):
        raise ApiError("validation_failed", 'The first message is {"token": "tr_pgm_…"}.')
    return message["token"]
