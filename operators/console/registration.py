"""Who comes into the control room, and who leaves it for good (04 §1)."""

import re
from datetime import timedelta

from django.db import transaction

from audit.services import snapshot
from config.kernel import clock, credentials
from config.kernel.access import Actor, Perm, holds, ports
from config.kernel.errors import ApiError, FieldError
from operators import verbs
from operators.access.services import access_changed
from operators.console import handovers, invites, locks, room, shapes
from operators.console.identity import TOKEN_PREFIX, operator_of, operators, require_standing
from operators.console.models import ConsoleOperator, ControlRoom
from operators.console.states import PRESENT_FOR, ProductionRole, clean_name, name_key, picked_with

MOST = 500
GUEST_FOR, USER_FOR = timedelta(days=7), timedelta(days=90)
_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
# What stands under /operator/ itself can be nobody's id.
TAKEN_IDS = frozenset(
    {
        "register",
        "join",
        "reconnect",
        "heartbeat",
        "list",
        "lock",
        "unlock",
        "force-unlock",
        "invite-tokens",
        "me",
        "rotate-token",
        "invites",
        "handovers",
    }
)
_NAME_ERRORS = {
    "name_empty": "A name is needed.",
    "name_too_long": "A name has at most 128 bytes of UTF-8.",
    "name_control": "A name must not contain control characters.",
}


def entrance(actor: Actor, token: str | None):
    """Checks 3 and 4 of §1: the invite that lets somebody in, or None for a signed-in user without one.

    ApiError invite_required, invite_invalid, _expired, _revoked, _used_up.
    """
    if token is not None:
        return invites.usable(token)
    if actor.is_anonymous:
        raise ApiError("invite_required")
    return None


def checked_name(name: str) -> str:
    """The name as it is kept; FieldError name_empty, name_too_long, name_control."""
    name, wrong = clean_name(name)
    if wrong:
        raise FieldError("name", wrong, _NAME_ERRORS[wrong])
    return name


def checked_id(given: str | None) -> str | None:
    if given is not None and (not _ID.fullmatch(given) or given in TAKEN_IDS):
        raise FieldError("id", "invalid", "An id has 1 to 64 letters, digits, dots, dashes, underscores or tildes, and is no word of this API.")
    return given


@transaction.atomic
def register(*, actor: Actor, invite, name: str, role: str | None, public_id: str | None) -> tuple[ConsoleOperator, str]:
    """The new operator and their token. `invite` is what `entrance` found; with one, its role counts.

    ApiError permission_denied (a role beyond the user's permissions), duplicate_name, operator_id_taken, operator_exists, limit_reached, and the
    invite's refusals if its last use went to another.
    """
    user = None if actor.is_anonymous else actor.subject
    if invite is not None:
        role = invite.role
    elif not any(holds(actor, permission) for permission in picked_with(role)):
        raise ApiError("permission_denied", data={"permission": picked_with(role)[0].value, "rule": "permission_denied"})
    where = room.locked()
    _demand_no_clash(where, user, name, public_id)
    if invite is not None:
        invites.use(invite)
    minted = credentials.mint(TOKEN_PREFIX)
    operator = ConsoleOperator(
        control_room=where,
        name=name,
        name_key=name_key(name),
        role=role,
        user=user,
        guest=user is None,
        invite=invite,
        picked_with="" if invite else picked_with(role)[0].value,
        digest=minted.digest,
        last_four=minted.last_four,
        last_seen=clock.now(),
    )
    operator.public_id = public_id or str(operator.pk)
    operator.save()
    actor.memo.pop("console_operator", None)
    _record(verbs.OPERATOR_REGISTERED, operator, actor)
    room.changed(where, "operator.registered", {"operator": shapes.operator(operator)}, room.by(actor, operator))
    # A user's operator adds to what their sockets may see.
    access_changed()
    return operator, minted.token


def _demand_no_clash(where: ControlRoom, user, name: str, public_id: str | None) -> None:
    if user is not None and operators().filter(control_room=where, user=user).exists():
        raise ApiError("operator_exists")
    # Among the present only: who lost their browser with its token comes back under their own name a minute later.
    if operators().filter(control_room=where, name_key=name_key(name), last_seen__gt=clock.now() - PRESENT_FOR).exists():
        raise ApiError("duplicate_name")
    if public_id is not None:
        # Its former owner may come back under it; nobody else may pass for them.
        holders = ConsoleOperator.objects.filter(control_room=where, public_id=public_id)
        if any(holder.deleted_at is None or user is None or holder.user_id != user.pk for holder in holders):
            raise ApiError("operator_id_taken")
    if operators().filter(control_room=where).count() >= MOST:
        raise ApiError("limit_reached", data={"limit": MOST})


def end_token_of(*, actor: Actor, user, reason: str) -> None:
    """End the operator token of a user, as their sign-ins end; who they are in the room stays, and they rotate to a token of their own again."""
    for operator in operators().filter(user=user):
        rotate_token(actor=actor, operator=operator, reason=reason)


def rotate_token(*, actor: Actor, operator: ConsoleOperator, reason: str | None = None) -> str:
    """A new token; the old one, and cookies bound to it, end at once."""
    minted = credentials.mint(TOKEN_PREFIX)
    with transaction.atomic():
        row = ConsoleOperator.objects.select_for_update().get(pk=operator.pk)
        row.digest, row.last_four = minted.digest, minted.last_four
        row.revision += 1
        row.save(update_fields=["digest", "last_four", "revision", "updated_at"])
        _record(verbs.OPERATOR_TOKEN_ROTATED, row, actor, reason=reason)
        access_changed()
    return minted.token


def is_empty() -> bool:
    """Nobody is registered: the one moment at which deleting needs no credential (and finds nobody)."""
    return not operators().exists()


def remove(*, actor: Actor, public_id: str) -> None:
    """Delete an operator: oneself, or anyone by a director. ApiError not_self_or_director, permission_denied; both before not_found."""
    me = operator_of(actor)
    if me is None:
        raise ApiError("operator_required", data={"permission": Perm.CONTROL_ROOM_OPERATE.value})
    if me.public_id != public_id:
        if me.role != ProductionRole.DIRECTOR:
            raise ApiError("not_self_or_director", data={"permission": Perm.CONTROL_ROOM_DIRECT.value})
        require_standing(actor, me)
    with transaction.atomic():
        target = _held().filter(public_id=public_id, deleted_at=None).first()
        if target is None:
            raise ApiError("not_found")
        delete(target, cause="self" if target.pk == me.pk else "director", actor=actor, who=room.by(actor, me))


def _held(**options):
    """Operators whose rows this transaction takes before the room's; who holds the room may point at them meanwhile (a hand-over does)."""
    return ConsoleOperator.objects.select_for_update(no_key=True, of=("self",), **options)


def delete(target: ConsoleOperator, *, cause: str, actor: Actor, who: dict) -> None:
    """End an operator whose row is held: history keeps the name, locks and name come free, the token is dead. cause: self, director or idle."""
    where = room.locked()
    before = snapshot(target)
    target.deleted_at, target.delete_cause = clock.now(), cause
    target.revision += 1
    target.save(update_fields=["deleted_at", "delete_cause", "revision", "updated_at"])
    locks.free_all(where, target, cause="deleted", who=who)
    handovers.void_of(where, target, who=who)
    _record(verbs.OPERATOR_DELETED, target, actor, before)
    room.changed(where, "operator.deleted", {"id": target.public_id, "name": target.name, "cause": cause}, who)
    access_changed()


def purge(*, actor: Actor) -> int:
    """Delete guests unseen for 7 days and users' operators unseen for 90; how many."""
    now, gone = clock.now(), 0
    for operator in operators().filter(last_seen__lt=now - GUEST_FOR):
        if now - operator.last_seen < (GUEST_FOR if operator.guest else USER_FOR):
            continue
        with transaction.atomic():
            row = _held(skip_locked=True).filter(pk=operator.pk, deleted_at=None, last_seen=operator.last_seen).first()
            if row is not None:
                delete(row, cause="idle", actor=actor, who=room.SYSTEM)
                gone += 1
    return gone


def _record(verb: str, operator: ConsoleOperator, actor: Actor, before=None, reason: str | None = None) -> None:
    ports.record(
        verb,
        actor=actor,
        outcome="succeeded",
        subject=("console_operator", operator.public_id, operator.name),
        before=before,
        after=snapshot(operator),
        reason=reason,
    )
