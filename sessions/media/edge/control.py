"""What the controller asks of this process, on loopback, under a secret of its own; the edge has no route here."""

from aiohttp import web

from sessions.media import tokens
from sessions.media.edge import replies
from sessions.media.edge.http import REGISTRY
from sessions.media.provider import Take
from sessions.media.states import Kick

FRAME_PATIENCE_SECONDS = 4
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/healthz", healthz),
        web.get("/control/inputs", listing),
        web.put("/control/inputs/{ref}", create),
        web.get("/control/inputs/{ref}", status),
        web.delete("/control/inputs/{ref}", delete),
        web.put("/control/inputs/{ref}/recording", record),
        web.post("/control/inputs/{ref}/kick", kick),
        web.get("/control/inputs/{ref}/frame", frame),
    ]


@web.middleware
async def guard(request: web.Request, handler):
    if request.path.startswith("/control/"):
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not tokens.same(secret, tokens.control()):
            return replies.error("credential_invalid")
    return await handler(request)


async def healthz(request: web.Request) -> web.Response:
    """Alive, and how busy: `{publishers, viewers, inputs}`."""
    registry = request.app[REGISTRY]
    return web.json_response({"publishers": registry.publishers(), "viewers": registry.viewers(), "inputs": len(registry.channels)})


async def listing(request: web.Request) -> web.Response:
    channels = request.app[REGISTRY].channels.values()
    return web.json_response([{"ref": channel.ref, "createdAt": channel.created_at, **channel.stats()} for channel in channels])


async def create(request: web.Request) -> web.Response:
    """`{digest, sessionId, take: {recording, until?}}`; the same again changes nothing."""
    try:
        body = await request.json()
        digest, session_id, take = bytes.fromhex(body["digest"]), str(body["sessionId"]), Take.read(body["take"])
    except _UNREADABLE:
        return replies.error("validation_failed")
    channel = request.app[REGISTRY].ensure(request.match_info["ref"], digest, session_id, take)
    return web.json_response({"ref": channel.ref}, status=201)


def _channel(request: web.Request):
    channel = request.app[REGISTRY].channels.get(request.match_info["ref"])
    if channel is None:
        raise web.HTTPNotFound
    return channel


async def status(request: web.Request) -> web.Response:
    return web.json_response({"ref": request.match_info["ref"], **_channel(request).stats()})


async def delete(request: web.Request) -> web.Response:
    """204, also where there is none."""
    await request.app[REGISTRY].drop(request.match_info["ref"])
    return web.Response(status=204)


async def record(request: web.Request) -> web.Response:
    """`{recording: id or null, until?: Unix seconds}`: record into this and nothing else. When it answers, what was recorded before is whole on
    disk; the same again changes nothing."""
    channel = _channel(request)
    try:
        take = Take.read(await request.json())
    except _UNREADABLE:
        return replies.error("validation_failed")
    await channel.record(take)
    return web.Response(status=204)


async def kick(request: web.Request) -> web.Response:
    """`{what: publisher|viewers|all, group?}`."""
    channel = _channel(request)
    try:
        body = await request.json()
        what, group = Kick(body["what"]), str(body.get("group", ""))
    except _UNREADABLE:
        return replies.error("validation_failed")
    await channel.kick(what.value, group)
    return web.Response(status=204)


async def frame(request: web.Request) -> web.Response:
    channel = _channel(request)
    width = request.query.get("maxWidth", "1280")
    if not width.isdecimal() or not 16 <= int(width) <= 4096:
        return replies.error("validation_failed")
    try:
        picture = await channel.jpeg(int(width), FRAME_PATIENCE_SECONDS)
    except TimeoutError:
        return replies.error("provider_timeout")
    if picture is None:
        return replies.error("frame_not_available")
    return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "no-store"})
