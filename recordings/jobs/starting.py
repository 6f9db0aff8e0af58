"""Start a capture on a node: a recording and its first job, queued in one transaction under the node's row lock."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from nodes.fleet import hints
from nodes.fleet.models import Interface
from recordings import live, trail, verbs
from recordings.jobs import command, demands, locking
from recordings.jobs.models import Job
from recordings.library.models import Recording
from recordings.library.states import Source
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind
from recordings.wish import Wish

EARLY = timedelta(seconds=60)


def start(*, actor: Actor, node_id: UUID, wish: Wish, interface_id: UUID | None = None, backend: str | None = None) -> tuple[Recording, Job]:
    """Queue an ad-hoc recording.

    ApiError reference_not_found, node_retired, node_offline, active_recording_job_exists, interface_unavailable, profile_disabled,
    codec_channel_limit, storage_full.
    """
    with patient():
        node = locking.node(node_id)
        profile = wish.profile or default_profile()
        if profile.kind != MediaKind.AUDIO:
            raise ApiError("reference_not_found", data={"path": "recordingProfileId"})
        if interface_id is not None and not node.interfaces.filter(pk=interface_id).exists():
            raise ApiError("reference_not_found", data={"path": "captureInterfaceId"})
        interface, order = planned(node, profile=profile, interface_id=interface_id, backend=backend)
        recording = _recording(actor, wish, node, interface, profile)
        job = queue(recording, node=node, order=order, start_at=recording.planned_start_at, end_at=recording.planned_end_at)
        trail.of_recording(
            verbs.RECORDING_STARTED, recording, actor=actor, permission=Perm.RECORDING_CREATE, job_id=job.pk, after=trail.snapshot(recording)
        )
        live.changed(recording)
        live.job_changed(job)
        hints.changed(node.pk)
    return recording, job


def planned(node, *, profile: RecordingProfile, interface_id: UUID | None = None, backend: str | None = None) -> tuple[Interface, dict]:
    """What would be captured and how, or the first reason why nothing can: the write and `/actions` ask here. ApiError as `start`."""
    if refusal := demands.node_refusal(node):
        raise refusal
    interface = command.choose_interface(node, interface_id=interface_id, backend=backend)
    if not profile.enabled:
        raise ApiError("profile_disabled")
    order = command.build(node, interface, profile)
    if refusal := demands.storage_refusal():
        raise refusal
    return interface, order


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


def _recording(actor: Actor, wish: Wish, node, interface, profile: RecordingProfile) -> Recording:
    now, pk = clock.now(), uuid7()
    return wish.recording(
        id=pk,
        at=now,
        name=default_name(node, now),
        profile=profile,
        source=Source.AD_HOC,
        node=node,
        node_label=node.alias,
        interface_id=interface.pk,
        interface_label=interface.label,
        track_group_id=pk if profile.max_track_seconds else None,
        created_by=actor.label,
    )


def default_name(node, at: datetime) -> str:
    """`Studio A 2026-05-13 08:42`, in the zone of the site."""
    return f"{node.alias} {at.astimezone(ZoneInfo(node.site.timezone)):%Y-%m-%d %H:%M}"
