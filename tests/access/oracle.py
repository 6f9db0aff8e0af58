"""What the answer has to be, from the file's row and the table of 03 §6 alone: nothing of the product decides here."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.access.rows import Row
from tests.access.things import THINGS, Thing
from tests.access.world import Caller

_LETTER = {"owner": "O", "admin": "A", "operator": "P", "viewer": "V", "auditor": "U"}
_STAFF = ("auth:manage", "audit:read", "settings:manage", "node:manage", "schedule:manage")


@dataclass(frozen=True)
class Answer:
    """`status` 0: granted. `rule` names why, for the message of a failure; `permission` stands in the body of a 403 and in the audit row."""

    status: int = 0
    code: str = ""
    permission: str = ""
    hidden: bool = False

    @property
    def granted(self) -> bool:
        return self.status == 0


_SIDES = ("consumer", "operator")
# What a console operator reads (04 §1), and which role commands what a lock guards (04 §2).
PRODUCTION_READS = frozenset(
    {"control-room:read", "node:read", "recording:read", "recording:playback", "schedule:read", "health:read", "sessions:read"}
)
GUARDED = {
    ("POST", "/api/v1/recordings"): {"director"},
    ("POST", "/api/v1/recordings/<uuid:id>/stop"): {"director"},
    ("POST", "/api/v1/recording-jobs/bulk-retry"): {"director"},
    ("POST", "/api/v1/recording-jobs/bulk-stop"): {"director"},
    ("POST", "/api/v1/recording-jobs/<uuid:id>/retry"): {"director"},
    ("POST", "/api/v1/recording-jobs/<uuid:id>/abandon"): {"director"},
    **{("POST", f"/api/v1/control-room/{bus}"): {"director"} for bus in ("preview", "cut", "take")},
    **{("POST", f"/api/v1/control-room/sessions/<uuid:id>/{verb}"): {"director"} for verb in ("dispatch", "cancel", "end")},
    **{("POST", f"/api/v1/control-room/audio/{knob}"): {"director", "audio"} for knob in ("gain", "mute")},
    **{("POST", f"/api/v1/control-room/lower-third/{verb}"): {"director", "graphics"} for verb in ("show", "hide")},
    **{("PUT", f"/api/v1/control-room/{text}"): {"director", "graphics"} for text in ("lower-third", "slate")},
    **{("POST", f"/api/v1/control-room/replay/{verb}"): {"director"} for verb in ("mark-in", "mark-out", "quick", "play", "pause", "stop")},
    ("DELETE", "/api/v1/control-room/replay/mark"): {"director"},
    **{("POST", f"/api/v1/control-room/captions{verb}"): {"director", "captioner"} for verb in ("", "/clear")},
}
# Public, yet not for everyone: who holds another kind of credential is turned away (04 §1), and deleting needs one once somebody is registered.
HALF_OPEN = {
    ("POST", "/api/v1/operator/register"): Answer(),
    ("POST", "/api/v1/operator/join"): Answer(),
    ("DELETE", "/api/v1/operator/<own_id:id>"): Answer(401, "not_authenticated"),
}
GRANTED = Answer()
ELSEWHERE = Answer(302)  # sent to sign in, or to where the admin's door is


@cache
def letters() -> dict[str, dict[str, str]]:
    """permission → letters of the user roles, of the roles in a workspace, and K."""
    with Path(__file__).with_name("roles.csv").open(newline="") as lines:
        return {line.pop("permission"): line for line in csv.DictReader(lines)}


def holds(caller: Caller, permission: str) -> bool:
    """Somewhere."""
    table = letters()[permission]
    if caller.kind == "key":
        return table["key"] == "K" and (caller.scopes is None or permission in caller.scopes)
    if caller.kind == "console":
        return permission in PRODUCTION_READS or (permission == "listen:monitor" and caller.role in {"director", "audio"})
    if caller.kind == "user":
        return bool(caller.role and _LETTER[caller.role] in table["user"]) or bool(caller.tenant and caller.tenant in table["workspace"])
    return False


def reaches(caller: Caller, permission: str, thing: Thing) -> bool:
    """On this thing."""
    if caller.kind == "console":
        # Every site is in the reach of the control room; of workspaces those of the installation's owners, and nobody here belongs to one.
        return thing.home != "workspace"
    if not holds(caller, permission):
        return False
    if caller.reach == "denied" and thing.home != "installation":
        return False
    if caller.tenant:
        other_world = caller.environment == "TEST" and thing.environment
        return thing.home in {"workspace", "both"} and caller.here and not other_world
    return caller.role in {"owner", "admin"} or thing.home in {"open", "installation"} or caller.reach == "in"


def opens_admin(caller: Caller) -> bool:
    return any(caller.role and _LETTER[caller.role] in letters()[permission]["user"] for permission in _STAFF)


def expected(caller: Caller, row: Row) -> Answer:
    """The one answer."""
    if "anyone" in row.kinds:
        return GRANTED
    if caller.kind == "unissued":
        return Answer(401, "credential_invalid")
    if row.key in HALF_OPEN and caller.kind not in row.kinds:
        return HALF_OPEN[row.key] if caller.kind == "nobody" else Answer(401, "credential_not_accepted")
    if "public" in row.kinds:
        return GRANTED
    if caller.kind == "nobody":
        return ELSEWHERE if row.kinds & {"page", "staff"} else Answer(401, "not_authenticated")
    if caller.kind not in row.kinds and not (caller.kind == "user" and row.kinds & {"page", "staff"}):
        return Answer(401, "credential_not_accepted")
    if "staff" in row.kinds and not opens_admin(caller):
        return ELSEWHERE
    if caller.kind == "node":
        return _of_node(caller, row)
    if caller.kind == "console" and row.key in GUARDED:
        # By role alone; a director reaches all of it.
        return GRANTED if caller.role in GUARDED[row.key] else Answer(403, "role_not_permitted", "control-room:operate")
    if row.door and not holds(caller, row.door):
        return Answer(403, "permission_denied", row.door)
    return _on_object(caller, row) or _extra(caller, row) or GRANTED


def _of_node(caller: Caller, row: Row) -> Answer:
    if row.where != "path" or caller.here:
        return GRANTED
    bound = "/nodes/<uuid:" in row.route
    return Answer(401, "credential_not_accepted") if bound else Answer(404, "not_found", hidden=True)


def _on_object(caller: Caller, row: Row) -> Answer | None:
    if row.where == "member":
        return None if caller.tenant and caller.here else Answer(404, "reference_not_found", hidden=True)
    if row.where not in {"path", "ids", "body"}:
        return None
    thing, permission = THINGS[row.thing], row.on_object
    if permission is None or reaches(caller, permission, thing):
        return None
    if not holds(caller, permission):
        return Answer(403, "permission_denied", permission)
    if row.where == "path" and thing.read and thing.read != permission and reaches(caller, thing.read, thing):
        return Answer(403, "permission_denied", permission)
    return Answer(404, "reference_not_found" if row.where == "body" else "not_found", hidden=True)


def _extra(caller: Caller, row: Row) -> Answer | None:
    if row.extra == "owner" and caller.tenant != "W":
        return Answer(403, "permission_denied", row.on_object)
    if row.extra in _SIDES and not caller.tenant:
        return Answer(403, f"{row.extra}_side_required")
    if row.extra and row.extra not in {"owner", *_SIDES} and not holds(caller, row.extra):
        return Answer(403, "permission_denied", row.extra)
    return None
