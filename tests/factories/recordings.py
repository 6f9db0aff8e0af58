"""Recordings, jobs and real audio for tests; a recorder that speaks the agent's protocol over the node's client."""

import base64
import hashlib
import io
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import av
import numpy as np
import pytest

from config.kernel import clock
from config.kernel.access import system
from recordings.jobs import starting
from recordings.library.models import Recording
from recordings.profiles import seeds
from recordings.profiles.models import RecordingProfile
from recordings.wish import Wish
from tests.factories.nodes import make_node

MIME = {"flac": "audio/flac", "wav": "audio/wav", "mp3": "audio/mpeg"}
_ENCODERS = {"flac": ("flac", "s16"), "wav": ("pcm_s16le", "s16"), "mp3": ("mp3", "fltp")}


def tone(seconds: float = 1.0, *, hz: float = 1000.0, peak_dbfs: float = -20.0, channels: int = 2, rate: int = 48000) -> np.ndarray:
    """A sine as float32 (frames, channels)."""
    at = np.arange(round(seconds * rate)) / rate
    wave = (10 ** (peak_dbfs / 20) * np.sin(2 * np.pi * hz * at)).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


def encode(values: np.ndarray, *, codec: str = "flac", rate: int = 48000) -> bytes:
    """A real file of these samples."""
    name, sample_format = _ENCODERS[codec]
    sink = io.BytesIO()
    channels = values.shape[1]
    layout = {1: "mono", 2: "stereo"}.get(
        channels, f"{channels} channels" if channels > 8 else {4: "quad", 6: "5.1", 8: "7.1"}.get(channels, f"{channels}.0")
    )
    with av.open(sink, "w", format=codec) as container:
        stream = container.add_stream(name, rate=rate, layout=layout)
        stream.format = sample_format
        for start in range(0, len(values), 4096):
            block = values[start : start + 4096]
            if sample_format == "s16":
                packed = np.clip(np.rint(block * 32767), -32768, 32767).astype(np.int16).reshape(1, -1)
            else:
                packed = np.ascontiguousarray(block.T)
            frame = av.AudioFrame.from_ndarray(packed, format=sample_format, layout=layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return sink.getvalue()


def audio(seconds: float = 1.0, *, codec: str = "flac", **options) -> bytes:
    """A real file with a tone."""
    return encode(tone(seconds, **options), codec=codec)


def digest(content: bytes) -> str:
    """The field value of RFC 9530."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@dataclass
class Recorder:
    """What a recorder agent does, call by call."""

    client: object
    node: object
    instance: str = "inst-1"
    claims: dict = field(default_factory=dict)

    def claim(self, *, claim_id=None, free_slots: int = 1):
        body = {
            "claimId": str(claim_id or uuid4()),
            "agentInstanceId": self.instance,
            "processId": "proc-1",
            "freeSlots": free_slots,
            "agentTime": clock.wire(clock.now()),
        }
        return self.client.post(f"/nodes/{self.node.pk}/recording-jobs/claim-next", body)

    def report(self, job: dict, phase: str = "capturing", **said):
        body = {"claimEpoch": job["claimEpoch"], "agentInstanceId": self.instance, "phase": phase, **said}
        return self.client.post(f"/recording-jobs/{job['id']}/heartbeat", body)

    def result(self, content: bytes, seconds: float, *, track: int = 1, final: bool = True, start=None, **said) -> dict:
        start = start or clock.now() - timedelta(seconds=seconds)
        return {
            "trackIndex": track,
            "final": final,
            "sha256": hashlib.sha256(content).hexdigest(),
            "sizeBytes": len(content),
            "durationSeconds": seconds,
            "captureStartAt": clock.wire(start),
            "captureEndAt": clock.wire(start + timedelta(seconds=seconds)),
            "partial": False,
            **said,
        }

    def headers(self, job: dict, content: bytes, part: bytes | None = None, *, start: int = 0, track: int = 1, final: bool = True, **extra) -> dict:
        part = content if part is None else part
        base = {
            "Recording_Job_Id": job["id"],
            "Claim_Epoch": job["claimEpoch"],
            "Track_Index": track,
            "Track_Final": "true" if final else "false",
            "Content_Digest": digest(part),
            "Repr_Digest": digest(content),
            "Media_Duration_Seconds": "1.0",
        }
        if len(part) != len(content):
            base["Content_Range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        return {**base, **extra}

    def put(self, job: dict, content: bytes, part: bytes | None = None, *, codec: str = "flac", body: bytes | None = None, **options):
        """One PUT; `body` overrides the bytes that travel (a flipped byte)."""
        sent = body if body is not None else content if part is None else part
        headers = self.headers(job, content, part, **options)
        return self.client.put(f"/recordings/{job['recordingId']}/cache-file", data=sent, content_type=MIME[codec], **headers)

    def state(self, job: dict, *, track: int = 1):
        headers = {"Recording_Job_Id": job["id"], "Claim_Epoch": job["claimEpoch"], "Track_Index": track}
        return self.client.head(f"/recordings/{job['recordingId']}/cache-file", **headers)

    def deliver(self, job: dict, content: bytes, *, seconds: float = 1.0, codec: str = "flac"):
        """Report the whole capture and send its file."""
        self.report(job, "captured", results=[self.result(content, seconds)])
        return self.put(job, content, codec=codec)


def start_recording(node, *, interface_id=None, **wish) -> tuple:
    """(recording, job), queued as a person would."""
    return starting.start(actor=system("tests"), node_id=node.pk, wish=Wish(**wish), interface_id=interface_id)


@pytest.fixture
def profiles(db):
    """The seeded profiles by name (a test that flushes the database takes them along)."""
    seeds.seed(RecordingProfile)
    return {profile.name: profile for profile in RecordingProfile.objects.all()}


@pytest.fixture
def media(settings, tmp_path):
    """A media root of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def node(profiles, media):
    """An online node with a stereo interface and room for one capture."""
    return make_node()


@pytest.fixture
def recorder(node, node_client):
    """The recorder agent of `node`."""
    return Recorder(node_client(node), node)


@pytest.fixture
def cached(node, recorder):
    """`cached(content, …)`: a recording whose file is in the library, and its job."""

    def make(content: bytes | None = None, *, codec: str = "flac", seconds: float = 1.0, **wish) -> Recording:
        recording, _ = start_recording(node, **wish)
        job = recorder.claim().json()["data"]
        reply = recorder.deliver(job, audio(seconds, codec=codec) if content is None else content, seconds=seconds, codec=codec)
        assert reply.status_code == 201, reply.content
        return Recording.objects.select_related("primary_file").get(pk=recording.pk)

    return make
