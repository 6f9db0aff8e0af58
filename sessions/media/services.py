"""The verbs of a session's media: make its input, say who may publish and who may watch, take it away (05 §3, §5).

`open_input` runs outside any transaction of its caller: a provider is asked in the middle of it. `tear_down` belongs into the
transaction that ends the session.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from config.kernel import clock
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from config.kernel.sealing import seal, unseal
from config.kernel.tasks import after_commit
from sessions.field import states
from sessions.field.locking import locked
from sessions.media import provider, tokens
from sessions.media.models import MediaInput, MediaTeardown, ViewerToken
from sessions.media.states import InputState

log = structlog.get_logger("media")
TAKE_OVER = timedelta(seconds=15)
VIEW_SECONDS = 900
PROGRAM_VIEW_SECONDS = 60
# A token that is about to end is no help to the publisher who gets it.
_VIEW_REST = timedelta(seconds=300)
VIEWERS_LIMIT = 20
_SEAL = "media url"
_OWN_GROUP, PROGRAM_GROUP = "publisher", "program"


@dataclass(frozen=True)
class Edge:
    """Tokens valid at our own edge: to publish, and to watch until `view_expires_at`."""

    publish_token: str = field(repr=False)
    view_token: str = field(repr=False)
    view_expires_at: datetime


@dataclass(frozen=True)
class PublishAccess:
    """What the operator's side gets. `edge` is None where the provider has secrets of its own."""

    video_backend_ref: object
    whip_url: str = field(repr=False)
    whep_url: str | None = field(repr=False)
    edge: Edge | None = field(repr=False)


@dataclass(frozen=True)
class ViewerAccess:
    """What a viewer gets; `extra` for providers without WHEP (`{"livekit": {"url", "token"}}`)."""

    video_backend_ref: object
    whep_url: str | None = field(repr=False)
    expires_at: datetime
    extra: dict = field(default_factory=dict, repr=False)


def open_input(session) -> PublishAccess:
    """Make the session's input at the provider, once; a repeat gives the same URLs.

    ApiError start_in_progress (another start is at it), invalid_state (over meanwhile), provider_error, provider_unavailable,
    provider_timeout. Whatever step a crash hits, the next start or the orphan sweep repairs it.
    """
    row = _claim(session)
    if row.state != InputState.READY:
        adapter = provider.named(row.provider)
        try:
            made = adapter.create(str(row.pk), tokens.publish(row.pk).token)
        except ApiError:
            # The next start need not wait for this one.
            MediaInput.objects.filter(pk=row.pk, state=InputState.MINTING).update(minting_at=clock.now() - TAKE_OVER)
            raise
        row = _settle(session, row, made)
    return publish_access(session, media_input=row)


def _claim(session) -> MediaInput:
    """The row that is ours to make, or one that is made already; committed."""
    now = clock.now()
    try:
        with transaction.atomic():
            row = MediaInput.objects.select_for_update().filter(session_id=session.pk).first()
            if row is None:
                adapter = provider.current()
                # Known before there is a recording of that id: the first picture must not wait for its row.
                recording_id = uuid7() if session.record and adapter.capabilities.recording else None
                return MediaInput.objects.create(session_id=session.pk, provider=adapter.name, minting_at=now, recording_id=recording_id)
            if row.state in (InputState.CLOSING, InputState.GONE):
                raise _over(session)
            if row.state == InputState.MINTING:
                if row.minting_at > now - TAKE_OVER:
                    raise ApiError("start_in_progress", headers={"Retry-After": "1"})
                row.minting_at = now
                row.save(update_fields=["minting_at", "updated_at"])
            return row
    except IntegrityError as error:
        raise ApiError("start_in_progress", headers={"Retry-After": "1"}) from error


def _settle(session, row: MediaInput, made: provider.Input) -> MediaInput:
    """READY while the session is still ASSIGNED; else what was just made must go again."""
    own = provider.named(row.provider).capabilities.edge_tokens
    with transaction.atomic():
        found = locked(session.pk)
        changes = {
            "state": InputState.READY,
            "ref": made.ref,
            "publish_digest": tokens.publish(row.pk).digest if own else None,
            "whip_sealed": "" if own else seal(made.whip_url, _SEAL).decode(),
            "whep_sealed": "" if own or not made.whep_url else seal(made.whep_url, _SEAL).decode(),
            "ready_at": clock.now(),
        }
        waiting = MediaInput.objects.filter(pk=row.pk, state=InputState.MINTING)
        if found.state == states.SessionState.ASSIGNED and waiting.update(**changes, updated_at=clock.now(), revision=F("revision") + 1):
            row.refresh_from_db()
            return row
        row.refresh_from_db()
        if row.state == InputState.READY and found.state in states.SERVING:
            return row
        if not row.ref:
            MediaInput.objects.filter(pk=row.pk).update(ref=made.ref)
        tear_down(found)
    raise _over(found)


def _over(session) -> ApiError:
    return ApiError("invalid_state", data=states.refusal("start", session.state))


def media_started(session) -> bool:
    """Whether the session's input has its URLs."""
    return MediaInput.objects.filter(session_id=session.pk, state=InputState.READY).exists()


def ready_input(session) -> MediaInput:
    """The session's input; ApiError not_started while it has none."""
    row = MediaInput.objects.filter(session_id=session.pk, state=InputState.READY).first()
    if row is None:
        raise ApiError("not_started")
    return row


def publish_access(session, *, media_input: MediaInput | None = None) -> PublishAccess:
    """How the operator's side publishes: one URL for the life of the input. ApiError not_started."""
    row = media_input or ready_input(session)
    adapter = provider.named(row.provider)
    if not adapter.capabilities.edge_tokens:
        return PublishAccess(row.pk, _open(row.whip_sealed), _open(row.whep_sealed) or None, None)
    publish = tokens.publish(row.pk).token
    made, expires_at = _own_view(row)
    urls = adapter.urls(row.ref, publish)
    return PublishAccess(row.pk, urls.whip_url, adapter.viewer(row.ref, made).whep_url, Edge(publish, made, expires_at))


def _open(sealed: str) -> str:
    text = unseal(sealed.encode(), _SEAL) if sealed else ""
    if text is None:
        raise ApiError("provider_error", "The input's address can't be read: SECRET_KEY has changed since it was made.")
    return text


def _own_view(row: MediaInput) -> tuple[str, datetime]:
    """The publisher's own viewer token: said again as long as it has some time left, outside the twenty."""
    now = clock.now()
    known = ViewerToken.objects.filter(input=row, group=_OWN_GROUP, expires_at__gt=now + _VIEW_REST).order_by("-expires_at").first()
    if known is not None:
        return tokens.view(row.pk, known.pk, known.expires_at).token, known.expires_at
    return _mint_view(row, None, _OWN_GROUP, VIEW_SECONDS)


def _mint_view(row: MediaInput, workspace, group: str, seconds: int) -> tuple[str, datetime]:
    now = clock.now()
    # Whole milliseconds, so that the token's own time survives the database.
    expires_at = (now + timedelta(seconds=seconds)).replace(microsecond=now.microsecond // 1000 * 1000)
    made = ViewerToken(input=row, workspace=workspace, group=group, created_at=now, expires_at=expires_at)
    minted = tokens.view(row.pk, made.pk, expires_at)
    made.digest = minted.digest
    made.save(force_insert=True)
    return minted.token, expires_at


def viewer_access(session, workspace) -> ViewerAccess:
    """A new viewer's way in, for a member or key of `workspace` (None: an installation role).

    ApiError not_started, concurrency_limit_reached (twenty that can still connect, per workspace and session).
    """
    with transaction.atomic():
        row = MediaInput.objects.select_for_update().filter(session_id=session.pk, state=InputState.READY).first()
        if row is None:
            raise ApiError("not_started")
        live = ViewerToken.objects.filter(input=row, workspace=workspace, group__startswith="workspace", expires_at__gt=clock.now()).count()
        if live >= VIEWERS_LIMIT:
            raise ApiError("concurrency_limit_reached", data={"scope": "viewer_tokens", "limit": VIEWERS_LIMIT}, headers={"Retry-After": "60"})
        group = f"workspace:{workspace.pk if workspace else ''}"
        return _viewer(row, *_mint_view(row, workspace, group, VIEW_SECONDS))


def program_access(session) -> ViewerAccess:
    """A program link's viewer: a minute to connect, outside the twenty; kicked by `kick_program`. ApiError not_started."""
    row = ready_input(session)
    return _viewer(row, *_mint_view(row, None, PROGRAM_GROUP, PROGRAM_VIEW_SECONDS))


def _viewer(row: MediaInput, token: str, expires_at: datetime) -> ViewerAccess:
    adapter = provider.named(row.provider)
    if adapter.capabilities.edge_tokens:
        playback = adapter.viewer(row.ref, token)
        return ViewerAccess(row.pk, playback.whep_url, expires_at, playback.extra)
    playback = adapter.viewer(row.ref, None)
    return ViewerAccess(row.pk, playback.whep_url or _open(row.whep_sealed) or None, expires_at, playback.extra)


def kick_program(session) -> None:
    """Send the program links' viewers of this session away; their URLs are gone (404)."""
    row = MediaInput.objects.filter(session_id=session.pk, state=InputState.READY).first()
    if row is None:
        return
    ViewerToken.objects.filter(input=row, group=PROGRAM_GROUP).update(group=ViewerToken.SENT_AWAY)
    provider.named(row.provider).kick(row.ref, provider.Kick.VIEWERS, PROGRAM_GROUP)


def frame(session, *, max_width: int = 1280) -> bytes:
    """A JPEG of what the session shows now. ApiError frame_not_available (not LIVE, no keyframe yet, media lost), provider_timeout."""
    row = MediaInput.objects.filter(session_id=session.pk, state=InputState.READY).first()
    if row is None or not states.allows("frame", session.state):
        raise ApiError("frame_not_available")
    return provider.named(row.provider).frame(row.ref, max_width)


def tear_down(session) -> None:
    """Queue the removal of the session's input, in the transaction that ends the session; nothing to do where none was made."""
    row = MediaInput.objects.filter(session_id=session.pk).first()
    if row is None:
        return
    now = clock.now()
    MediaInput.objects.filter(pk=row.pk).update(state=InputState.CLOSING, gone_at=None, updated_at=now, revision=F("revision") + 1)
    # One that was done already, while a late create was on its way, is done again.
    MediaTeardown.objects.update_or_create(
        input=row, defaults={"next_at": now, "done_at": None, "tries": 0}, create_defaults={"next_at": now, "created_at": now}
    )
    from sessions.media.tasks import tear_down_due

    after_commit(tear_down_due)
