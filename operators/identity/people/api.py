"""`/auth/users` and `/auth/groups` (03 §9): all of it asks for `auth:manage`."""

from rest_framework.response import Response

from config.kernel import pagination
from config.kernel.access import Perm, Route
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.etags import check_if_match, etag
from config.kernel.viewsets import TallyViewSet
from operators.identity.people import actions, groups, selectors, services
from operators.identity.people.filters import GroupFilters, UserFilters
from operators.identity.people.serializers import (
    AccessBody,
    GroupBody,
    GroupShape,
    NewUser,
    PersonShape,
    ResetBody,
    ResetShape,
    StatusBody,
    UserDetail,
    grants_in,
)

_ADMINISTRATION = "accounts are administration, no production command"
_LOCKOUTS = ("self_lockout", "last_owner")


class _Holders(TallyViewSet):
    """What users and groups share: shapes that need the grants of all rows at once."""

    def shaped(self, rows):
        return self.shape(rows, many=True, grants=selectors.Grants(rows))

    def one(self, row):
        return self.shape(row, grants=selectors.Grants([row]))

    def list(self, request):
        chosen = self.filters(request.GET)
        rows, limit, cursor = pagination.page(chosen.apply(self.rows()), request, chosen)
        return pagination.Page(self.shaped(rows), limit=limit, next_cursor=cursor)


class UserViewSet(_Holders):
    """People, and what they may do."""

    routes = {
        "list": Route(Perm.AUTH_MANAGE),
        "retrieve": Route(Perm.AUTH_MANAGE),
        "actions": Route(Perm.AUTH_MANAGE),
        "create": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=("email_taken", "reference_not_found")),
        "access": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=(*_LOCKOUTS, "reference_not_found")),
        "password": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=("password_unavailable",)),
        "status": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=_LOCKOUTS),
        "destroy": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=_LOCKOUTS),
    }
    filters = UserFilters
    serializer_class = PersonShape

    def get_queryset(self):
        return selectors.users()

    @staticmethod
    def tag(user) -> str:
        return etag(user.pk, user.disabled_at, user.must_change_password, services.access_of(user))

    def _check(self):
        return lambda row: check_if_match(self.request, self.tag(row))

    def _reply(self, user, status: int = 200, **headers) -> Response:
        user = selectors.user(user.pk)
        return Response(self.one(user), status=status, headers={"ETag": self.tag(user), **headers})

    @extend_schema(request=NewUser, responses={201: PersonShape})
    def create(self, request):
        body = self.body(NewUser)
        user = services.create(
            actor=self.actor, email=body["email"], name=body["name"], password=body["password"], roles=body["roles"],
            groups=body.get("groups", ()), grants=grants_in(body) or (),
        )  # fmt: skip
        return self._reply(user, 201, Location=actions.href(user))

    @extend_schema(responses={200: UserDetail})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        user = self.get_object()
        possible = states(actions.of(user, self.actor), self.actor, user)["actions"]
        links = actions.links(user)
        links["signIns"] = links.pop("sign_ins")
        return Response({"user": self.one(user), "actions": possible, "links": links}, headers={"ETag": self.tag(user)})

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        user = self.get_object()
        return Response(states(actions.of(user, self.actor), self.actor, user))

    @extend_schema(request=AccessBody, responses={200: PersonShape})
    def access(self, request, id):  # noqa: A002
        user = self.get_object()
        body = self.body(AccessBody)
        changed = services.set_access(
            actor=self.actor, user=user, roles=body.get("roles"), groups=body.get("groups"), grants=grants_in(body), check=self._check()
        )
        return self._reply(changed)

    @extend_schema(request=ResetBody, responses={200: ResetShape})
    def password(self, request, id):  # noqa: A002
        user = self.get_object()
        body = self.body(ResetBody)
        made = services.reset_password(actor=self.actor, user=user, password=body.get("password"), check=self._check())
        shown = {"user": self.one(selectors.user(user.pk))}
        reply = Response(shown | ({"password": made} if made else {}))
        reply.replay_body = shown
        return reply

    @extend_schema(request=StatusBody, responses={200: PersonShape})
    def status(self, request, id):  # noqa: A002
        user = self.get_object()
        body = self.body(StatusBody)
        changed = services.set_status(actor=self.actor, user=user, disabled=body["disabled"], reason=body.get("reason", ""), check=self._check())
        return self._reply(changed)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        services.delete(actor=self.actor, user=self.get_object())
        return Response(status=204)


class GroupViewSet(_Holders):
    """Groups of users."""

    routes = {
        "list": Route(Perm.AUTH_MANAGE),
        "create": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=("duplicate_name", "limit_reached", "reference_not_found")),
        "partial_update": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=("duplicate_name", *_LOCKOUTS, "reference_not_found")),
        "destroy": Route(Perm.AUTH_MANAGE, exempt=_ADMINISTRATION, errors=_LOCKOUTS),
    }
    filters = GroupFilters
    serializer_class = GroupShape

    def get_queryset(self):
        return selectors.groups()

    @staticmethod
    def tag(group) -> str:
        return etag(group.pk, groups.state_of(group))

    def _reply(self, group, status: int = 200, **headers) -> Response:
        group = selectors.group(group.pk)
        return Response(self.one(group), status=status, headers={"ETag": self.tag(group), **headers})

    @extend_schema(request=GroupBody, responses={201: GroupShape})
    def create(self, request):
        body = self.body(GroupBody)
        made = groups.create(
            actor=self.actor, name=body["name"], roles=body.get("roles", ()), members=body.get("members", ()), grants=grants_in(body) or ()
        )
        return self._reply(made, 201, Location=f"/api/v1/auth/groups/{made.pk}")

    @extend_schema(request=GroupBody, responses={200: GroupShape})
    def partial_update(self, request, id):  # noqa: A002
        group = self.get_object()
        body = self.body(GroupBody, partial=True)
        changed = groups.edit(
            actor=self.actor, group=group, name=body.get("name"), roles=body.get("roles"), members=body.get("members"), grants=grants_in(body),
            check=lambda row: check_if_match(request, self.tag(row)),
        )  # fmt: skip
        return self._reply(changed)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        groups.delete(actor=self.actor, group=self.get_object())
        return Response(status=204)
