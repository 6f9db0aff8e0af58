"""`/ws`: one socket that follows topics (02 "Live").

Client → server: `{"type": "authenticate", "token"}` (API clients that cannot set a header), `subscribe {topic, after?}`, `unsubscribe {topic}`,
`ping`. Server → client: `snapshot`, `event` (with `prevSeq`, the number of the event before it that this reader may see), `unsubscribed {topic,
code}`, `error {code, message, data?}`, `pong`, and binary meter messages.
"""

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import HttpRequest

from config.kernel import authentication, clock, context, versions, wire
from config.kernel.access import ANONYMOUS, Actor, Kind, ports
from config.kernel.errors import ApiError, from_exception
from config.kernel.live.feed import feed
from config.kernel.live.sink import buffered_bytes
from config.kernel.live.subscription import Subscription
from config.kernel.realtime import topic_for

log = structlog.get_logger("live")
CLOSE_CODES = {401: 4401, 403: 4403, 404: 4404, 409: 4409, 429: 4429, 500: 4500}
_TEXT_LIMIT = 64 * 1024
_TOPIC_LIMIT = 64
_BUFFER_LIMIT_BYTES = 4 * 1024 * 1024
_RESOLVE_EVERY_SECONDS = 30
_RESOLVE_WITHOUT_EPOCH_SECONDS = 4
_ACCEPTED = {Kind.USER, Kind.API_KEY, Kind.CONSOLE_OPERATOR}


def close_code(error: ApiError) -> int:
    """The socket's close code for an error's status."""
    return CLOSE_CODES.get(error.status, 4400 if error.status < 500 else 4500)


def origin_is_ours(headers: dict[bytes, bytes]) -> bool:
    """Browsers always send an Origin on sockets; it must be this very site. Programs send none."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not origin:
        return True
    host = headers.get(b"host", b"").decode("latin-1")
    return origin in {settings.PUBLIC_ORIGIN, *settings.CSRF_TRUSTED_ORIGINS} or urlsplit(origin).netloc == host


def request_of(scope) -> HttpRequest:
    """A Django request with just what authentication reads: headers, cookies, address."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    request = HttpRequest()
    request.method = "GET"
    request.META["HTTP_AUTHORIZATION"] = headers.get(b"authorization", "")
    request.META["REMOTE_ADDR"] = (scope.get("client") or [""])[0]
    request.META["HTTP_X_FORWARDED_FOR"] = headers.get(b"x-forwarded-for", "")
    request.META["HTTP_USER_AGENT"] = headers.get(b"user-agent", "")[:256]
    for part in headers.get(b"cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            request.COOKIES[name] = value
    engine = __import__(settings.SESSION_ENGINE, fromlist=["SessionStore"])
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return request


def _resolve(scope, token: str | None) -> Actor:
    return authentication.actor_for_token(token) if token else authentication.resolve(request_of(scope))


class LiveConsumer(AsyncWebsocketConsumer):
    """See the module."""

    log = log

    async def connect(self):
        self.subscriptions: dict[str, Subscription] = {}
        self.actor: Actor = ANONYMOUS
        self.token: str | None = None
        self.version = versions.current()
        self.open = False
        self.watchdog: asyncio.Task | None = None
        headers = dict(self.scope["headers"])
        await self.accept()
        self.open = True
        try:
            if not origin_is_ours(headers):
                raise ApiError("permission_denied", "This page is not part of this control room.")
            self.actor = await database_sync_to_async(_resolve)(self.scope, None)
            self._check_kind()
            query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
            asked = headers.get(b"operator-version", b"").decode("latin-1") or (query.get("version") or [None])[0]
            self.version = versions.resolve(asked, self.actor.pinned_version)
        except Exception as error:  # noqa: BLE001 - every refusal is said on the socket before it closes
            known = from_exception(error)
            await self._report(known)
            await self.refuse(known)
            return
        self.watchdog = asyncio.create_task(self._watch_access())

    def _check_kind(self) -> None:
        if not self.actor.is_anonymous and self.actor.kind not in _ACCEPTED:
            raise ApiError("credential_not_accepted", data={"kind": self.actor.kind.value, "accepted": sorted(_ACCEPTED)})
        if self.actor.must_change_password:
            raise ApiError("password_change_required")

    async def disconnect(self, code):
        self.open = False
        if self.watchdog is not None:
            self.watchdog.cancel()
        for subscription in self.subscriptions.values():
            subscription.close()
        self.subscriptions.clear()

    async def receive(self, text_data=None, bytes_data=None):
        if not self.open:
            return
        try:
            if text_data is None or len(text_data) > _TEXT_LIMIT:
                raise ApiError("validation_failed", "Send JSON text of at most 64 KiB.")
            try:
                message = wire.loads(text_data)
            except ValueError as error:
                raise ApiError("validation_failed", str(error)) from error
            if not isinstance(message, dict):
                raise ApiError("validation_failed", "Send a JSON object with a type.")
            await self._handle(message)
        except Exception as error:  # noqa: BLE001 - a message must never end the socket without a word
            known = from_exception(error)
            await self._report(known)
            if known.status in {401, 500} or known.code == "validation_failed":
                await self.refuse(known)
            else:
                topic = message.get("topic") if isinstance(message, dict) else None
                await self.send_json({"type": "error", **({"topic": topic} if isinstance(topic, str) else {}), **known.body()})

    async def _handle(self, message: dict) -> None:
        match message.get("type"):
            case "ping":
                await self.send_json({"type": "pong"})
            case "authenticate":
                await self._authenticate(message)
            case "subscribe":
                await self._subscribe(message)
            case "unsubscribe":
                if subscription := self.subscriptions.pop(str(message.get("topic")), None):
                    subscription.close()
            case _:
                raise ApiError("validation_failed", "The type must be subscribe, unsubscribe, authenticate or ping.")

    async def _authenticate(self, message: dict) -> None:
        token = message.get("token")
        if not isinstance(token, str):
            raise ApiError("credential_invalid")
        self.actor = await database_sync_to_async(_resolve)(self.scope, token)
        self._check_kind()
        self.token = token
        await self.send_json({"type": "authenticated", "kind": self.actor.kind.value})

    async def _subscribe(self, message: dict) -> None:
        name, after = message.get("topic"), message.get("after")
        if not isinstance(name, str) or (after is not None and (not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**63)):
            raise ApiError("validation_failed", "subscribe needs a topic, and after is a number.")
        if self.actor.is_anonymous:
            raise ApiError("not_authenticated")
        found = topic_for(name)
        if found is None:
            raise ApiError("not_found", "There is no such topic here.")
        if len(self.subscriptions) >= _TOPIC_LIMIT:
            raise ApiError("concurrency_limit_reached", data={"scope": "socket", "limit": _TOPIC_LIMIT})
        if old := self.subscriptions.pop(name, None):
            old.close()
        subscription = Subscription(self, name, *found)
        await subscription.open(after)
        self.subscriptions[name] = subscription

    async def _watch_access(self) -> None:
        """Revoked and expired credentials, roles, grants and policies reach this socket within 5 s."""
        # Also where only meters are followed, which need no feed: without the epoch each socket would ask the database every few seconds.
        feed().start()
        seen, resolved_at = feed().epoch, asyncio.get_running_loop().time()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(feed().moved.wait(), 1)
            if buffered_bytes(self.base_send) > _BUFFER_LIMIT_BYTES:
                await self.close(4429, "slow_consumer")
                return
            epoch, now = feed().epoch, asyncio.get_running_loop().time()
            # The first value that this socket hears is where it starts from; a broker that was away changes nothing by coming back.
            changed = epoch is not None and seen is not None and epoch != seen
            seen = seen if epoch is None else epoch
            over = self.actor.until is not None and self.actor.until <= clock.now()
            if changed or over or now - resolved_at > (_RESOLVE_EVERY_SECONDS if epoch is not None else _RESOLVE_WITHOUT_EPOCH_SECONDS):
                resolved_at = now
                await self._ask_again(changed)

    async def _ask_again(self, changed: bool) -> None:
        try:
            if not self.actor.is_anonymous:
                self.actor = await database_sync_to_async(_resolve)(self.scope, self.token)
                if self.actor.is_anonymous:
                    raise ApiError("credential_revoked")
        except ApiError as error:
            await self.refuse(error)
            return
        except Exception as error:  # noqa: BLE001 - cannot ask now (database away): keep what was granted, ask again in a second
            log.info("access_unknown", error=type(error).__name__)
            return
        for name, subscription in list(self.subscriptions.items()) if changed else ():
            try:
                await subscription.refresh()
            except ApiError as error:
                await self.drop(name, error)

    async def drop(self, name: str, error: ApiError) -> None:
        """End one subscription and say why."""
        if subscription := self.subscriptions.pop(name, None):
            await self.send_json({"type": "unsubscribed", "topic": name, "code": error.code, "message": error.message})
            subscription.close()

    async def refuse(self, error: ApiError) -> None:
        """Say why, then close with the matching code."""
        for name in list(self.subscriptions):
            await self.drop(name, error)
        await self.send_json({"type": "error", **error.body()})
        # What is still under way from the client is not heard any more.
        self.open = False
        await self.close(close_code(error), error.code)

    async def _report(self, error: ApiError) -> None:
        ip = context.resolve_address((self.scope.get("client") or [""])[0], request_of(self.scope).META["HTTP_X_FORWARDED_FOR"])
        facts = context.RequestContext(request_id=context.current().request_id, method="WS", route="/ws", ip=ip, actor=self.actor)

        def write():
            with context.use(facts):
                ports.refused(error, None, None)

        await database_sync_to_async(write)()

    async def send_json(self, message: dict) -> None:
        if self.open:
            await self.send(text_data=wire.dumps(message).decode())

    async def send_binary(self, message: bytes) -> None:
        if self.open:
            await self.send(bytes_data=message)
