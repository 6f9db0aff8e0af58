"""WHIP (RFC 9725) and WHEP at the edge. The token in the path is the credential; what it opens is asked of `sessions.media.admission`."""

import secrets

import structlog
from aiohttp import web
from django.conf import settings

from sessions.media import admission
from sessions.media.edge import negotiation, replies
from sessions.media.edge.database import ask
from sessions.media.edge.registry import Registry

log = structlog.get_logger("media.http")
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
REGISTRY: web.AppKey[Registry] = web.AppKey("registry", Registry)
_RETRY_SECONDS = 5


def routes() -> list[web.RouteDef]:
    """Both protocols have the same resources: an endpoint to POST to, and what the POST made."""
    found = []
    for protocol, post in (("whip", publish), ("whep", view)):
        endpoint, resource = f"/{protocol}/{{token}}", f"/{protocol}/{{token}}/{{resource}}"
        found += [
            web.post(endpoint, post), web.options(endpoint, options), web.options(resource, options),
            web.patch(resource, patch), web.delete(resource, delete), web.delete(endpoint, delete),
        ]  # fmt: skip
    return found


@web.middleware
async def errors(request: web.Request, handler):
    """Every failure in the API's shape; what a far end sends never makes a 500 that it could not have avoided."""
    try:
        return await handler(request)
    except admission.Refused as refused:
        return replies.error(refused.code)
    except negotiation.Malformed as problem:
        return replies.error("validation_failed", str(problem))
    except negotiation.Unusable as problem:
        return replies.error("offer_unusable", str(problem))
    except negotiation.Stale:
        return replies.error("edit_conflict", "This ICE session is not the present one.")
    except admission.Unavailable:
        return replies.error("not_ready", retry_after=_RETRY_SECONDS)
    except web.HTTPMethodNotAllowed as refusal:
        return replies.error("method_not_allowed", headers={"Allow": ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"} - {"HEAD"}))})
    except web.HTTPNotFound:
        return replies.error("not_found")
    except web.HTTPRequestEntityTooLarge:
        return replies.error("body_too_large")
    except (ConnectionError, UnicodeDecodeError):
        return replies.error("validation_failed", "The body could not be read.")
    except Exception:
        log.exception("media_request_failed", method=request.method)
        return replies.error("internal_error")


async def options(request: web.Request) -> web.Response:
    """What may be sent here; asked by browsers before a POST from another page, and by WHIP clients for the ICE servers."""
    headers = {"Accept-Post": SDP, "Accept-Patch": FRAGMENT, "Allow": "POST, PATCH, DELETE, OPTIONS"}
    return _linked(web.Response(status=204, headers=replies.open_to_all(headers)))


def _linked(response: web.Response) -> web.Response:
    for link in negotiation.links():
        response.headers.add("Link", link)
    return response


async def _offer(request: web.Request, content_type: str) -> str:
    if request.content_type != content_type:
        raise _Unsupported(content_type)
    text = await request.text()
    if not text.strip():
        raise negotiation.Malformed("The body is empty.")
    return text


class _Unsupported(Exception):
    """415, with what would be read."""


async def publish(request: web.Request) -> web.Response:
    registry = request.app[REGISTRY]
    try:
        offer = await _offer(request, SDP)
    except _Unsupported:
        return replies.error("unsupported_media_type", headers={"Accept-Post": SDP})
    admitted = await ask(admission.publisher, request.match_info["token"])
    channel = registry.ensure(admitted.ref, admitted.digest, admitted.session_id, admitted.take)
    if registry.closing or (channel.publisher is None and registry.publishers() >= settings.MEDIA_MAX_PUBLISHERS):
        return replies.error("busy", "This media server is full.", retry_after=_RETRY_SECONDS)
    made, answer = await channel.publish(secrets.token_urlsafe(18), offer)
    log.info("publisher", input=channel.ref)
    return _created(request, made, answer)


async def view(request: web.Request) -> web.Response:
    registry = request.app[REGISTRY]
    try:
        offer = await _offer(request, SDP)
    except _Unsupported:
        return replies.error("unsupported_media_type", headers={"Accept-Post": SDP})
    admitted = await ask(admission.viewer, request.match_info["token"])
    channel = registry.channels.get(admitted.ref)
    if channel is None or channel.publisher is None or not channel.publisher.codec:
        return replies.error("no_publisher", retry_after=1)
    if registry.closing or registry.viewers() >= settings.MEDIA_MAX_VIEWERS:
        return replies.error("busy", "This media server is full.", retry_after=_RETRY_SECONDS)
    made, answer = await channel.view(secrets.token_urlsafe(18), admitted.group, offer)
    return _created(request, made, answer)


def _created(request: web.Request, made, answer: str) -> web.Response:
    headers = {"Location": f"{request.path.rstrip('/')}/{made.resource}", "ETag": made.etag, "Accept-Patch": FRAGMENT}
    return _linked(web.Response(status=201, text=answer, content_type=SDP, headers=replies.open_to_all(headers)))


def _peer(request: web.Request):
    """(channel, the publisher or viewer of the path); HTTPNotFound if it is gone or another's.

    The resource's name is random and never told to anyone else; it must still lie under the token that made it.
    """
    registry, name = request.app[REGISTRY], request.match_info.get("resource")
    whip = request.path.startswith("/whip/")
    for channel in registry.channels.values():
        if whip and channel.publisher is not None and channel.publisher.resource == name:
            if admission.is_publish_token_of(request.match_info["token"], channel.ref):
                return channel, channel.publisher
        elif not whip and name in channel.viewers:
            return channel, channel.viewers[name]
    raise web.HTTPNotFound


async def patch(request: web.Request) -> web.Response:
    if request.content_type != FRAGMENT:
        return replies.error("unsupported_media_type", headers={"Accept-Patch": FRAGMENT})
    _, peer = _peer(request)
    await peer.trickle(await request.text(), request.headers.get("If-Match"))
    return web.Response(status=204, headers=replies.open_to_all({"ETag": peer.etag}))


async def delete(request: web.Request) -> web.Response:
    """The publisher or viewer leaves. On the endpoint itself there is nothing to delete."""
    if "resource" not in request.match_info:
        return replies.error("method_not_allowed", headers={"Allow": "POST, OPTIONS"})
    channel, peer = _peer(request)
    if request.path.startswith("/whip/"):
        await channel.unpublish(peer)
    else:
        await channel.unview(peer.resource)
    return web.Response(status=200, headers=replies.open_to_all())
