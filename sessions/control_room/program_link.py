"""The program link: whoever has it sees program, and nothing else (04 §3). Derived like a role invite; off until a director first rotates it."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audit.services import snapshot
from config.kernel import clock, credentials
from config.kernel.access import Actor, Kind, Perm, ports
from config.kernel.credentials import Minted
from config.kernel.errors import ApiError, FieldError
from operators.console import links, room
from operators.console.identity import operator_of
from operators.console.models import ControlRoom
from sessions import verbs
from sessions.control_room import shapes
from sessions.control_room.models import ProgramLink

TOKEN_PREFIX = "tr_pgm_"
LONGEST = timedelta(days=90)


def open(token: str) -> ProgramLink:  # noqa: A001 - what it does with a link
    """The link of a token that opens it. ApiError not_found (unknown), link_expired (rotated, off or past its time)."""
    if credentials.prefix_of(token) != TOKEN_PREFIX:
        raise ApiError("not_found")
    digest = credentials.digest(token)
    link = ProgramLink.objects.select_related("control_room").filter(Q(digest=digest) | Q(past__contains=[digest])).first()
    if link is None:
        raise ApiError("not_found")
    if bytes(link.digest) != digest or not link.enabled or (link.expires_at is not None and link.expires_at <= clock.now()):
        raise ApiError("link_expired")
    return link


def actor_of_token(token: str) -> Actor:
    """The credential port of `tr_pgm_`, which no route takes as a bearer. ApiError credential_invalid, credential_expired."""
    try:
        link = open(token)
    except ApiError as error:
        raise ApiError("credential_expired" if error.code == "link_expired" else "credential_invalid") from error
    return Actor(kind=Kind.PROGRAM, id=str(link.pk), label="program link", credential_prefix=f"{TOKEN_PREFIX}…{link.last_four}", subject=link)


def show(*, actor: Actor) -> dict:
    """`{enabled, url, token, generation, expiresAt}`; url and token null while it is off, or was made under another SECRET_KEY. Audited."""
    link = _of(room.main())
    shown = _shape(link)
    if shown["token"]:
        ports.record(
            verbs.PROGRAM_LINK_SHOWN, actor=actor, outcome="allowed", permission=Perm.CONTROL_ROOM_DIRECT, details={"generation": link.generation}
        )
    return shown


@transaction.atomic
def rotate(*, actor: Actor, expires_at=None) -> dict:
    """On, with another token; the old one and its sockets end. FieldError `expiresAt`."""
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise FieldError("expiresAt", "in_past", "The link would have expired already.")
    if expires_at is not None and expires_at > now + LONGEST:
        raise FieldError("expiresAt", "too_late", "A link lasts at most 90 days.")
    where = room.locked()
    link = _of(where)
    before = snapshot(link)
    if link.digest is not None:
        link.past = [*link.past, bytes(link.digest)]
    link.generation += 1
    minted = _derived(link)
    link.digest, link.last_four, link.enabled, link.expires_at = minted.digest, minted.last_four, True, expires_at
    _store(where, link, verbs.PROGRAM_LINK_ROTATED, actor, before)
    return _shape(link)


@transaction.atomic
def close(*, actor: Actor) -> None:
    """Off; its sockets end. Again: nothing."""
    where = room.locked()
    link = _of(where)
    if link.enabled:
        before = snapshot(link)
        link.enabled = False
        _store(where, link, verbs.PROGRAM_LINK_CLOSED, actor, before)


def path_of(token: str) -> str:
    return f"/program/{token}"


def _of(where: ControlRoom) -> ProgramLink:
    found = ProgramLink.objects.filter(control_room=where).first() if where.created_at else None
    return found or ProgramLink(control_room=where)


def _derived(link: ProgramLink) -> Minted:
    return links.derive(TOKEN_PREFIX, "program", link.control_room_id, link.generation)


def _store(where: ControlRoom, link: ProgramLink, verb: str, actor: Actor, before: dict) -> None:
    link.revision += 1
    link.save()
    subject = ("program_link", str(link.pk), "program link")
    facts = {"permission": Perm.CONTROL_ROOM_DIRECT, "before": before, "after": snapshot(link)}
    ports.record(verb, actor=actor, outcome="succeeded", subject=subject, **facts)
    room.changed(where, "programLink.changed", {"program_link": shapes.program_link(link)}, room.by(actor, operator_of(actor)))


def _shape(link: ProgramLink) -> dict:
    minted = _derived(link) if link.enabled else None
    token = minted.token if minted and minted.digest == bytes(link.digest) else None
    return {
        "enabled": link.enabled,
        "url": f"{settings.PUBLIC_ORIGIN}{path_of(token)}" if token else None,
        "token": token,
        "generation": link.generation,
        "expires_at": link.expires_at,
    }
