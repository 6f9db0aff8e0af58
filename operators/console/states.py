"""Roles, subsystems, presence, invites: who may command and lock what (04 §1–2). Pure."""

import unicodedata
from datetime import datetime, timedelta

from django.db.models import TextChoices

from config.kernel.access import PRODUCTION_READS, Perm, Subsystem

PRESENT_FOR = timedelta(seconds=60)
HEARTBEAT_SECONDS = 10
NAME_BYTES = 128
HANDOVER_FOR = timedelta(seconds=30)


class ProductionRole(TextChoices):
    """What somebody does in a production."""

    DIRECTOR = "director"
    AUDIO = "audio"
    GRAPHICS = "graphics"
    CAPTIONER = "captioner"
    VIEWER = "viewer"


class InviteKind(TextChoices):
    """role: one per role, shown again · personal: random, shown once."""

    ROLE = "role"
    PERSONAL = "personal"


class InviteStatus(TextChoices):
    ACTIVE = "active"
    EXPIRED = "expired"
    USED_UP = "used_up"
    REVOKED = "revoked"
    STALE = "stale"


class HandoverOutcome(TextChoices):
    """void: the lock was freed, or who asked is gone."""

    YIELDED = "yielded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"


# The one matrix: what a role commands is what it may lock.
COMMANDS: dict[str, frozenset[Subsystem]] = {
    ProductionRole.DIRECTOR: frozenset(Subsystem),
    ProductionRole.AUDIO: frozenset({Subsystem.AUDIO}),
    ProductionRole.GRAPHICS: frozenset({Subsystem.GRAPHICS}),
    ProductionRole.CAPTIONER: frozenset({Subsystem.CAPTIONS}),
    ProductionRole.VIEWER: frozenset(),
}
# Which permissions let a signed-in user pick a role, weakest first.
_PICKED_WITH = {
    ProductionRole.DIRECTOR: (Perm.CONTROL_ROOM_DIRECT,),
    ProductionRole.VIEWER: (Perm.CONTROL_ROOM_READ, Perm.CONTROL_ROOM_OPERATE, Perm.CONTROL_ROOM_DIRECT),
}
# What the guarded routes of the other rooms ask for, by the subsystem that guards them.
_OF_SUBSYSTEM = {
    Subsystem.SWITCHING: frozenset({Perm.SESSIONS_CREATE, Perm.SESSIONS_OPERATE}),
    Subsystem.AUDIO: frozenset({Perm.SETTINGS_MANAGE}),
    Subsystem.OUTPUT: frozenset({Perm.RECORDING_CREATE, Perm.RECORDING_CONTROL, Perm.SCHEDULE_MANAGE}),
}


def picked_with(role: str) -> tuple[Perm, ...]:
    """The permissions of which a user needs one to pick this role without an invite; the first is the least."""
    return _PICKED_WITH.get(ProductionRole(role), (Perm.CONTROL_ROOM_OPERATE, Perm.CONTROL_ROOM_DIRECT))


def may_command(role: str, subsystem: str) -> bool:
    return Subsystem(subsystem) in COMMANDS[ProductionRole(role)]


def commands_of(role: str) -> list[str]:
    """In the order of the subsystems."""
    return [subsystem.value for subsystem in Subsystem if may_command(role, subsystem)]


def reads_of(role: str) -> frozenset[Perm]:
    """What a production role reads within the reach of its control room."""
    hears = role in (ProductionRole.DIRECTOR, ProductionRole.AUDIO)
    return PRODUCTION_READS | ({Perm.LISTEN_MONITOR} if hears else frozenset())


def permissions_of(role: str, commanding: str | None = None) -> frozenset[Perm]:
    """What a production role holds (03 §7, path 5): its reads, and while it commands a subsystem what that subsystem's routes ask for."""
    held = reads_of(role)
    if commanding is not None and may_command(role, commanding):
        held |= _OF_SUBSYSTEM.get(Subsystem(commanding), frozenset())
    return held


def is_present(last_seen: datetime, now: datetime) -> bool:
    """Silent for 60 s is gone; computed, never stored."""
    return now - last_seen < PRESENT_FOR


def name_key(name: str) -> str:
    """Under what a name is unique among the present: NFKC, case folded."""
    return unicodedata.normalize("NFKC", name).casefold()


def clean_name(name: str) -> tuple[str, str | None]:
    """(trimmed NFC name, None), or (name, code of what is wrong)."""
    trimmed = unicodedata.normalize("NFC", name).strip()
    if not trimmed:
        return trimmed, "name_empty"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in trimmed):
        return trimmed, "name_control"
    return trimmed, "name_too_long" if len(trimmed.encode()) > NAME_BYTES else None


def invite_status(*, revoked: bool, stale: bool, expires_at: datetime, max_uses: int | None, uses: int, now: datetime) -> InviteStatus:
    """What keeps an invite from working comes before what only hides it."""
    if revoked:
        return InviteStatus.REVOKED
    if expires_at <= now:
        return InviteStatus.EXPIRED
    if max_uses is not None and uses >= max_uses:
        return InviteStatus.USED_UP
    return InviteStatus.STALE if stale else InviteStatus.ACTIVE
