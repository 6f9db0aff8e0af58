"""`/operator/…`: people of the control room, invites, locks, hand-overs (04 §6)."""

from contextlib import suppress

from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from config.kernel import authentication, clock, credentials, guard, wire
from config.kernel.access import Actor, Kind, Perm, Route, holds
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError, translate
from config.kernel.serializers import NoBody
from config.kernel.viewsets import ListMixin, TallyViewSet
from operators.console import handovers, invites, locks, presence, registration
from operators.console.brake import bounded
from operators.console.filters import InviteFilters, OperatorFilters
from operators.console.identity import IN_THE_ROOM, keeps_standing, operator_of, operators, require_director, require_operator
from operators.console.serializers import (
    AskBody,
    ConsoleOperatorShape,
    Done,
    HandoverShape,
    Heartbeat,
    InviteBody,
    InviteIssued,
    InviteRotation,
    InviteShape,
    LockBody,
    Locked,
    MyOperator,
    Reconnected,
    RegisterBody,
    Registered,
    SubsystemBody,
    Token,
)
from operators.console.states import HEARTBEAT_SECONDS, ProductionRole, commands_of, picked_with

_PEOPLE = "people, not production"
_COUNTED = {"register", "reconnect", "heartbeat"}
_INVITED = ("invite_required", "invite_invalid", "invite_expired", "invite_revoked", "invite_used_up")


def _room(**facts) -> Route:
    """An unsafe route for whoever is in the room."""
    return Route(kinds=IN_THE_ROOM, exempt=_PEOPLE, errors=("operator_required", *facts.pop("errors", ())), **facts)


def _director(**facts) -> Route:
    return _room(errors=("director_required", *facts.pop("errors", ())), **facts)


class OperatorViewSet(ListMixin, TallyViewSet):
    """Who is here."""

    routes = {
        "register": Route(
            public=True,
            exempt=_PEOPLE,
            errors=(
                *_INVITED,
                "permission_denied",
                "duplicate_name",
                "operator_id_taken",
                "operator_exists",
                "limit_reached",
                "credential_not_accepted",
            ),
        ),
        "reconnect": _room(),
        "heartbeat": _room(),
        "list": Route(Perm.CONTROL_ROOM_READ),
        "me": Route(kinds=IN_THE_ROOM),
        "rotate_token": _room(),
        "lock": _room(errors=("role_not_permitted", "operator_not_connected", "subsystem_locked")),
        "unlock": _room(errors=("not_locked", "lock_not_owned")),
        "force_unlock": _director(errors=("not_locked",)),
        "destroy": Route(
            kinds=IN_THE_ROOM,
            public=True,
            exempt=_PEOPLE,
            errors=("operator_id_required", "operator_required", "not_self_or_director", "permission_denied", "not_found"),
        ),
        "destroy_nobody": Route(kinds=IN_THE_ROOM, public=True, exempt=_PEOPLE, errors=("operator_id_required",)),
        "invite_tokens": Route(kinds=IN_THE_ROOM, errors=("operator_required", "director_required")),
    }
    filters = OperatorFilters
    serializer_class = ConsoleOperatorShape

    def get_queryset(self):
        return operators()

    def stranger_scope(self, request) -> str | None:
        """A guest's registration is their invite's."""
        if self.action != "register":
            return None
        with suppress(ValueError):
            body = wire.loads(request.body)
            if isinstance(body, dict) and isinstance(token := body.get("inviteToken"), str) and token:
                return f"invite:{credentials.digest(token).hex()}"
        return None

    def initial(self, request, *args, **kwargs):
        if self.action not in _COUNTED:
            super().initial(request, *args, **kwargs)
            return
        with bounded(request):
            super().initial(request, *args, **kwargs)

    def perform_authentication(self, request):
        """Where nobody is registered, deleting looks at no credential (04 §1)."""
        if self.action in {"destroy", "destroy_nobody"} and registration.is_empty():
            authentication.skip(request)
        else:
            super().perform_authentication(request)

    def get_serializer_context(self):
        if self.action not in {"list", "me"}:
            return super().get_serializer_context()
        held: dict = {}
        for lock in locks.living():
            held.setdefault(lock.operator_id, []).append(lock.subsystem)
        me = operator_of(self.actor)
        return {
            **super().get_serializer_context(),
            "now": clock.now(),
            "held": held,
            "director": me is not None and me.role == ProductionRole.DIRECTOR and keeps_standing(self.actor, me),
        }

    @extend_schema(request=RegisterBody, responses={200: Registered})
    def register(self, request):
        with bounded(request._request):
            if self.actor.kind not in (Kind.USER, Kind.ANONYMOUS):
                raise guard.not_accepted(self.actor, self.route)
            body, wrong = self._fields()
            invite = registration.entrance(self.actor, RegisterBody.door(request.data))
            if wrong is not None:
                raise wrong
            name, role = registration.checked_name(body.get("name") or ""), body.get("role")
            if invite is None and role not in ProductionRole.values:
                raise FieldError("role", "role_invalid", f"The role must be one of {', '.join(ProductionRole.values)}.")
            public_id = registration.checked_id(body.get("id"))
            operator, token = registration.register(actor=self.actor, invite=invite, name=name, role=role, public_id=public_id)
        data = {"id": operator.public_id, "name": operator.name, "role": operator.role}
        reply = Response(data | {"token": token}, headers={"Cache-Control": "no-store"})
        reply.replay_body = data | {"token": None}
        return reply

    def _fields(self) -> tuple[dict, Exception | None]:
        """The body's fields, or what is wrong with them; unknown ones are refused at once (04 §1: they come before the door)."""
        try:
            return self.body(RegisterBody), None
        except ValidationError as error:
            if translate(error).code == "unknown_parameter" or not isinstance(self.request.data, dict):
                raise
            return {}, error

    @extend_schema(request=NoBody, responses={200: Reconnected})
    def reconnect(self, request):
        operator = require_operator(self.actor)
        self.body(NoBody)
        presence.seen(operator, self.actor)
        return Response({"id": operator.public_id, "name": operator.name, "role": operator.role, "locks": locks.of_operator(operator)})

    @extend_schema(request=NoBody, responses={200: Heartbeat})
    def heartbeat(self, request):
        operator = require_operator(self.actor)
        self.body(NoBody)
        revived = presence.seen(operator, self.actor)
        return Response({"ok": True, "revived": revived, "locks": locks.of_operator(operator), "heartbeatSeconds": HEARTBEAT_SECONDS})

    @extend_schema(responses={200: MyOperator})
    def me(self, request):
        operator = operator_of(self.actor)
        return Response(
            {
                "operator": self.shape(operator) if operator else None,
                "locks": locks.of_operator(operator) if operator else [],
                "commands": commands_of(operator.role) if operator else [],
                "mayRegisterAs": _may_register_as(self.actor),
            }
        )

    @extend_schema(request=NoBody, responses={200: Token})
    def rotate_token(self, request):
        operator = require_operator(self.actor)
        self.body(NoBody)
        reply = Response({"token": registration.rotate_token(actor=self.actor, operator=operator)}, headers={"Cache-Control": "no-store"})
        reply.replay_body = {"token": None}
        return reply

    @extend_schema(request=LockBody, responses={200: Locked})
    def lock(self, request):
        operator = require_operator(self.actor)
        lock = locks.acquire(actor=self.actor, operator=operator, **self.body(LockBody))
        return Response({"ok": True, "subsystem": lock.subsystem, "acquiredAt": clock.wire(lock.acquired_at)})

    @extend_schema(request=SubsystemBody, responses={200: Done})
    def unlock(self, request):
        operator = require_operator(self.actor)
        locks.release(actor=self.actor, operator=operator, **self.body(SubsystemBody))
        return Response({"ok": True})

    @extend_schema(request=LockBody, responses={200: Done})
    def force_unlock(self, request):
        director = require_director(self.actor)
        locks.force(actor=self.actor, director=director, **self.body(LockBody))
        return Response({"ok": True})

    @extend_schema(request=None, responses={200: Done})
    def destroy(self, request, id):  # noqa: A002 - the path's name
        if not id.strip():
            raise ApiError("operator_id_required")
        if registration.is_empty():
            raise ApiError("not_found")
        if self.actor.is_anonymous:
            raise ApiError("not_authenticated")
        if self.actor.kind not in IN_THE_ROOM:
            raise guard.not_accepted(self.actor, self.route)
        registration.remove(actor=self.actor, public_id=id)
        return Response({"ok": True})

    @extend_schema(request=None, responses={200: Done})
    def destroy_nobody(self, request):
        raise ApiError("operator_id_required")

    @extend_schema(responses={200: dict[str, str]})
    def invite_tokens(self, request):
        require_director(self.actor)
        return Response(invites.role_tokens(actor=self.actor), headers={"Cache-Control": "no-store"})


def _may_register_as(actor: Actor) -> list[str]:
    """The roles that a signed-in user may pick without an invite."""
    if actor.kind is not Kind.USER:
        return []
    return [role for role in ProductionRole.values if any(holds(actor, permission) for permission in picked_with(role))]


class InviteViewSet(ListMixin, TallyViewSet):
    """Invites; a director's."""

    routes = {
        "list": Route(kinds=IN_THE_ROOM, errors=("operator_required", "director_required")),
        "create": _director(errors=("invite_exists",)),
        "rotate": _director(errors=("invite_closed",)),
        "destroy": _director(),
    }
    filters = InviteFilters
    serializer_class = InviteShape

    def get_queryset(self):
        return invites.every()

    def rows(self, permission=None):
        """Directors see all of them, and nobody else comes this far."""
        return self.get_queryset()

    def list(self, request):
        require_director(self.actor)
        return super().list(request)

    @extend_schema(request=InviteBody, responses={201: InviteIssued})
    def create(self, request):
        require_director(self.actor)
        invite, token = invites.create(actor=self.actor, **self.body(InviteBody))
        return self._issued(invite, token, status=201, headers={"Location": f"/api/v1/operator/invites/{invite.pk}"})

    @extend_schema(request=InviteRotation, responses={200: InviteIssued})
    def rotate(self, request, id):  # noqa: A002
        require_director(self.actor)
        invite = self.get_object()
        return self._issued(*invites.rotate(actor=self.actor, invite=invite, **self.body(InviteRotation)))

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        require_director(self.actor)
        invites.revoke(actor=self.actor, invite=self.get_object())
        return Response(status=204)

    def _issued(self, invite, token, *, status=200, headers=()):
        shown = self.shape(invite)
        reply = Response({"invite": shown, "token": token}, status=status, headers={"Cache-Control": "no-store", **dict(headers)})
        reply.replay_body = {"invite": shown, "token": None}
        return reply


class HandoverViewSet(TallyViewSet):
    """Asking for a lock."""

    routes = {
        "create": _room(errors=("not_locked", "role_not_permitted", "operator_not_connected", "already_holder", "handover_pending")),
        "give": _room(errors=("lock_not_owned", "handover_closed")),
        "refuse": _room(errors=("lock_not_owned", "handover_closed")),
        "destroy": _room(errors=("not_self_or_director", "handover_closed")),
    }
    serializer_class = HandoverShape

    def get_queryset(self):
        return handovers.every()

    def rows(self, permission=None):
        """Everybody in the room sees who asks whom."""
        return self.get_queryset()

    @extend_schema(request=AskBody, responses={201: HandoverShape})
    def create(self, request):
        operator = require_operator(self.actor)
        handover = handovers.ask(actor=self.actor, operator=operator, **self.body(AskBody))
        return Response(self.shape(handover), status=201, headers={"Location": f"/api/v1/operator/handovers/{handover.pk}"})

    @extend_schema(request=NoBody, responses={200: HandoverShape})
    def give(self, request, id):  # noqa: A002
        return self._answered(handovers.give)

    @extend_schema(request=NoBody, responses={200: HandoverShape})
    def refuse(self, request, id):  # noqa: A002
        return self._answered(handovers.refuse)

    def _answered(self, answer):
        operator = require_operator(self.actor)
        handover = self.get_object()
        self.body(NoBody)
        return Response(self.shape(answer(actor=self.actor, operator=operator, handover=handover)))

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        require_operator(self.actor)
        handovers.withdraw(actor=self.actor, handover=self.get_object())
        return Response(status=204)
