"""`/workspaces/:id/members` (03 §9)."""

from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from operators.workspaces import selectors, services
from operators.workspaces.api import TENANCY, InWorkspace
from operators.workspaces.filters import MemberFilters
from operators.workspaces.models import Member
from operators.workspaces.serializers import MemberBody, MemberShape, RoleBody


class MemberViewSet(InWorkspace):
    """Who belongs to a workspace. Whoever belongs to one may leave it."""

    routes = {
        "list": Route(Perm.WORKSPACE_READ),
        "create": Route(
            Perm.WORKSPACE_MANAGE, exempt=TENANCY, errors=("already_member", "limit_reached", "reference_not_found", "workspace_suspended")
        ),
        "partial_update": Route(Perm.WORKSPACE_MANAGE, exempt=TENANCY, errors=("last_owner", "workspace_suspended")),
        "destroy": Route(kinds=frozenset({Kind.USER}), exempt=TENANCY, errors=("permission_denied", "last_owner", "workspace_suspended")),
    }
    filters = MemberFilters
    serializer_class = MemberShape
    lookup_url_kwarg = "mid"

    def get_queryset(self):
        return selectors.members(self.kwargs.get("id"))

    def list(self, request, id):  # noqa: A002 - the path's name
        self.workspace()
        return super().list(request)

    @extend_schema(request=MemberBody, responses={201: MemberShape})
    def create(self, request, id):  # noqa: A002
        workspace = self.workspace()
        member = services.add_member(actor=self.actor, workspace=workspace, **self.body(MemberBody))
        return Response(self.shape(member), status=201, headers={"Location": f"/api/v1/workspaces/{workspace.pk}/members/{member.pk}"})

    @extend_schema(request=RoleBody, responses={200: MemberShape})
    def partial_update(self, request, id, mid):  # noqa: A002
        self.workspace()
        return Response(self.shape(services.change_role(actor=self.actor, member=self.get_object(), role=self.body(RoleBody)["role"])))

    @extend_schema(responses={204: None})
    def destroy(self, request, id, mid):  # noqa: A002
        member = self.get_queryset().filter(pk=mid, user=self.actor.subject).first() or self._another(mid)
        services.remove_member(actor=self.actor, member=member)
        return Response(status=204)

    def _another(self, mid) -> Member:
        self.require_anywhere(Perm.WORKSPACE_MANAGE)
        self.in_reach(Perm.WORKSPACE_MANAGE)
        member = self.rows(Perm.WORKSPACE_MANAGE).filter(pk=mid).first()
        if member is None:
            raise ApiError("not_found", about=[(Member, mid)])
        return member
