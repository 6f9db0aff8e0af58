"""The only way to unlink: a row first, then the rename into trash; after 24 h the unlink, then the rows. A crash leaves work, no lie."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError

from config.kernel import clock
from config.kernel.access import Actor, Perm, ports, system
from config.kernel.errors import ApiError
from config.kernel.tasks import after_commit, queued
from recordings import live, trail, verbs
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE as ACTIVE_JOBS
from recordings.library import status, storage, tracks
from recordings.library.models import MediaGrant, Recording, RecordingFile
from recordings.library.states import TERMINAL, CacheState, FileState
from recordings.locks import patient
from recordings.replay.models import ReplayClip
from recordings.replay.states import OPEN as OPEN_CLIPS
from recordings.retention.models import Disposal
from recordings.retention.states import Cause, DisposalState, Facts, person_blocker
from recordings.uploads import storing

log = structlog.get_logger("retention")


def facts(recording: Recording) -> Facts:
    """What the predicates look at."""
    own_job = Job.objects.filter(recording=recording, status__in=ACTIVE_JOBS).exists()
    file = recording.primary_file
    return Facts(
        terminal=recording.status in TERMINAL and not own_job,
        held=recording.legal_hold,
        preserved_until=recording.preserved_until,
        tags=frozenset(recording.tag_keys),
        open_grants=MediaGrant.objects.filter(recording=recording, expires_at__gt=clock.now()).count(),
        open_clips=ReplayClip.objects.filter(recording_id=recording.pk, status__in=OPEN_CLIPS).count(),
        cached_at=file.stored_at if file else None,
    )


def trash(*, actor: Actor, recordings: list[Recording], reason: str = "") -> None:
    """A person's delete of all of these or of none. ApiError not_found, recording_active, legal_hold, upload_in_progress."""
    with patient():
        locked = _lock([recording.pk for recording in recordings])
        if len(locked) < len(recordings):
            raise ApiError("not_found")
        failures = [(row, code) for row in locked if row.deleted_at is None and (code := person_blocker(facts(row)))]
        if failures:
            raise ApiError(failures[0][1], data={"failures": [{"id": str(row.pk), "code": code} for row, code in failures]})
        for recording in locked:
            if recording.deleted_at is None:
                _trash_one(actor, recording, reason)


def _lock(recording_ids: list) -> list[Recording]:
    """Those of these recordings that are still there, locked after their jobs: whoever retries, reports or stores holds the job first."""
    list(Job.objects.select_for_update().filter(recording_id__in=recording_ids).order_by("pk").values_list("pk"))
    rows = Recording.objects.select_for_update(of=("self",)).select_related("primary_file")
    return list(rows.filter(pk__in=recording_ids).order_by("pk"))


def _lock_one(recording_id) -> Recording | None:
    return next(iter(_lock([recording_id])), None)


def _trash_one(actor: Actor, recording: Recording, reason: str) -> None:
    now = clock.now()
    files = list(recording.files.exclude(state=FileState.GONE))
    before = trail.snapshot(recording)
    if not files:
        trail.of_recording(verbs.RECORDING_REMOVED, recording, actor=actor, permission=Perm.RECORDING_DELETE, before=before, reason=reason or None)
        _manifest(actor, recording, None, reason, now, state=DisposalState.UNLINKED, ended_at=now)
        _remove_rows(recording)
        return
    for file in files:
        _manifest(actor, recording, file, reason, now, state=DisposalState.TRASHED, unlink_after=now + timedelta(seconds=settings.TRASH_SECONDS))
    RecordingFile.objects.filter(pk__in=[file.pk for file in files]).update(state=FileState.TRASHED)
    status.change(recording, deleted_at=now, expires_at=None, cache_state=CacheState.MISSING)
    MediaGrant.objects.filter(recording=recording).delete()
    trail.of_recording(
        verbs.RECORDING_TRASHED,
        recording,
        actor=actor,
        permission=Perm.RECORDING_DELETE,
        before=before,
        after=trail.snapshot(recording),
        reason=reason or None,
    )
    live.changed(recording)
    after_commit(move_trashed, str(recording.pk))


@queued("retention.move_trashed", queue="storage")
def move_trashed(recording_id: str) -> None:
    """Rename a deleted recording's files at once; `retention.run` does it if this message is lost."""
    if storage.is_ready():
        move_owed(recording_id)


def _manifest(actor: Actor, recording: Recording, file: RecordingFile | None, reason: str, now, **columns) -> Disposal:
    made = Disposal(
        cause=Cause.PERSON,
        recording_id=recording.pk,
        recording_name=recording.name,
        node_id=recording.node_id,
        node_label=recording.node_label,
        file_id=file.pk if file else None,
        path=file.path if file else "",
        size=file.size if file else 0,
        sha256=file.sha256 if file else "",
        actor_kind=actor.kind,
        actor_id=actor.id or "",
        actor_label=actor.label,
        reason=reason,
        created_at=now,
        **columns,
    )
    if file is not None:
        made.trash_path = f"trash/{now:%Y-%m-%d}/{made.pk}"
    made.save(force_insert=True)
    return made


def restore(*, actor: Actor, recording: Recording) -> Recording:
    """Out of the trash, files back where they lay. ApiError not_found, not_in_trash, not_ready (the media root is away)."""
    if not storage.is_ready():
        raise ApiError("not_ready", "The media storage is not there. Nothing can be restored now.", headers={"Retry-After": "30"})
    with patient():
        row = _lock_one(recording.pk)
        if row is None:
            raise ApiError("not_found")
        if row.deleted_at is None:
            raise ApiError("not_in_trash")
        before = trail.snapshot(row)
        for disposal in _own(row.pk).select_for_update():
            _put_back(disposal)
        status.change(row, deleted_at=None)
        storing.choose_primary(row)
        trail.of_recording(verbs.RECORDING_RESTORED, row, actor=actor, permission=Perm.RECORDING_DELETE, before=before, after=trail.snapshot(row))
        live.changed(row)
    return row


def _put_back(disposal: Disposal) -> None:
    """A rename on one file system: quick enough for the transaction, and repeated harmlessly by the next restore."""
    try:
        storage.move(disposal.trash_path, disposal.path)
    except FileNotFoundError:
        if not storage.is_there(disposal.path, disposal.size):
            RecordingFile.objects.filter(pk=disposal.file_id).update(state=FileState.MISSING)
            Disposal.objects.filter(pk=disposal.pk).update(state=DisposalState.CANCELLED, ended_at=clock.now())
            return
    except FileExistsError:
        storage.unlink(disposal.trash_path)
    storage.write_etag(disposal.path, disposal.sha256)
    RecordingFile.objects.filter(pk=disposal.file_id).update(state=FileState.PRESENT)
    Disposal.objects.filter(pk=disposal.pk).update(state=DisposalState.CANCELLED, ended_at=clock.now())


def move_owed(recording_id=None) -> int:
    """Rename into trash what is marked for it; ENOENT after a crash is done."""
    owed = Disposal.objects.filter(state=DisposalState.TRASHED, moved_at=None).exclude(trash_path="")
    if recording_id is not None:
        owed = owed.filter(recording_id=recording_id)
    return _each(owed, _move)


def _each(rows, act) -> int:
    """`act(row)` for each disposal, in a transaction of its own; one that fails waits for the next pass and holds up no other."""
    done = 0
    for row in list(rows[:200]):
        try:
            with patient():
                done += act(row)
        except (DatabaseError, OSError) as error:
            log.warning("disposal_set_aside", disposal=str(row.pk), error=str(error).splitlines()[0])
    return done


def _locked(row: Disposal) -> Disposal | None:
    """The disposal, locked; None if it left the trash meanwhile."""
    return Disposal.objects.select_for_update().filter(pk=row.pk, state=DisposalState.TRASHED).first()


def _move(row: Disposal) -> bool:
    disposal = _locked(row)
    if disposal is None or disposal.moved_at:
        return False
    try:
        storage.move(disposal.path, disposal.trash_path)
        storage.unlink(f"{disposal.path}.etag")
    except FileExistsError:
        storage.unlink(disposal.path)
    except FileNotFoundError:
        pass  # Moved before a crash, or gone already: the row says so from here on.
    disposal.moved_at = clock.now()
    disposal.save(update_fields=["moved_at"])
    return True


def unlink_due() -> int:
    """Unlink what lay in trash for its time; the last file takes the recording's rows along."""
    return _each(_due(Cause.PERSON), _unlink)


def _due(cause: Cause):
    return Disposal.objects.filter(state=DisposalState.TRASHED, cause=cause, unlink_after__lte=clock.now()).exclude(moved_at=None)


def _unlink(row: Disposal) -> bool:
    recording = _lock_one(row.recording_id)
    disposal = _locked(row)
    if disposal is None or (recording is not None and (recording.legal_hold or recording.deleted_at is None)):
        return False
    storage.unlink(disposal.trash_path)
    Disposal.objects.filter(pk=row.pk).update(state=DisposalState.UNLINKED, ended_at=clock.now())
    RecordingFile.objects.filter(pk=disposal.file_id).update(state=FileState.GONE)
    if recording is not None and not _own(row.recording_id).exists():
        trail.of_recording(
            verbs.RECORDING_REMOVED, recording, actor=_on_behalf(disposal), permission=Perm.RECORDING_DELETE, before=trail.snapshot(recording)
        )
        _remove_rows(recording)
    return True


def _own(recording_id):
    """What lies in trash of a recording itself; its clips come and go by themselves."""
    return Disposal.objects.filter(recording_id=recording_id, state=DisposalState.TRASHED).exclude(cause=Cause.CLIP)


def clip_is_held(clip: ReplayClip) -> bool:
    """A hold on a recording holds its clips."""
    return Recording.objects.filter(pk=clip.recording_id, legal_hold=True).exists()


def trash_clip(*, actor: Actor, clip: ReplayClip, reason: str) -> None:
    """The manifest of a clip's file, which waits for its day in the trash. The caller holds the clip's row and asked whether it is held."""
    now = clock.now()
    made = Disposal(
        cause=Cause.CLIP,
        recording_id=clip.recording_id,
        recording_name=clip.name,
        file_id=clip.pk,
        path=clip.path,
        size=clip.size or 0,
        sha256=clip.sha256,
        actor_kind=actor.kind,
        actor_id=actor.id or "",
        actor_label=actor.label,
        reason=reason,
        created_at=now,
        unlink_after=now + timedelta(seconds=settings.TRASH_SECONDS),
    )
    if clip.path:
        made.trash_path = f"trash/{now:%Y-%m-%d}/{made.pk}"
    else:
        # Nothing to rename; the row goes with the next round.
        made.moved_at = now
    made.save(force_insert=True)
    if clip.path:
        after_commit(move_trashed, str(clip.recording_id))


def unlink_clips_due() -> int:
    """Unlink clips that lay in trash for their time, and forget their rows; one that is held by now stays."""
    return _each(_due(Cause.CLIP), _unlink_clip)


def _unlink_clip(row: Disposal) -> bool:
    clip = ReplayClip.objects.select_for_update(of=("self",)).filter(pk=row.file_id).first()
    disposal = _locked(row)
    if disposal is None or (clip is not None and clip_is_held(clip)):
        return False
    if disposal.trash_path:
        storage.unlink(disposal.trash_path)
    Disposal.objects.filter(pk=row.pk).update(state=DisposalState.UNLINKED, ended_at=clock.now())
    if clip is not None:
        facts = {"subject": ("replay_clip", clip.pk, clip.name), "permission": Perm.RECORDING_DELETE, "before": trail.snapshot(clip)}
        ports.record(verbs.CLIP_REMOVED, actor=_on_behalf(disposal), outcome="succeeded", **facts)
        clip.delete()
    return True


def _on_behalf(disposal: Disposal) -> Actor:
    return system("retention.run", on_behalf_of=(disposal.actor_kind, disposal.actor_id, disposal.actor_label))


def _remove_rows(recording: Recording) -> None:
    """The recording, its jobs, files and markers; what was computed from them goes as well. Other tracks keep their job."""
    pk = recording.pk
    tracks.bequeath(recording)
    Recording.objects.filter(pk=pk).delete()
    storage.discard_derived(pk)
    live.removed(pk)
