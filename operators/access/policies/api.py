"""`/auth/access-policies` and `/auth/access/explain` (03 §7, §9)."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.kernel.access import Perm, Route, require
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.etags import check_if_match
from config.kernel.viewsets import TallyViewSet
from operators.access import scopes
from operators.access.policies import explain, selectors, services
from operators.access.policies.serializers import ExplainedShape, PoliciesBody, PoliciesShape
from operators.identity.people.selectors import user_named


class AccessPolicyViewSet(TallyViewSet):
    """The rules above roles and grants."""

    routes = {
        "read": Route(Perm.AUTH_MANAGE),
        "replace": Route(Perm.AUTH_MANAGE, exempt="access is administration, no production command", errors=("reference_not_found",)),
    }

    def _reply(self, rows) -> Response:
        return Response(self.shape({"policies": rows}, PoliciesShape), headers={"ETag": selectors.tag(rows)})

    @extend_schema(responses={200: PoliciesShape})
    def read(self, request):
        return self._reply(selectors.policies())

    @extend_schema(request=PoliciesBody, responses={200: PoliciesShape})
    def replace(self, request):
        rules = [services.wanted(item) for item in self.body(PoliciesBody)["policies"]]
        rows = services.replace(actor=self.actor, rules=rules, check=lambda held: check_if_match(request, selectors.tag(held)))
        return self._reply(rows)


_QUERY = ("userId", "permission", "resourceType", "resourceId")


class ExplainViewSet(TallyViewSet):
    """Why one may or may not: oneself, or with `auth:manage` anyone."""

    routes = {"explain": Route(query=_QUERY, errors=("permission_denied", "not_found"))}

    @extend_schema(
        parameters=[
            OpenApiParameter("userId", {"type": "string", "format": "uuid"}, description="Who; oneself when absent. Others need `auth:manage`."),
            OpenApiParameter("permission", {"type": "string", "enum": [perm.value for perm in Perm]}, required=True),
            OpenApiParameter("resourceType", {"type": "string"}, description="With resourceId: the thing in question."),
            OpenApiParameter("resourceId", {"type": "string"}),
        ],
        responses={200: ExplainedShape},
    )
    def explain(self, request):
        asked = request.GET
        user = self._user(asked.get("userId"))
        permission = next((perm for perm in Perm if perm.value == asked.get("permission")), None)
        if permission is None:
            raise FieldError("permission", "invalid_choice", "Name a permission of the catalogue.")
        return Response(self.shape(explain.explain(user, permission, self._link(asked)), ExplainedShape))

    explain.query_documented = _QUERY

    def _user(self, pk: str | None):
        if pk is None or pk == self.actor.id:
            return self.actor.subject
        require(self.actor, Perm.AUTH_MANAGE)
        user = user_named(pk)
        if user is None:
            raise ApiError("not_found")
        return user

    def _link(self, asked) -> scopes.Link | None:
        kind, pk = asked.get("resourceType"), asked.get("resourceId")
        if (kind is None) != (pk is None):
            raise FieldError("resourceId" if pk is None else "resourceType", "required", "Name the thing by its type and its id.")
        if kind is None:
            return None
        if scopes.named(kind) is None:
            raise FieldError("resourceType", "invalid_choice", "There is no such kind.")
        return explain.link_for(self.actor, kind, pk)
