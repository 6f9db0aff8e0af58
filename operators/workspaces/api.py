"""`/workspaces/…` and `/auth/workspace/select` (03 §5, §9)."""

from rest_framework.response import Response

from config.kernel import pagination
from config.kernel.access import Perm, Route, ports, refusal, require
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.etags import etag, unless_changed
from config.kernel.viewsets import ListMixin, TallyViewSet
from operators.identity import throttles
from operators.identity.signing_in import PublicPosts, demand_same_origin
from operators.identity.wallets.api import challenge
from operators.identity.wallets.models import Purpose
from operators.identity.wallets.serializers import ChallengeBody, ChallengeShape
from operators.workspaces import guards, selectors, services
from operators.workspaces.availability import availability_of
from operators.workspaces.filters import WorkspaceFilters
from operators.workspaces.models import Workspace
from operators.workspaces.serializers import SelectBody, Selected, WorkspaceBody, WorkspacePatch, WorkspaceShape
from operators.workspaces.states import Availability

TENANCY = "tenants are administration, no production command"
CREATIONS = 10


class WorkspaceViewSet(ListMixin, PublicPosts, TallyViewSet):
    """Workspaces in reach: of the installation's roles, of members, of a key its own. Making one is public: the signature in the body proves who asks."""

    routes = {
        "challenge": Route(public=True, kinds=frozenset(), exempt=TENANCY),
        "create": Route(
            public=True,
            kinds=frozenset(),
            exempt=TENANCY,
            errors=("challenge_invalid", "signature_invalid", "sign_in_failed", "slug_taken", "limit_reached", "csrf_failed"),
        ),
        "list": Route(Perm.WORKSPACE_READ),
        "retrieve": Route(Perm.WORKSPACE_READ),
        "actions": Route(Perm.WORKSPACE_READ),
        "partial_update": Route(Perm.WORKSPACE_MANAGE, exempt=TENANCY, errors=("workspace_suspended", "edit_conflict")),
    }
    filters = WorkspaceFilters
    serializer_class = WorkspaceShape
    read_permission = Perm.WORKSPACE_READ

    def get_queryset(self):
        return selectors.workspaces()

    @property
    def stores_replies(self) -> bool:
        """A challenge is spent in a transaction of its own, so what spends one can't be inside that of an Idempotency-Key."""
        return self.request.method != "POST"

    def despite(self, error: ApiError, request):
        """Where the signature proves who asks, a cookie without its CSRF token counts for nothing."""
        if self.route.public:
            return super().despite(error, request)
        raise error

    @extend_schema(request=ChallengeBody, responses={200: ChallengeShape})
    def challenge(self, request):
        return challenge(self, Purpose.CREATE_WORKSPACE)

    @extend_schema(request=WorkspaceBody, responses={201: WorkspaceShape})
    def create(self, request):
        demand_same_origin(request)
        throttles.count(request._request, "workspace", CREATIONS)
        workspace = services.create(**self.body(WorkspaceBody))
        headers = {"Location": f"/api/v1/workspaces/{workspace.pk}", "ETag": tag(workspace)}
        return Response(self.shape(workspace), status=201, headers=headers)

    def list(self, request):
        chosen = self.filters(request.GET)
        rows, limit, cursor = pagination.page(chosen.apply(self.rows()), request, chosen)
        return pagination.Page(
            self.shape(rows, many=True, availability=availability_of(rows, self.actor.environment)), limit=limit, next_cursor=cursor
        )

    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._answer(self.get_object())

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        workspace = self.get_object()
        return Response(states(guards.actions(self.actor, workspace), self.actor, workspace))

    @extend_schema(request=WorkspacePatch, responses={200: WorkspaceShape})
    def partial_update(self, request, id):  # noqa: A002
        workspace = self.get_object()
        changes = self.body(WorkspacePatch)
        if "availability_state" in changes:
            changes["declared_offline"] = changes.pop("availability_state") == Availability.OFFLINE
        if changes.get("coverage"):
            circle = changes["coverage"]
            changes["coverage"] = {"center": dict(circle["center"]), "radiusMeters": circle["radius_meters"]}
        row = services.update(actor=self.actor, workspace=workspace, changes=changes, check=unless_changed(request))
        return self._answer(row)

    def _answer(self, workspace: Workspace) -> Response:
        known = availability_of([workspace], self.actor.environment)
        return Response(self.shape(workspace, availability=known), headers={"ETag": tag(workspace)})


class SelectViewSet(TallyViewSet):
    """The workspace that a sign-in acts in by default."""

    routes = {"select": Route(exempt=TENANCY, errors=("reference_not_found",))}

    @extend_schema(request=SelectBody, responses={200: Selected})
    def select(self, request):
        member = services.select(actor=self.actor, workspace=self.body(SelectBody)["workspace"])
        wallet = self.actor.subject.wallets.first()
        data = {"wallet_address": wallet.address if wallet else None, "workspace_id": member.workspace_id, "role": member.role}
        return Response(self.shape(data, Selected))


class InWorkspace(ListMixin, TallyViewSet):
    """Base of what lies in one workspace of the path (`id`): a hidden workspace is 404, a visible one that refuses is 403."""

    def workspace(self) -> Workspace:
        return self.in_reach(self.route.permission)

    def in_reach(self, permission: Perm) -> Workspace:
        """The workspace of the path, if `permission` reaches it."""
        found = ports.scoped(selectors.workspaces(), self.actor, permission).filter(pk=self.kwargs["id"]).first()
        if found is None:
            seen = ports.scoped(selectors.workspaces(), self.actor, Perm.WORKSPACE_READ).filter(pk=self.kwargs["id"]).first()
            if seen is not None:
                raise refusal(self.actor, permission, seen)
            raise ApiError("not_found", about=[(Workspace, self.kwargs["id"])])
        return found

    def check_query(self, request):
        """A hidden workspace comes before an unknown parameter."""
        try:
            super().check_query(request)
        except ApiError:
            if self.route.permission is not None:
                self.workspace()
            raise

    def require_anywhere(self, permission: Perm) -> None:
        """403 before any object is looked up."""
        require(self.actor, permission)


def tag(workspace: Workspace) -> str:
    return etag(workspace.pk, workspace.revision)
