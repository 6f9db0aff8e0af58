"""Play, pause and stop: clips are ours, the channel is the production's (04 §3)."""

from uuid import UUID

from django.db import transaction

from config.kernel.access import Actor
from config.kernel.errors import ApiError
from operators.console import room
from recordings.library import serving
from recordings.replay import clips
from recordings.replay.models import ReplayClip
from sessions.control_room import desk, replay_channel, sources
from sessions.control_room.replay_channel import pause, stop
from sessions.control_room.states import REPLAY

__all__ = ["on_program", "pause", "play", "sendable", "stop"]


@transaction.atomic
def play(*, actor: Actor, clip_id: UUID | None = None, rate: float | None = None, from_ms: int | None = None) -> dict:
    """Load a clip and play it, or go on with the one loaded. ApiError reference_not_found, clip_not_ready, replay_empty, clip_out_of_range,
    subsystem_locked."""
    if clip_id is None:
        return replay_channel.resume(actor=actor, rate=rate, from_ms=from_ms)
    # Held: what is being loaded is not thrown away meanwhile.
    clip = clips.clips().select_for_update(of=("self",)).filter(pk=clip_id).first()
    if clip is None or not sources.in_reach(room.main()).filter(pk=clip.session_id).exists():
        raise ApiError("reference_not_found", data={"path": "clipId"}, about=[("replay_clip", clip_id)])
    clips.demand_ready(clip)
    loaded = replay_channel.Clip(clip.pk, clip.session_id, clip.name, clip.duration_ms, clip.play_from_ms)
    return replay_channel.load_and_play(actor=actor, clip=loaded, rate=1.0 if rate is None else rate, from_ms=from_ms or 0)


def on_program() -> ReplayClip:
    """The clip that program shows. ApiError not_found."""
    where = room.main()
    loaded = replay_channel.loaded_clip() if desk.production_of(where).program_source == REPLAY else None
    clip = ReplayClip.objects.filter(pk=loaded).exclude(path="").first() if loaded else None
    if clip is None:
        raise ApiError("not_found")
    return clip


def sendable(clip: ReplayClip) -> serving.Sendable:
    """The bytes of a clip. ApiError clip_not_ready."""
    clips.demand_ready(clip)
    return serving.Sendable(clip.path, clip.size, clip.sha256, clip.mime_type, serving.name_for(clip.name, clip.path))
