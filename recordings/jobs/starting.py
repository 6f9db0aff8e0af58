"""Start a capture on a node: a recording and its first job, queued in one transaction under the node's row lock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from nodes.fleet import hints
from recordings import live, trail, verbs
from recordings.jobs import command, demands, locking
from recordings.jobs.models import Job
from recordings.library import text
from recordings.library.models import Recording
from recordings.library.states import Source
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind

EARLY = timedelta(seconds=60)


@dataclass(frozen=True)
class Wish:
    """What a person asks for; everything but the node may be left open."""

    node_id: UUID
    name: str = ""
    folder: str = ""
    tags: list[str] = field(default_factory=list)
    duration_seconds: int | None = None
    profile: RecordingProfile | None = None
    upload_policy_id: UUID | None = None
    retention_policy_id: UUID | None = None
    interface_id: UUID | None = None
    backend: str | None = None


def start(*, actor: Actor, wish: Wish) -> tuple[Recording, Job]:
    """Queue an ad-hoc recording.

    ApiError reference_not_found, node_retired, node_offline, active_recording_job_exists, interface_unavailable, profile_disabled,
    codec_channel_limit, storage_full.
    """
    with patient():
        node = locking.node(wish.node_id)
        profile = wish.profile or default_profile()
        if profile.kind != MediaKind.AUDIO:
            raise ApiError("reference_not_found", data={"path": "recordingProfileId"})
        if wish.interface_id is not None and not node.interfaces.filter(pk=wish.interface_id).exists():
            raise ApiError("reference_not_found", data={"path": "captureInterfaceId"})
        if refusal := demands.node_refusal(node):
            raise refusal
        interface = command.choose_interface(node, interface_id=wish.interface_id, backend=wish.backend)
        if not profile.enabled:
            raise ApiError("profile_disabled")
        order = command.build(node, interface, profile)
        if refusal := demands.storage_refusal():
            raise refusal
        recording = _recording(actor, wish, node, interface, profile)
        job = queue(recording, node=node, order=order, start_at=recording.planned_start_at, end_at=recording.planned_end_at)
        trail.of_recording(
            verbs.RECORDING_STARTED, recording, actor=actor, permission=Perm.RECORDING_CREATE, job_id=job.pk, after=trail.snapshot(recording)
        )
        live.changed(recording)
        live.job_changed(job)
        hints.changed(node.pk)
    return recording, job


def default_profile() -> RecordingProfile:
    """The default one for audio; ApiError profile_disabled if somebody's SQL left none."""
    chosen = RecordingProfile.objects.filter(kind=MediaKind.AUDIO, is_default=True).first()
    if chosen is None:
        raise ApiError("profile_disabled", "There is no default profile. Name one, or make one the default.")
    return chosen


def queue(recording: Recording, *, node, order: dict, start_at: datetime, end_at: datetime | None, attempt: int = 1) -> Job:
    """A queued job for a recording on a node."""
    return Job.objects.create(
        recording=recording, node=node, attempt=attempt, command=order, not_before=start_at - EARLY, capture_start_at=start_at, capture_end_at=end_at
    )


def _recording(actor, wish: Wish, node, interface, profile) -> Recording:
    now = clock.now()
    made = Recording(
        source=Source.AD_HOC,
        name=wish.name or default_name(node, now),
        folder=wish.folder,
        tags=text.unique_tags(wish.tags),
        planned_start_at=now,
        planned_end_at=now + timedelta(seconds=wish.duration_seconds) if wish.duration_seconds else None,
        sort_at=now,
        node=node,
        node_label=node.alias,
        interface_id=interface.pk,
        interface_label=interface.label,
        profile=profile,
        profile_label=profile.name,
        upload_policy_id=wish.upload_policy_id,
        retention_policy_id=wish.retention_policy_id,
        created_by=actor.label,
    )
    made.track_group_id = made.pk if profile.max_track_seconds else None
    text.index(made)
    made.save(force_insert=True)
    return made


def default_name(node, at: datetime) -> str:
    """`Studio A 2026-05-13 08:42`, in the zone of the site."""
    return f"{node.alias} {at.astimezone(ZoneInfo(node.site.timezone)):%Y-%m-%d %H:%M}"
