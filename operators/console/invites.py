"""Invites: one derived link for each role, and personal ones (04 §1)."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from audit.services import snapshot
from config.kernel import clock, credentials
from config.kernel.access import Actor, Kind, Perm, ports
from config.kernel.credentials import Minted
from config.kernel.errors import ApiError, FieldError
from operators import verbs
from operators.console import links, room
from operators.console.identity import operator_of
from operators.console.models import ControlRoom, Invite
from operators.console.states import InviteKind, InviteStatus, invite_status

TOKEN_PREFIX = "tr_inv_"
LONGEST = timedelta(days=90)
ROLE_FOR, PERSONAL_FOR = timedelta(days=30), timedelta(hours=24)
_USES = {InviteKind.ROLE: None, InviteKind.PERSONAL: 1}
_REFUSALS = {
    InviteStatus.EXPIRED: "invite_expired",
    InviteStatus.REVOKED: "invite_revoked",
    InviteStatus.USED_UP: "invite_used_up",
}


def every() -> QuerySet[Invite]:
    return Invite.objects.select_related("control_room")


def _derived(invite: Invite) -> Minted:
    return links.derive(TOKEN_PREFIX, "invite", invite.control_room_id, invite.role, invite.generation)


def is_stale(invite: Invite) -> bool:
    """A role invite made under another SECRET_KEY: its link works, but can't be shown again."""
    return invite.kind == InviteKind.ROLE and _derived(invite).digest != bytes(invite.digest)


def status_of(invite: Invite) -> InviteStatus:
    return invite_status(
        revoked=invite.revoked_at is not None,
        stale=is_stale(invite),
        expires_at=invite.expires_at,
        max_uses=invite.max_uses,
        uses=invite.uses,
        now=clock.now(),
    )


def role_tokens(*, actor: Actor) -> dict[str, str]:
    """Role → token of its active role invite; each reading is audited."""
    active = [invite for invite in every().filter(kind=InviteKind.ROLE, revoked_at=None) if status_of(invite) == InviteStatus.ACTIVE]
    ports.record(
        verbs.INVITES_SHOWN,
        actor=actor,
        outcome="allowed",
        permission=Perm.CONTROL_ROOM_DIRECT,
        details={"roles": [invite.role for invite in active]},
    )
    return {invite.role: _derived(invite).token for invite in active}


def _until(given, kind: str):
    now = clock.now()
    until = given or now + (ROLE_FOR if kind == InviteKind.ROLE else PERSONAL_FOR)
    if until <= now:
        raise FieldError("expiresAt", "in_past", "The invite would have expired already.")
    if until > now + LONGEST:
        raise FieldError("expiresAt", "too_late", "An invite lasts at most 90 days.")
    return until


def _tell(where: ControlRoom, invite: Invite, actor: Actor) -> None:
    facts = {"id": invite.pk, "role": invite.role, "kind": invite.kind, "status": status_of(invite), "generation": invite.generation}
    room.changed(where, "invite.changed", facts, room.by(actor, operator_of(actor)))


def _record(verb: str, invite: Invite, actor: Actor, before=None) -> None:
    ports.record(
        verb,
        actor=actor,
        outcome="succeeded",
        subject=("invite", str(invite.pk), str(invite)),
        permission=Perm.CONTROL_ROOM_DIRECT,
        before=before,
        after=snapshot(invite),
    )


@transaction.atomic
def create(*, actor: Actor, kind: str, role: str, label: str = "", expires_at=None, **limits) -> tuple[Invite, str]:
    """The invite and its token. `max_uses` None: without end; not said: as its kind has it. ApiError invite_exists where the role has one,
    validation_failed for `expiresAt`."""
    where = room.locked()
    invite = Invite(
        control_room=where,
        kind=kind,
        role=role,
        label=label,
        expires_at=_until(expires_at, kind),
        max_uses=limits.get("max_uses", _USES[kind]),
        created_by_label=actor.label,
    )
    if kind == InviteKind.ROLE:
        if every().filter(control_room=where, kind=kind, role=role, revoked_at=None).exists():
            raise ApiError("invite_exists")
        # Generations go on for good: a new invite must never give an old link its life back.
        last = every().filter(control_room=where, kind=kind, role=role).order_by("-generation").first()
        invite.generation = last.generation + 1 if last else 1
        minted = _derived(invite)
    else:
        minted = credentials.mint(TOKEN_PREFIX)
    invite.digest, invite.last_four = minted.digest, minted.last_four
    invite.save()
    _record(verbs.INVITE_CREATED, invite, actor)
    _tell(where, invite, actor)
    return invite, minted.token


@transaction.atomic
def rotate(*, actor: Actor, invite: Invite, **changes) -> tuple[Invite, str]:
    """Another token from now on, uses 0; the old link is told that it was revoked. ApiError invite_closed for a revoked one."""
    where = room.locked()
    row = Invite.objects.select_for_update().get(pk=invite.pk)
    if row.revoked_at is not None:
        raise ApiError("invite_closed")
    before = snapshot(row)
    row.past = [*row.past, bytes(row.digest)]
    row.generation += 1
    minted = _derived(row) if row.kind == InviteKind.ROLE else credentials.mint(TOKEN_PREFIX)
    row.digest, row.last_four, row.uses = minted.digest, minted.last_four, 0
    row.expires_at = _until(changes.get("expires_at"), row.kind)
    if "max_uses" in changes:
        row.max_uses = changes["max_uses"]
    row.revision += 1
    row.save()
    _record(verbs.INVITE_ROTATED, row, actor, before)
    _tell(where, row, actor)
    return row, minted.token


@transaction.atomic
def revoke(*, actor: Actor, invite: Invite) -> None:
    """End an invite; who came by it stays. Again: nothing."""
    where = room.locked()
    row = Invite.objects.select_for_update().get(pk=invite.pk)
    if row.revoked_at is not None:
        return
    before = snapshot(row)
    row.revoked_at = clock.now()
    row.revision += 1
    row.save(update_fields=["revoked_at", "revision", "updated_at"])
    _record(verbs.INVITE_REVOKED, row, actor, before)
    _tell(where, row, actor)


def usable(token: str) -> Invite:
    """The invite of a token that would let somebody in now. ApiError invite_invalid, _expired, _revoked or _used_up."""
    if credentials.prefix_of(token) != TOKEN_PREFIX:
        raise ApiError("invite_invalid")
    digest = credentials.digest(token)
    invite = every().filter(Q(digest=digest) | Q(past__contains=[digest])).first()
    if invite is None:
        raise ApiError("invite_invalid")
    if bytes(invite.digest) != digest:
        raise ApiError("invite_revoked")
    if refusal := _REFUSALS.get(status_of(invite)):
        raise ApiError(refusal)
    return invite


def actor_of_token(token: str) -> Actor:
    """The credential port of `tr_inv_`, which no route accepts: it belongs into a registration's body. ApiError credential_invalid."""
    try:
        invite = usable(token)
    except ApiError as error:
        raise ApiError("credential_invalid") from error
    return Actor(kind=Kind.INVITE, id=str(invite.pk), label=str(invite), credential_prefix=f"{TOKEN_PREFIX}…{invite.last_four}", subject=invite)


def use(invite: Invite) -> None:
    """Count one use, in the transaction that registers. ApiError as `usable`, if another came first."""
    now = clock.now()
    room_left = Q(max_uses=None) | Q(uses__lt=F("max_uses"))
    used = Invite.objects.filter(room_left, pk=invite.pk, digest=bytes(invite.digest), revoked_at=None, expires_at__gt=now).update(uses=F("uses") + 1)
    if not used:
        invite.refresh_from_db()
        raise ApiError(_REFUSALS.get(status_of(invite), "invite_revoked"))
