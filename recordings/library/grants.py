"""Links to bytes: stored, for one caller, with an end; the caller's own credential is asked again at every use."""

from datetime import timedelta

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from recordings import trail, verbs
from recordings.library import actions
from recordings.library.models import MediaGrant, Recording, RecordingFile
from recordings.locks import patient

Purpose = MediaGrant.Purpose
LIFE = {Purpose.PLAYBACK: timedelta(hours=4), Purpose.DOWNLOAD: timedelta(minutes=10)}
LIMITS = {Purpose.PLAYBACK: 20, Purpose.DOWNLOAD: 50}
_PERMISSION = {Purpose.PLAYBACK: Perm.RECORDING_PLAYBACK, Purpose.DOWNLOAD: Perm.RECORDING_DOWNLOAD}
_VERB = {Purpose.PLAYBACK: verbs.PLAYBACK_GRANTED, Purpose.DOWNLOAD: verbs.DOWNLOAD_GRANTED}


def make(*, actor: Actor, recording: Recording, purpose: str, file_id=None) -> MediaGrant:
    """A new link. ApiError reference_not_found (fileId), recording_not_cached, recording_unplayable, rendition_pending, concurrency_limit_reached."""
    file = actions.cached_file(recording, file_id)
    if file_id is not None and file is None:
        raise ApiError("reference_not_found", data={"path": "fileId"})
    possible = actions.playback(recording, file) if purpose == Purpose.PLAYBACK else actions.download(recording, file)
    possible.demand()
    with patient():
        _demand_room(actor, purpose)
        now = clock.now()
        grant = MediaGrant.objects.create(
            purpose=purpose,
            holder_kind=actor.kind,
            holder_id=actor.id,
            recording=recording,
            file=file,
            rendition=purpose == Purpose.PLAYBACK and actions.needs_rendition(file),
            created_at=now,
            expires_at=now + LIFE[purpose],
        )
        trail.of_recording(
            _VERB[purpose],
            recording,
            actor=actor,
            permission=_PERMISSION[purpose],
            outcome="allowed",
            details={"file_id": str(file.pk), "grant_id": str(grant.pk)},
        )
    return grant


def _demand_room(actor: Actor, purpose: str) -> None:
    open_ones = MediaGrant.objects.filter(holder_kind=actor.kind, holder_id=actor.id, purpose=purpose, expires_at__gt=clock.now())
    if open_ones.count() >= LIMITS[purpose]:
        raise ApiError("concurrency_limit_reached", data={"scope": purpose, "limit": LIMITS[purpose]}, headers={"Retry-After": "60"})


def find(*, actor: Actor, recording: Recording, purpose: str, grant_id) -> MediaGrant:
    """The caller's own link to this recording. ApiError not_found for another's or the other purpose, link_expired."""
    rows = MediaGrant.objects.select_related("file").filter(recording=recording, purpose=purpose, holder_kind=actor.kind, holder_id=actor.id)
    grant = rows.filter(pk=grant_id).first()
    if grant is None:
        raise ApiError("not_found")
    if grant.expires_at <= clock.now():
        raise ApiError("link_expired")
    return grant


def served(grant: MediaGrant) -> tuple[str, int, str, str]:
    """(path, size, sha256, MIME type) of what the link gives."""
    file: RecordingFile = grant.file
    if grant.rendition:
        return file.rendition_path, file.rendition_size, file.rendition_sha256, file.rendition_mime_type
    return file.path, file.size, file.sha256, file.mime_type
