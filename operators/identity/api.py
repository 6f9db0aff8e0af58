"""`/auth/…`: sign-in and out, the own account, sign-ins, the catalogue (03 §9)."""

from rest_framework.response import Response

from config.kernel import pagination
from config.kernel.access import ANONYMOUS, Kind, Perm, Route, require
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.filters import Choice, FilterSet, Uuid
from config.kernel.serializers import NoBody
from config.kernel.viewsets import ListMixin, TallyViewSet
from operators.access.catalogue import CATALOGUE
from operators.access.selectors import standing_of
from operators.identity import services, throttles
from operators.identity.models import SignInKind
from operators.identity.selectors import live_sign_ins, manageable_sign_ins
from operators.identity.serializers import Me, PasswordBody, PermissionShape, Revoked, SignedIn, SignInBody, SignInShape
from operators.identity.signing_in import PublicPosts, demand_same_origin, signed_in
from operators.workspaces.selectors import active_workspace_id, places

_SUBJECTS = {Kind.USER: "user", Kind.API_KEY: "api_key", Kind.CONSOLE_OPERATOR: "operator"}
_ADMINISTRATION = "accounts are administration, no production command"


class SignInOutViewSet(PublicPosts, TallyViewSet):
    """The two routes that work without a credential; their answers are never kept for replay, for they hold secrets."""

    routes = {
        "login": Route(public=True, kinds=frozenset(), exempt=_ADMINISTRATION, errors=("sign_in_failed", "sign_in_locked", "csrf_failed")),
        "logout": Route(public=True, kinds=frozenset(), exempt=_ADMINISTRATION, before_password_change=True),
    }

    def despite(self, error: ApiError, request):
        """Signing out, a dead credential is out already; signing in, the origin is what is checked."""
        if self.action == "login":
            return super().despite(error, request)
        # A key of a suspended workspace opens nothing either.
        if error.status == 401 or error.code == "workspace_suspended":
            return ANONYMOUS
        raise error

    @extend_schema(request=SignInBody, responses={200: SignedIn})
    def login(self, request):
        demand_same_origin(request)
        body = self.body(SignInBody)
        plain = request._request
        user = services.verify_password(request=plain, email=body["email"], password=body["password"])
        data = signed_in(self, user, cookie=body["cookie"])
        reply = Response(self.shape(data, SignedIn))
        throttles.set_device_cookie(plain, reply, user.username)
        return reply

    @extend_schema(request=NoBody, responses={204: None})
    def logout(self, request):
        self.body(NoBody)
        services.sign_out(actor=self.actor)
        if self.actor.by_cookie:
            request._request.session.flush()
        return Response(status=204)


class MeViewSet(TallyViewSet):
    """The caller's own account."""

    routes = {
        "me": Route(kinds=frozenset(_SUBJECTS), before_password_change=True),
        "password": Route(
            before_password_change=True, exempt=_ADMINISTRATION, errors=("current_password_wrong", "password_unavailable", "validation_failed")
        ),
        "permissions": Route(),
    }
    stores_replies = False

    @extend_schema(responses={200: Me})
    def me(self, request):
        standing, kind = standing_of(self.actor), self.actor.kind
        held = {Kind.USER: lambda: standing.permissions, Kind.API_KEY: lambda: self.actor.subject.scopes}
        in_tenants = kind is not Kind.CONSOLE_OPERATOR
        data = {
            "kind": kind.value,
            _SUBJECTS[kind]: self.actor.subject,
            "permissions": sorted(held.get(kind, lambda: standing.console.permissions)()),
            "workspaces": places(self.actor, standing.tenant) if in_tenants else [],
            "active_workspace_id": active_workspace_id(self.actor) if in_tenants else None,
        }
        return Response(self.shape(data, Me))

    @extend_schema(request=PasswordBody, responses={204: None})
    def password(self, request):
        body = self.body(PasswordBody)
        services.change_password(actor=self.actor, current=body["current_password"], new=body["new_password"])
        return Response(status=204)

    @extend_schema(responses={200: PermissionShape(many=True)})
    def permissions(self, request):
        rows = [
            {
                "permission": entry.perm.value,
                "lets": entry.lets,
                "kind": entry.kind or None,
                "roles": sorted(role.value for role in entry.roles),
                "workspace_roles": sorted(entry.workspace_roles),
                "key": entry.key,
            }
            for entry in CATALOGUE.values()
        ]
        return pagination.Page(self.shape(rows, PermissionShape, many=True), limit=len(rows), next_cursor=None)


class SignInFilters(FilterSet):
    """`userId` needs `auth:manage` for anyone but oneself."""

    user_id = Uuid("user_id", doc="Whose; oneself when absent. Others need `auth:manage`.")
    kind = Choice("kind", choices=SignInKind.values)
    search_fields = ("user_agent",)
    sorts = {"createdAt": "created_at", "lastSeenAt": "last_seen_at", "expiresAt": "expires_at"}
    default_sort = "-createdAt"


class SignInViewSet(ListMixin, TallyViewSet):
    """Live sign-ins: one's own, or with `auth:manage` anyone's."""

    routes = {
        "list": Route(errors=("permission_denied",)),
        "destroy": Route(exempt=_ADMINISTRATION, errors=("permission_denied",)),
        "revoke_others": Route(exempt=_ADMINISTRATION),
    }
    filters = SignInFilters
    serializer_class = SignInShape
    queryset = live_sign_ins()  # for the path parameter's type in the OpenAPI document

    def rows(self, permission: Perm | None = None):
        asked = self.filters(self.request.GET).values.get("user_id") or [self.actor.id]
        if any(str(pk) != self.actor.id for pk in asked):
            require(self.actor, Perm.AUTH_MANAGE)
        return live_sign_ins(*asked)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):  # noqa: A002 - the path's name
        row = manageable_sign_ins(self.actor).filter(pk=id).first()
        if row is None:
            raise ApiError("not_found")
        services.revoke_sign_in(actor=self.actor, row=row)
        if str(row.pk) == self.actor.sign_in_id and self.actor.by_cookie:
            request._request.session.flush()
        return Response(status=204)

    @extend_schema(request=NoBody, responses={200: Revoked})
    def revoke_others(self, request):
        self.body(NoBody)
        return Response({"revoked": services.revoke_others(actor=self.actor)})
