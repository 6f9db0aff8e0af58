"""What recordings tells the lower apps at start: kinds, ports, topic, status section, signals."""

from config.kernel import metrics, status
from config.kernel.access import Perm
from config.kernel.realtime import Topic, register_topic
from nodes.fleet.ports import ports as fleet_ports
from nodes.fleet.signals import heartbeat_received
from nodes.health.signals import health_event_changed
from operators.access import scopes
from recordings import live, ports
from recordings import metrics as recordings_metrics
from recordings.jobs import orphans
from recordings.jobs.models import Job
from recordings.library import health, overview, storage
from recordings.library.models import Marker, MediaGrant, Recording, RecordingFile, RecordingGroupGrant, RecordingUserGrant
from recordings.profiles.models import RecordingProfile
from recordings.replay import commands
from recordings.replay.models import ClipGrant, ReplayClip, ReplayMark
from recordings.retention.models import Disposal
from recordings.sessions import actions as session_actions
from recordings.sessions import listening
from recordings.uploads.models import IncomingFile
from sessions.field import actions as field_actions
from sessions.media.signals import input_gone, media_began, recording_settled


def connect() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    scopes.register_kind(
        "recording",
        Recording,
        ancestors={"node": "node_id", "schedule": "schedule_id", "session": "session_id"},
        grant_models=(RecordingUserGrant, RecordingGroupGrant),
    )
    scopes.register_kind("job", Job, ancestors={"recording": "recording_id", "node": "node_id"})
    for name, model in (("recording_file", RecordingFile), ("marker", Marker), ("media_grant", MediaGrant)):
        scopes.register_kind(name, model, ancestors={"recording": "recording_id"})
    scopes.register_kind("incoming_file", IncomingFile, ancestors={"job": "job_id"})
    # A clip outlives its recording; its session still says who may read it.
    scopes.register_kind("replay_clip", ReplayClip, ancestors={"recording": "recording_id", "session": "session_id"})
    scopes.register_kind("replay_mark", ReplayMark, ancestors={"recording": "recording_id"})
    scopes.register_kind("clip_grant", ClipGrant, ancestors={"replay_clip": "clip_id"})
    commands.register()
    # The manifest outlives its recording; the node it came from still says who may read it.
    scopes.register_kind("disposal", Disposal, ancestors={"recording": "recording_id", "node": "node_id"})
    scopes.register_kind("recording_profile", RecordingProfile, open=True)
    fleet_ports.capture_state = ports.capture_state
    fleet_ports.claim_hint = ports.claim_hint
    fleet_ports.recorder_cache_policies = ports.recorder_cache_policies
    fleet_ports.subject_belongs = ports.subject_belongs
    fleet_ports.extra_actions = ports.extra_actions
    register_topic(Topic(live.TOPIC, Perm.RECORDING_READ, snapshot=live.snapshot, visible=live.visible))
    status.register_section("recordings", overview.recordings_section)
    status.register_section("uploads", overview.uploads_section)
    metrics.register_collector(recordings_metrics.collect)
    metrics.READINESS["media"] = storage.is_ready
    heartbeat_received.connect(orphans.on_heartbeat, dispatch_uid="recordings.orphans")
    media_began.connect(listening.on_media_began, dispatch_uid="recordings.sessions.began")
    recording_settled.connect(listening.on_recording_settled, dispatch_uid="recordings.sessions.settled")
    if session_actions.of not in field_actions.further:
        field_actions.further.append(session_actions.of)
    input_gone.connect(listening.on_input_gone, dispatch_uid="recordings.sessions.gone")
    health_event_changed.connect(health.on_change, dispatch_uid="recordings.health")
