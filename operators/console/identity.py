"""Who in the control room is behind a credential: a guest's token or cookie, or the operator of a signed-in user."""

from django.db.models import QuerySet

from config.kernel import credentials
from config.kernel.access import Actor, Kind, Perm, holds
from config.kernel.errors import ApiError
from operators.console.models import ConsoleOperator
from operators.console.states import ProductionRole, picked_with

TOKEN_PREFIX = "tr_op_"
# By what people come who may be in the room.
IN_THE_ROOM = frozenset({Kind.USER, Kind.CONSOLE_OPERATOR})
_SESSION_OPERATOR, _SESSION_PROOF = "console_operator", "console_proof"


def operators() -> QuerySet[ConsoleOperator]:
    """Those who are registered, with their users."""
    return ConsoleOperator.objects.select_related("user", "control_room").filter(deleted_at=None)


def actor_of(operator: ConsoleOperator, *, by_cookie: bool = False) -> Actor:
    """The actor of a registered operator who comes with their own credential."""
    return Actor(
        kind=Kind.CONSOLE_OPERATOR,
        id=operator.public_id,
        label=operator.name,
        credential_prefix="" if by_cookie else f"{TOKEN_PREFIX}…{operator.last_four}",
        credential_id=str(operator.pk),
        by_cookie=by_cookie,
        must_change_password=operator.user is not None and operator.user.must_change_password,
        subject=operator,
        on_behalf_of=("user", str(operator.user_id), operator.user.label) if operator.user else None,
    )


def actor_of_token(token: str) -> Actor:
    """The credential port of `tr_op_`: ApiError credential_invalid or _revoked (deleted, rotated, or their user is disabled)."""
    operator = ConsoleOperator.objects.select_related("user", "control_room").filter(digest=credentials.digest(token)).first()
    if operator is None:
        raise ApiError("credential_invalid")
    if not _is_let_in(operator):
        raise ApiError("credential_revoked")
    return actor_of(operator)


def _is_let_in(operator: ConsoleOperator) -> bool:
    if operator.deleted_at is not None:
        return False
    # An operator who came as a user goes with the user.
    return operator.guest or (operator.user is not None and operator.user.is_active)


def bind_cookie(request, operator: ConsoleOperator) -> None:
    """Let this browser be the guest from now on: Django's session, a fresh key, bound to the operator's present token."""
    request.session.flush()
    request.session[_SESSION_OPERATOR] = str(operator.pk)
    request.session[_SESSION_PROOF] = bytes(operator.digest).hex()


def actor_of_cookie(request) -> Actor | None:
    """A guest's browser; None without one, or when the operator is gone or has rotated their token."""
    session = getattr(request, "session", None)
    if session is None or not session.session_key or not (pk := session.get(_SESSION_OPERATOR)):
        return None
    operator = operators().filter(pk=pk).first()
    if operator is None or not _is_let_in(operator) or bytes(operator.digest).hex() != session.get(_SESSION_PROOF):
        return None
    return actor_of(operator, by_cookie=True)


def operator_of(actor: Actor) -> ConsoleOperator | None:
    """The operator that acts here: the credential's own, or the signed-in user's. Resolved once for each actor object."""
    if actor.kind is Kind.CONSOLE_OPERATOR:
        return actor.subject
    if actor.kind is not Kind.USER:
        return None
    if "console_operator" not in actor.memo:
        actor.memo["console_operator"] = operators().filter(user=actor.subject).first()
    return actor.memo["console_operator"]


def require_operator(actor: Actor, permission: Perm = Perm.CONTROL_ROOM_OPERATE) -> ConsoleOperator:
    """The acting operator; ApiError operator_required without one, permission_denied if their user lost what the role was picked with."""
    operator = operator_of(actor)
    if operator is None:
        raise ApiError("operator_required", data={"permission": permission.value})
    require_standing(actor, operator)
    return operator


def require_standing(actor: Actor, operator: ConsoleOperator) -> None:
    """A role is worth what it was picked with."""
    if not keeps_standing(actor, operator):
        raise ApiError("permission_denied", data={"permission": operator.picked_with, "rule": "permission_denied"})


def keeps_standing(actor: Actor | None, operator: ConsoleOperator) -> bool:
    """Whether a permission with which the role can be picked is still held; invited ones need none."""
    if not operator.picked_with:
        return True
    if operator.user is None:
        return False
    as_user = actor if actor is not None and actor.kind is Kind.USER else Actor(kind=Kind.USER, id=str(operator.user_id), subject=operator.user)
    return any(holds(as_user, permission) for permission in picked_with(operator.role))


def require_director(actor: Actor) -> ConsoleOperator:
    """ApiError director_required for everyone else."""
    operator = require_operator(actor, Perm.CONTROL_ROOM_DIRECT)
    if operator.role != ProductionRole.DIRECTOR:
        raise ApiError("director_required", data={"permission": Perm.CONTROL_ROOM_DIRECT.value})
    return operator
