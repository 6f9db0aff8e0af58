"""The viewset every app builds on: routes declared, rows scoped, parameters known, refusals reported, idempotent when asked.

class NodeViewSet(TallyViewSet):
    routes = {"list": Route(Perm.NODE_READ), "partial_update": Route(Perm.NODE_MANAGE, exempt="fleet inventory, no production command")}
    filters = NodeFilters
    serializer_class = NodeSerializer
    def get_queryset(self): return selectors.nodes()          # everything; `self.rows()` is what this actor may see
"""

from dataclasses import replace
from functools import partial
from uuid import UUID

from django.db import transaction
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from config.kernel import context, exports, guard, idempotency, pagination, ratelimit, references, versions
from config.kernel.access import ANONYMOUS, Actor, Perm, Route, ports, refusal
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.facets import facets
from config.kernel.filters import PAGING, FilterSet, NoFilters, refuse_unknown
from config.kernel.serializers import Serializer

LISTING = {"list", "facets", "export"}


class TallyViewSet(GenericViewSet):
    """See the module. Subclasses declare `routes`, and for lists `filters`."""

    routes: dict[str, Route] = {}
    # False: no answer is kept for `Idempotency-Key`.
    stores_replies = True
    # False: a call with an `Idempotency-Key` is as many transactions as without one, and its answer is kept when they are done.
    one_transaction = True
    filters: type[FilterSet] = NoFilters
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # What version changes of this API are declared for (`versions.VersionChange.resource`).
    resource = ""
    lookup_field = "pk"
    lookup_url_kwarg = "id"
    pagination_class = None
    # Audit area and noun of exports (`node` → verb `node.export.created`); list columns for CSV: [(name, read(row))].
    export_name = ""
    export_columns: exports.Columns = []

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "export" in vars(cls).get("routes", {}):
            cls.routes = cls.routes | {"export": replace(cls.routes["export"], is_export=True)}

    @property
    def route(self) -> Route:
        return self.routes[self.action]

    @property
    def actor(self) -> Actor:
        return self.request.actor

    @property
    def any_accept(self) -> bool:
        """Whether the answer is a file, whose type is no renderer's: an export, known by its `format`."""
        return self.action is not None and "format" in self.known_query()

    def stranger_scope(self, request) -> str | None:
        """Whose an `Idempotency-Key` is where nobody is signed in; None: the header does nothing."""
        return None

    def initialize_request(self, request, *args, **kwargs):
        reply = super().initialize_request(request, *args, **kwargs)
        # DRF calls OPTIONS an action, `metadata`; here it is a method like others that no route knows.
        self.action = self.action_map.get(request.method.lower())
        return reply

    def initial(self, request, *args, **kwargs):
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        try:
            self.perform_authentication(request)
        except Exception:
            # Whoever tries credentials is a stranger, at a stranger's pace.
            ratelimit.check(request, ANONYMOUS)
            raise
        ratelimit.check(request, request.actor)
        versions.pin(request)
        self.check_permissions(request)
        if self.action is not None:
            # DRF calls next what stands under the method's name.
            method = request.method.lower()
            setattr(self, method, partial(idempotency.run, self, partial(self._act, getattr(self, method))))

    def _act(self, handler, request, *args, **kwargs):
        """What lies behind the doors: the lock, the query, the action; its answer as the caller's version knows it."""
        guarded = guard.is_guarded(self.actor, self.route, request.method)
        if guarded:
            ports.check_lock(self.actor, self.route)
        self.check_query(request)
        if guarded and self.route.permission is not None:
            # Routes without a permission are the control room's own and see to it themselves.
            handler = partial(self._command, handler)
        return self._lowered(handler(request, *args, **kwargs))

    def _command(self, handler, *args, **kwargs):
        """The action in a transaction in which the lock is looked at once more before it commits: a command is wholly before or wholly after an
        acquisition, and stands in the room's history."""
        with transaction.atomic():
            reply = handler(*args, **kwargs)
            ports.commanded(self.actor, self.route, self.action, self.command_target(reply))
        return reply

    def command_target(self, reply) -> dict:
        """What a guarded action was about, for the room's history: `{type, id, label}`."""
        noun = self.export_name or getattr(self.get_queryset(), "model", type(self))._meta.model_name
        return {"type": noun, "id": str(self.kwargs.get(self.lookup_url_kwarg, "")) or None, "label": ""}

    def check_query(self, request):
        """Unknown query parameters are 400, but a hidden object comes first (03 §7's order)."""
        try:
            refuse_unknown(request.GET, self.known_query())
        except ApiError:
            if self.lookup_url_kwarg in self.kwargs and self.queryset_is_scoped():
                self.get_object()
            raise

    def queryset_is_scoped(self) -> bool:
        return self.route.permission is not None and type(self).get_queryset is not GenericViewSet.get_queryset

    def known_query(self) -> set[str]:
        known = set(self.route.query)
        if self.action in LISTING:
            known |= self.filters.known()
        if self.action == "list":
            known |= set(PAGING) if self.filters.search_fields else set(PAGING) - {"search"}
        if self.action in {"export", "export_selected"}:
            known.add("format")
        return known

    def permission_denied(self, request, message=None, code=None):
        raise ApiError("permission_denied")

    def finalize_response(self, request, response, *args, **kwargs):
        reply = super().finalize_response(request, response, *args, **kwargs)
        if error := getattr(reply, "tally_error", None):
            ports.refused(error, request, self)
        return reply

    def _lowered(self, reply):
        if self.resource and getattr(reply, "data", None) is not None:
            version = context.current().version
            if getattr(reply, "enveloped", False):
                reply.data["data"] = versions.lower(self.resource, version, reply.data["data"])
            else:
                reply.data = versions.lower(self.resource, version, reply.data)
        return reply

    # --- rows -----------------------------------------------------------------------------------------------------------------

    def id_in_query(self, name: str, of: str) -> UUID:
        """A parameter that has to be there. FieldError of its name."""
        try:
            return UUID(self.request.GET.get(name, ""))
        except ValueError as error:
            raise FieldError(name, "invalid", f"{name} must be the id of a {of}.") from error

    def rows(self, permission: Perm | None = None):
        """What this actor may see of `get_queryset()`, by the route's permission."""
        return ports.scoped(self.get_queryset(), self.actor, permission or self.route.permission)

    def get_object(self):
        """The row of the path, or 404 alike for absent and hidden.

        A reader who lacks the write permission on this very object gets 403 (03 §7): pass `read` in `read_permission`.
        """
        pk = self.kwargs[self.lookup_url_kwarg]
        row = self.rows().filter(pk=pk).first()
        if row is not None:
            return row
        read = getattr(self, "read_permission", None)
        if read and read != self.route.permission and (seen := self.rows(read).filter(pk=pk).first()) is not None:
            raise refusal(self.actor, self.route.permission, seen)
        raise ApiError("not_found")

    def body(self, serializer_class: type[Serializer], *, partial: bool = False, **extra) -> dict:
        """The validated body, snake_case, its references looked up; ApiError validation_failed, unknown_parameter or reference_not_found."""
        data = versions.lift(self.resource, context.current().version, self.request.data)
        serializer = serializer_class(data=data, partial=partial, context={**self.get_serializer_context(), **extra})
        serializer.is_valid(raise_exception=True)
        references.resolve(serializer, self.actor)
        return serializer.validated_data

    def shape(self, row, serializer_class: type[Serializer] | None = None, *, many: bool = False, **extra):
        """The wire shape of a row or rows."""
        serializer = (serializer_class or self.get_serializer_class())(row, many=many, context={**self.get_serializer_context(), **extra})
        return serializer.data


# In each of these `rows()` comes first: where the path names a thing above the rows, a hidden one is 404 before its query or body is looked at.


class ListMixin:
    """GET list: scoped, filtered, sorted, keyset-paged."""

    def list(self, request, *args, **kwargs):
        reached, chosen = self.rows(), self.filters(request.GET)
        rows, limit, cursor = pagination.page(chosen.apply(reached), request, chosen)
        return pagination.Page(self.shape(rows, many=True), limit=limit, next_cursor=cursor)


class FacetsMixin:
    """GET …/facets."""

    @extend_schema(operation_id=None, responses={200: dict})
    def facets(self, request, *args, **kwargs):
        return Response(facets(self.rows(), self.filters(request.GET)))


class ExportMixin:
    """GET …/export (the current filters) and POST …/export (`{ids}`); both audited."""

    def export(self, request, *args, **kwargs):
        reached, chosen = self.rows(), self.filters(request.GET)
        column, descending = chosen.order(None)
        # The list's own order, id included, so that the list's index gives the first row at once.
        sign = "-" if descending else ""
        queryset = chosen.apply(reached).order_by(f"{sign}{column}", f"{sign}pk")
        details = {"filters": {name: [str(value) for value in values] for name, values in chosen.values.items()}, "rows": queryset.count()}
        return self._export(request, self.export_rows(queryset), details)

    @extend_schema(request=exports.ExportBody, responses={200: bytes})
    def export_selected(self, request, *args, **kwargs):
        reached, ids = self.rows(), self.body(exports.ExportBody)["ids"]
        rows = exports.in_order(reached, ids)
        return self._export(request, rows, {"ids": [str(pk) for pk in ids][:50], "rows": len(ids)})

    def export_rows(self, queryset):
        """Rows with what the columns need; override to prefetch in chunks."""
        return queryset.iterator(chunk_size=500)

    def _export(self, request, rows, details: dict):
        kind = exports.format_of(request)
        ports.record(f"{self.export_name}.exported", actor=self.actor, outcome="allowed", permission=self.route.permission, details=details)
        return exports.respond(request, rows, self.export_columns, name=self.export_name.replace(".", "-"), kind=kind)


class RetrieveMixin:
    """GET …/:id."""

    def retrieve(self, request, *args, **kwargs):
        return Response(self.shape(self.get_object()))
