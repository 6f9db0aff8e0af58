"""What each write of the matrix is sent: a valid body, so that a granted caller gets all the way.

    ("POST", "/api/v1/schedules"): lambda ask: {"nodeId": ask.id("node"), …},

`ask` knows the `world`, the `caller` and the row's `ids`. Without an entry a write sends `{}`, and a bulk one `{"ids": [the thing]}`. `Sent` is for
what is no JSON, or needs headers or a query.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from config.kernel import clock
from recordings.jobs.states import AGENT_FAILURES
from sessions.field.devices.keys import statement
from tests.access.things import THINGS
from tests.access.world import Caller, World
from tests.cast import ApiClient
from tests.factories.nodes import health_report, heartbeat, meter_frame
from tests.factories.recordings import digest
from tests.factories.stills import jpeg
from tests.factories.wallets import SigningWallet

PASSWORD = "an even longer pass-phrase"


@dataclass(frozen=True)
class Sent:
    """A request as it goes out."""

    body: dict | None = None
    query: str = ""
    headers: dict = field(default_factory=dict)
    data: bytes | None = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Ask:
    """What a body may be made of."""

    world: World
    caller: Caller
    ids: dict

    def id(self, thing: str, name: str = "id") -> str:
        return str(THINGS[thing].ids(self.world, thing)[name])


def _policies(ask: Ask) -> dict:
    """Those in force, so that nothing changes."""
    return {"policies": [{"effect": "allow", "subjectType": "everyone", "permissions": ["*"], "resourceType": "site", "resourceId": "*"}]}


def _wallet_proof(path: str, **more) -> Callable[[Ask], dict]:
    return lambda _ask: {**SigningWallet().proof(ApiClient(), path), **more}


def _address(_ask: Ask) -> dict:
    return {"walletAddress": SigningWallet().address}


def _claim(_ask: Ask) -> dict:
    return {"claimId": str(uuid4()), "agentInstanceId": "inst-1", "processId": "proc-1", "freeSlots": 1, "agentTime": clock.wire(clock.now())}


def _upload_headers(ask: Ask, content: bytes | None = None) -> dict:
    found = {"Recording_Job_Id": ask.id("job"), "Claim_Epoch": "1", "Track_Index": "1", "Track_Final": "true"}
    if content is not None:
        found |= {"Content_Digest": digest(content), "Repr_Digest": digest(content), "Media_Duration_Seconds": "1.0"}
    return found


def _link(purpose: str, argument: str, noun: str = "recordings", thing: str = "recording") -> Callable[[Ask], Sent]:
    """A link of the caller's own, where they can have one."""

    def sent(ask: Ask) -> Sent:
        reply = ApiClient(ask.caller.token).post(f"/{noun}/{ask.id(thing)}/{purpose}", {})
        link = reply.json()["data"][f"{purpose}Id"] if reply.status_code == 201 else uuid4()
        return Sent(query=f"?{argument}={link}")

    return sent


def _device_key(ask: Ask) -> dict:
    """By its own signature."""
    wallet, issued_at = SigningWallet(), clock.wire(clock.now())
    said = statement(address=wallet.address, issued_at=issued_at, operator_id=ask.ids["id"])
    return {"address": wallet.address, "issuedAt": issued_at, "proof": wallet.sign(said)}


def _sample(_ask: Ask) -> dict:
    return {"capturedAt": clock.wire(clock.now()), "point": {"lat": 4.711, "lng": -74.072}, "accuracyMeters": 5, "source": "gps"}


_UPLOAD = b"fLaC and more"
_EPOCH = {"claimEpoch": 1}
V1 = "/api/v1"
BODIES: dict[tuple[str, str], Callable[[Ask], "dict | Sent"]] = {
    ("POST", f"{V1}/auth/login"): lambda ask: {"email": ask.world.person.email, "password": "a long pass-phrase"},
    ("PATCH", f"{V1}/auth/me/password"): lambda ask: {"currentPassword": "a long pass-phrase", "newPassword": PASSWORD},
    ("POST", f"{V1}/auth/users"): lambda ask: {"email": "new@example.org", "name": "New", "password": PASSWORD, "roles": ["viewer"]},
    ("PATCH", f"{V1}/auth/users/<uuid:id>/access"): lambda ask: {"roles": ["viewer"]},
    ("PATCH", f"{V1}/auth/users/<uuid:id>/password"): lambda ask: {"generate": True},
    ("PATCH", f"{V1}/auth/users/<uuid:id>/status"): lambda ask: {"disabled": True, "reason": "left"},
    ("POST", f"{V1}/auth/groups"): lambda ask: {"name": "another crew"},
    ("PATCH", f"{V1}/auth/groups/<int:id>"): lambda ask: {"name": "renamed"},
    ("PATCH", f"{V1}/auth/access-policies"): _policies,
    ("GET", f"{V1}/auth/access/explain"): lambda ask: Sent(query="?permission=node:read"),
    ("POST", f"{V1}/auth/wallet/challenge"): _address,
    ("POST", f"{V1}/auth/wallet/login"): _wallet_proof("/auth/wallet/challenge", cookie=False),
    ("POST", f"{V1}/auth/workspace/select"): lambda ask: {"workspaceId": ask.id("workspace")},
    ("POST", f"{V1}/workspaces"): _wallet_proof("/workspaces/challenge", slug="brand-new", name="New", roles=["CONSUMER"]),
    ("POST", f"{V1}/workspaces/challenge"): _address,
    ("PATCH", f"{V1}/workspaces/<uuid:id>"): lambda ask: {"name": "Renamed"},
    ("POST", f"{V1}/workspaces/<uuid:id>/members"): lambda ask: {"userId": str(ask.world.person.pk), "role": "VIEWER"},
    ("PATCH", f"{V1}/workspaces/<uuid:id>/members/<uuid:mid>"): lambda ask: {"role": "ADMIN"},
    ("POST", f"{V1}/workspaces/<uuid:id>/api-keys"): lambda ask: {"label": "new", "environment": "LIVE", "scopes": ["workspace:read"]},
    ("POST", f"{V1}/sites"): lambda ask: {"name": "New site", "timezone": "Europe/Berlin"},
    ("PATCH", f"{V1}/sites/<uuid:id>"): lambda ask: {"name": "Renamed"},
    ("POST", f"{V1}/nodes/enroll"): lambda ask: {"alias": "new", "location": {"siteId": ask.id("site")}},
    ("PATCH", f"{V1}/nodes/<uuid:id>"): lambda ask: {"notes": "changed"},
    ("PATCH", f"{V1}/nodes/<uuid:id>/interfaces/<uuid:iid>"): lambda ask: {"alias": "changed"},
    ("POST", f"{V1}/nodes/<uuid:id>/heartbeat"): lambda ask: heartbeat(),
    ("POST", f"{V1}/nodes/<uuid:id>/meter-frame"): lambda ask: meter_frame(ask.world.node.interfaces.first()),
    ("POST", f"{V1}/nodes/<uuid:id>/health-events"): lambda ask: health_report(),
    ("POST", f"{V1}/nodes/<uuid:id>/recording-jobs/claim-next"): _claim,
    ("POST", f"{V1}/recording-jobs/<uuid:id>/abandon"): lambda ask: {"reason": "it is gone"},
    ("POST", f"{V1}/recording-jobs/<uuid:job_id>/heartbeat"): lambda ask: {**_EPOCH, "agentInstanceId": "inst-1", "phase": "capturing"},
    ("POST", f"{V1}/recording-jobs/<uuid:job_id>/cancelled"): lambda ask: {**_EPOCH, "reason": "nothing_captured"},
    ("POST", f"{V1}/recording-jobs/<uuid:job_id>/failed"): lambda ask: {**_EPOCH, "reason": sorted(AGENT_FAILURES)[0].value},
    ("POST", f"{V1}/recordings"): lambda ask: {"nodeId": ask.id("node"), "name": "Take two"},
    ("PATCH", f"{V1}/recordings/bulk-metadata"): lambda ask: {"ids": [ask.id("recording")], "addTags": ["stage"]},
    ("POST", f"{V1}/recordings/<uuid:id>/markers"): lambda ask: {"atSeconds": 1.5, "label": "here"},
    ("PATCH", f"{V1}/recordings/<uuid:id>/metadata"): lambda ask: {"name": "Renamed"},
    ("GET", f"{V1}/recordings/<uuid:id>/stream"): _link("playback", "playbackId"),
    ("GET", f"{V1}/replay-clips/<uuid:id>/stream"): _link("playback", "playbackId", "replay-clips", "replay_clip"),
    ("POST", f"{V1}/replay-clips"): lambda ask: {"recordingId": ask.id("recording"), "inSeconds": 1, "outSeconds": 3},
    ("PATCH", f"{V1}/replay-clips/<uuid:id>"): lambda ask: {"name": "Renamed"},
    ("GET", f"{V1}/recordings/<uuid:id>/file"): _link("download", "downloadId"),
    ("HEAD", f"{V1}/recordings/<uuid:recording_id>/cache-file"): lambda ask: Sent(headers=_upload_headers(ask)),
    ("PUT", f"{V1}/recordings/<uuid:recording_id>/cache-file"): lambda ask: Sent(
        data=_UPLOAD, content_type="audio/flac", headers=_upload_headers(ask, _UPLOAD)
    ),
    ("POST", f"{V1}/settings/recording-profiles"): lambda ask: {"name": "New", "codec": "flac", "bitDepth": 24},
    ("PATCH", f"{V1}/settings/recording-profiles/<uuid:id>"): lambda ask: {"name": "Renamed"},
    ("PATCH", f"{V1}/device-operators/<uuid:id>"): lambda ask: {"label": "Renamed"},
    ("POST", f"{V1}/device-operators/<uuid:id>/keys"): _device_key,
    ("POST", f"{V1}/device-operators/<uuid:id>/location"): lambda ask: {"sequence": 1},
    ("POST", f"{V1}/sessions/<uuid:id>/dispute"): lambda ask: {"reason": "The picture was black."},
    ("POST", f"{V1}/sessions/<uuid:id>/dispute/reject"): lambda ask: {"reason": "It was not."},
    ("PATCH", f"{V1}/webhook-endpoints/<uuid:id>"): lambda ask: {"types": ["session.ended"]},
    ("POST", f"{V1}/sessions/<uuid:id>/void"): lambda ask: {"reason": "It was black."},
    ("POST", f"{V1}/sessions/<uuid:id>/provenance"): lambda ask: Sent(data=jpeg(), content_type="image/jpeg"),
    ("POST", f"{V1}/sessions/<uuid:id>/telemetry"): _sample,
    ("POST", f"{V1}/sessions/<uuid:id>/telemetry/batch"): lambda ask: {"samples": [_sample(ask)]},
    ("POST", f"{V1}/sessions/<uuid:id>/telemetry/export"): lambda ask: {"ids": [str(uuid4())]},
    ("POST", f"{V1}/sessions/<uuid:id>/events/export"): lambda ask: {"ids": [str(uuid4())]},
    ("POST", f"{V1}/device-operators/<uuid:id>/keys/export"): lambda ask: {"ids": [str(uuid4())]},
}
# Granted, and yet refused for what was sent: (method, route) → the status, and why it cannot be otherwise here.
PERMITTED_BUT = {
    ("POST", f"{V1}/replay-clips"): (400, "clips are of field sessions, this recording is a node's"),
    ("POST", f"{V1}/video/auth/<str:token>"): (401, "the provider's token in the path is the credential"),
    ("POST", f"{V1}/video/events/<str:token>"): (401, "the provider's token in the path is the credential"),
    ("GET", f"{V1}/auth/oidc/callback"): (400, "no login was begun at a provider"),
    ("GET", f"{V1}/sessions/<uuid:id>/dispute"): (404, "nobody has disputed the bill"),
    ("POST", f"{V1}/sessions/<uuid:id>/telemetry/export"): (404, "there is no sample to name"),
    ("POST", f"{V1}/sessions/<uuid:id>/events/export"): (404, "no event has this id"),
    ("POST", f"{V1}/device-operators/<uuid:id>/keys/export"): (404, "no key has this id"),
    ("GET", f"{V1}/sessions/<uuid:id>/frame"): (404, "no picture flows"),
    ("GET", f"{V1}/nodes/<uuid:id>/meters"): (404, "no frame has come from there"),
}


def sent_by(world: World, caller: Caller, key: tuple[str, str], ids: dict, where: str) -> Sent:
    """The request of this caller to this route."""
    make = BODIES.get(key)
    if make is None:
        unsafe = key[0] not in {"GET", "HEAD"}
        return Sent(body={"ids": [str(ids["id"])]} if where == "ids" else {} if unsafe and key[0] != "DELETE" else None)
    made = make(Ask(world, caller, ids))
    return made if isinstance(made, Sent) else Sent(body=made)
