"""`/ws/node`: a recorder's socket. Hints go out, binary meter frames come in; it changes no state, and without it everything works by POST, slower.

Authorization by header only; a browser (an `Origin`) is refused. A newer socket of the same node closes the older one (4409). Text ≤ 64 KiB,
binary ≤ 512 KiB, and only valid frames of the node's own interfaces, else 4400.
"""

import asyncio
from uuid import uuid4

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from config.kernel import authentication, context, wire
from config.kernel.access import ANONYMOUS, Actor, Kind, ports
from config.kernel.errors import ApiError, from_exception
from config.kernel.live.consumer import close_code, request_of
from config.kernel.names import camelized
from nodes import metrics
from nodes.fleet import hints, selectors
from nodes.meters import intake, owned
from nodes.meters import wire as frames

log = structlog.get_logger("node-socket")
TEXT_LIMIT_BYTES, BINARY_LIMIT_BYTES = 64 * 1024, 512 * 1024
FRAMES_PER_SECOND = 600
REVALIDATE_SECONDS = 60.0


def _authenticate(scope) -> Actor:
    """The node behind the header; ApiError for anything else."""
    headers = dict(scope["headers"])
    if b"origin" in headers:
        raise ApiError("permission_denied", "This socket is for recorder agents; browsers use /ws.")
    token = authentication.bearer(headers.get(b"authorization", b"").decode("latin-1"))
    if not token:
        raise ApiError("not_authenticated")
    actor = authentication.actor_for_token(token)
    if actor.kind is not Kind.NODE:
        raise ApiError("credential_not_accepted", data={"kind": actor.kind.value, "accepted": [Kind.NODE.value]})
    return actor


class NodeConsumer(AsyncWebsocketConsumer):
    """See the module."""

    async def connect(self):
        self.actor: Actor = ANONYMOUS
        self.node_id = None
        self.socket_id = uuid4().hex
        self.tasks: list[asyncio.Task] = []
        self.told: dict | None = None
        self.second, self.taken = 0, 0
        await self.accept()
        try:
            self.actor = await database_sync_to_async(_authenticate)(self.scope)
        except Exception as error:  # noqa: BLE001 - every refusal is said on the socket before it closes
            await self.refuse(from_exception(error))
            return
        self.node_id = self.actor.subject.node_id
        self.news = intake.news().follow(self.node_id)
        await asyncio.to_thread(hints.announce, self.node_id, f"socket {self.socket_id}")
        self.tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._revalidate())]
        await self.send_hints(always=True)

    async def disconnect(self, code):
        for task in self.tasks:
            task.cancel()
        if self.node_id is not None:
            intake.news().leave(self.node_id, self.news)

    async def receive(self, text_data=None, bytes_data=None):
        if self.node_id is None:
            return
        try:
            if bytes_data is None:
                self._text(text_data or "")
            else:
                await self._frame(bytes_data)
        except ApiError as error:
            await self.refuse(error)

    def _text(self, text: str) -> None:
        """Nodes have nothing to say in text but a ping; what it is must be JSON all the same."""
        if len(text) > TEXT_LIMIT_BYTES:
            raise ApiError("frame_invalid", "Text is at most 64 KiB.")
        try:
            wire.loads(text)
        except ValueError as error:
            raise ApiError("frame_invalid", f"Not JSON: {error}.") from error

    async def _frame(self, payload: bytes) -> None:
        if len(payload) > BINARY_LIMIT_BYTES:
            raise ApiError("frame_invalid", "A frame is at most 512 KiB.")
        self._count()
        try:
            header = frames.check(payload)
        except frames.WireError as error:
            raise ApiError("frame_invalid", str(error)) from error
        if not await self._owns(header.interface_id):
            raise ApiError("frame_invalid", "The interface is not this node's.")
        if await intake.writer().store(payload, header):
            metrics.taken(header, "socket")

    async def _owns(self, interface_id) -> bool:
        if interface_id in intake.known(self.node_id):
            return True
        return await database_sync_to_async(owned.owns)(self.node_id, interface_id)

    def _count(self) -> None:
        second = int(asyncio.get_running_loop().time())
        self.taken = self.taken + 1 if second == self.second else 1
        self.second = second
        if self.taken > FRAMES_PER_SECOND:
            raise ApiError("throttled")

    async def _follow(self) -> None:
        """What is new for this node, from the process's one subscription."""
        while True:
            word = await self.news.get()
            if word.startswith("socket "):
                if word != f"socket {self.socket_id}":
                    await self.refuse(ApiError("agent_instance_conflict", "A newer socket of this node took this one's place."))
                    return
            elif word == "credential":
                await self._check_credential()
            # News is told even if it reads as before: between two starts the claim in the middle goes unsaid.
            await self.send_hints(always=word == "hints")

    async def _revalidate(self) -> None:
        """The news may be lost; a revoked credential is found out all the same."""
        while True:
            await asyncio.sleep(REVALIDATE_SECONDS)
            await self._check_credential()
            await self.send_hints()

    async def _check_credential(self) -> None:
        try:
            await database_sync_to_async(_authenticate)(self.scope)
        except ApiError as error:
            await self.refuse(error)
        except Exception as error:  # noqa: BLE001 - the database is away: the socket stays until it can be asked
            log.info("credential_unknown", error=type(error).__name__)

    async def send_hints(self, *, always: bool = False) -> None:
        """`{"type": "hints", …}` when they differ from what was told last."""
        try:
            current = await database_sync_to_async(self._hints)()
        except Exception as error:  # noqa: BLE001 - no hints now; the next heartbeat carries them
            log.info("hints_unknown", error=type(error).__name__)
            return
        if always or current != self.told:
            self.told = current
            await self.send(text_data=wire.dumps({"type": "hints", **current}).decode())

    def _hints(self) -> dict:
        return camelized(hints.current(selectors.plain_node(self.node_id)))

    async def refuse(self, error: ApiError) -> None:
        """Say why, close with the matching code, and let the audit know."""
        metrics.AGENT_REFUSALS.labels(error.code).inc()
        await self.send(text_data=wire.dumps({"type": "error", **error.body()}).decode())
        await self.close(close_code(error), error.code)
        await database_sync_to_async(self._report)(error)

    def _report(self, error: ApiError) -> None:
        request = request_of(self.scope)
        ip = context.resolve_address(request.META["REMOTE_ADDR"], request.META["HTTP_X_FORWARDED_FOR"])
        facts = context.RequestContext(request_id=context.current().request_id, method="WS", route="/ws/node", ip=ip, actor=self.actor)
        with context.use(facts):
            ports.refused(error, None, None)
