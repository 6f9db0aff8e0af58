"""`/workspaces/:id/api-keys` (03 §9). The token stands in the answer to its minting and nowhere else."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from operators.workspaces import guards, keys, selectors
from operators.workspaces.api import TENANCY, InWorkspace
from operators.workspaces.filters import KeyFilters
from operators.workspaces.serializers import KeyBody, KeyShape, MintedKey, RevokeBody


class ApiKeyViewSet(InWorkspace):
    """Keys of a workspace: listed and revoked by whoever manages them, minted by a signed-in OWNER."""

    routes = {
        "list": Route(Perm.KEY_MANAGE, errors=("workspace_suspended",)),
        "create": Route(Perm.KEY_MANAGE, exempt=TENANCY, errors=("limit_reached", "workspace_suspended")),
        "revoke": Route(Perm.KEY_MANAGE, exempt=TENANCY, errors=("workspace_suspended",)),
    }
    filters = KeyFilters
    serializer_class = KeyShape
    lookup_url_kwarg = "kid"

    def get_queryset(self):
        return selectors.api_keys(self.kwargs.get("id"))

    def list(self, request, id):  # noqa: A002 - the path's name
        guards.demand(self.actor, self.workspace(), Perm.KEY_MANAGE)
        return super().list(request)

    @extend_schema(request=KeyBody, responses={201: MintedKey})
    def create(self, request, id):  # noqa: A002
        key, token = keys.mint(actor=self.actor, workspace=self.workspace(), **self.body(KeyBody))
        reply = Response(self.shape(key, MintedKey, token=token), status=201)
        reply.replay_body = self.shape(key, MintedKey, token=None)
        return reply

    @extend_schema(request=RevokeBody, responses={200: KeyShape})
    def revoke(self, request, id, kid):  # noqa: A002
        self.workspace()
        return Response(self.shape(keys.revoke(actor=self.actor, key=self.get_object(), **self.body(RevokeBody))))
