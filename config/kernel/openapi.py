"""The OpenAPI document, made from what the viewsets declare: routes, filters, error codes; without warnings.

An action documents its own body and answer with `documenting.extend_schema(request=…, responses=…)`; everything else (security, parameters of lists, the
`{data}` envelope, error answers per status, versions, idempotency) is added here.
"""

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema

from config.kernel import openapi_extensions  # noqa: F401 - registered by import
from config.kernel.access import UNSAFE_METHODS
from config.kernel.error_codes import CODES

_COMMON = (
    "not_authenticated",
    "credential_invalid",
    "credential_expired",
    "credential_revoked",
    "credential_not_accepted",
    "conflicting_credentials",
)
_ALWAYS = (
    "throttled",
    "not_acceptable",
    "internal_error",
    "not_ready",
    "busy",
    "method_not_allowed",
    "version_unsupported",
    "unknown_parameter",
    "validation_failed",
)
ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "transient": {"type": "boolean"},
        "message": {"type": "string"},
        "data": {"type": "object", "additionalProperties": True},
    },
    "required": ["code", "transient", "message"],
    "additionalProperties": False,
}
_META = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer"},
        "returned": {"type": "integer"},
        "nextCursor": {"type": ["string", "null"]},
        "from": {"type": "string"},
    },
    "required": ["limit", "returned", "nextCursor"],
}


class TallyAutoSchema(AutoSchema):
    """See the module."""

    @property
    def _route(self):
        return getattr(self.view, "routes", {}).get(getattr(self.view, "action", None))

    def get_tags(self):
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation_id(self):
        parts = [part.strip("{}") for part in self.path.removeprefix("/api/v1/").replace("-", "_").split("/")]
        return "_".join([*parts, self.method.lower()])

    def get_auth(self):
        route = self._route
        schemes = [{"bearer": []}, {"cookie": []}]
        return [{}, *schemes] if route is None or route.public else schemes

    def _is_list_view(self, serializer=None):
        return getattr(self.view, "action", "") == "list"

    def get_filter_backends(self):
        return []

    def get_override_parameters(self):
        parameters = [
            OpenApiParameter(
                "Operator-Version",
                {"type": "string", "enum": settings.API_VERSIONS},
                OpenApiParameter.HEADER,
                description="API version as of a date.",
            ),
        ]
        route = self._route
        action = getattr(self.view, "action", "")
        filters = getattr(self.view, "filters", None)
        if filters is not None and action in {"list", "facets", "export"}:
            for name, (_, item) in filters.by_wire_name.items():
                parameters.append(
                    OpenApiParameter(name, {"type": "array", "items": item.schema}, description=item.doc or f"Filter by {name}; repeat for several.")
                )
            if filters.search_fields:
                parameters.append(
                    OpenApiParameter("search", {"type": "string", "minLength": 2, "maxLength": 200}, description="Every word, ignoring case.")
                )
        if filters is not None and action == "list":
            sorts = [sign + name for name in filters.sorts for sign in ("", "-")]
            parameters.append(OpenApiParameter("sort", {"type": "string", "enum": sorts, "default": filters.default_sort}))
            parameters.append(OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}))
            parameters.append(OpenApiParameter("cursor", {"type": "string"}, description="`meta.nextCursor` of the page before."))
        if action in {"export", "export_selected"}:
            parameters.append(OpenApiParameter("format", {"type": "string", "enum": ["csv", "jsonl"], "default": "csv"}))
        documented = {parameter.name for parameter in parameters}
        for name in route.query if route else ():
            if name not in documented and name not in self._declared():
                parameters.append(OpenApiParameter(name, {"type": "string"}))
        if self.method in {"POST", "PATCH"}:
            parameters.append(OpenApiParameter("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}, OpenApiParameter.HEADER))
        return parameters

    def _declared(self) -> set[str]:
        """Parameters that the action documents itself with @extend_schema."""
        return set(getattr(getattr(self.view, getattr(self.view, "action", ""), None), "query_documented", ()))

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        for status, reply in responses.items():
            if status.startswith("2"):
                for media_type, content in reply.get("content", {}).items():
                    if media_type == "application/json":
                        content["schema"] = self._enveloped(content.get("schema", {}))
        for status, codes in self._errors().items():
            if status not in responses:
                responses[status] = _error_response(codes)
        return responses

    def _enveloped(self, schema: dict) -> dict:
        properties = {"data": schema}
        if getattr(self.view, "action", "") == "list":
            properties["meta"] = _META
        return {"type": "object", "properties": properties, "required": list(properties)}

    def _errors(self) -> dict[str, list[str]]:
        route = self._route
        codes = list(_ALWAYS) + list(_COMMON)
        if route is not None:
            codes += list(route.errors)
            if route.permission is not None:
                codes += ["permission_denied", "password_change_required"]
            if route.subsystem is not None:
                codes.append("subsystem_locked")
        codes.append("not_found")
        if self.method in UNSAFE_METHODS:
            codes += ["csrf_failed", "body_too_large", "length_required", "unsupported_media_type", "reference_not_found", "edit_conflict"]
        if self.method in {"POST", "PATCH"}:
            codes += ["idempotency_key_in_use", "idempotency_key_reused"]
        by_status: dict[str, list[str]] = {}
        for code in codes:
            by_status.setdefault(str(CODES[code].status), []).append(code)
        return by_status


class Generator(SchemaGenerator):
    """spectacular's, on what the actions keep for it (`documenting`)."""

    def create_view(self, callback, method, request=None):
        name = getattr(callback, "actions", {}).get(method.lower())
        action = getattr(callback.cls, name) if name else None
        facts = getattr(action, "documented", None)
        if facts is not None and "schema" not in getattr(action, "kwargs", {}):
            extend_schema(**facts)(action)
        return super().create_view(callback, method, request)


def _error_response(codes: list[str]) -> dict:
    return {
        "description": ", ".join(f"`{code}`" for code in dict.fromkeys(codes)),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def only_api(endpoints, **_kwargs):
    """The document describes /api/v1; pages and admin are for people."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def finish(result, generator, request, public):
    """Add the error shape and the credentials to the components."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`tr_usr_…`, `tr_node_…` and the other credentials."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
    }
    return result
