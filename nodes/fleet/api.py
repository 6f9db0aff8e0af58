"""`/sites`, `/rooms`, `/nodes` for people (06 §3). Meters are in `nodes/meters/api.py`, the agent's routes in `agent_api.py`."""

from rest_framework.response import Response

from config.kernel import pagination
from config.kernel.access import Perm, Route, refusal
from config.kernel.actions import Action, states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.etags import etag, unless_changed
from config.kernel.names import camelized
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from nodes.fleet import actions, credentials, exports, selectors, services, shapes, sites
from nodes.fleet.filters import NodeFilters, RoomFilters, SiteFilters
from nodes.fleet.models import Interface, Node, Site
from nodes.fleet.serializers import EnrolBody, InterfaceBody, NodeBody, RotateBody, SiteBody
from nodes.fleet.wire_shapes import CredentialReply, EnrolledShape, InterfaceShape, NodeRowShape, NodeShape, RoomShape, SiteShape

_INVENTORY = "fleet inventory, no production command"


class SiteViewSet(ListMixin, TallyViewSet):
    """Places with recorders."""

    routes = {
        "list": Route(Perm.NODE_READ),
        "retrieve": Route(Perm.NODE_READ),
        "actions": Route(Perm.NODE_READ),
        "create": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("duplicate_name",)),
        "partial_update": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("duplicate_name",)),
        "destroy": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("site_in_use",)),
    }
    filters = SiteFilters
    serializer_class = SiteShape
    read_permission = Perm.NODE_READ

    def get_queryset(self):
        return selectors.sites()

    def _reply(self, site: Site, status: int = 200, **headers) -> Response:
        return Response(self.shape(site), status=status, headers={"ETag": etag(site.pk, site.revision), **headers})

    @extend_schema(responses={200: SiteShape})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._reply(self.get_object())

    @extend_schema(request=SiteBody, responses={201: SiteShape})
    def create(self, request):
        site = sites.create(actor=self.actor, body=self.body(SiteBody))
        return self._reply(site, 201, Location=f"/api/v1/sites/{site.pk}")

    @extend_schema(request=SiteBody, responses={200: SiteShape})
    def partial_update(self, request, id):  # noqa: A002
        site = self.get_object()
        body = self.body(SiteBody, partial=True)
        return self._reply(sites.edit(actor=self.actor, site=site, body=body, check=unless_changed(request)))

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        sites.delete(actor=self.actor, site=self.get_object())
        return Response(status=204)

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        site = self.get_object()
        path = f"/api/v1/sites/{site.pk}"
        in_use = "site_in_use" if selectors.site_in_use(site) else None
        possible = {
            "detail": Action("GET", Perm.NODE_READ, path),
            "edit": Action("PATCH", Perm.NODE_MANAGE, path),
            "delete": Action("DELETE", Perm.NODE_MANAGE, path, code=in_use),
        }
        return Response(states(possible, self.actor, site))


class RoomViewSet(ListMixin, TallyViewSet):
    """Rooms, made on first use in a node's location."""

    routes = {"list": Route(Perm.NODE_READ)}
    filters = RoomFilters
    serializer_class = RoomShape

    def get_queryset(self):
        return selectors.rooms()


class NodeViewSet(FacetsMixin, ExportMixin, TallyViewSet):
    """Recorder machines."""

    routes = {
        "list": Route(Perm.NODE_READ),
        "facets": Route(Perm.NODE_READ),
        "export": Route(Perm.NODE_READ),
        "export_selected": Route(Perm.NODE_READ, exempt="reads"),
        "retrieve": Route(Perm.NODE_READ),
        "actions": Route(Perm.NODE_READ),
        "enroll": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("duplicate_name", "reference_not_found")),
        "partial_update": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("duplicate_name", "node_recording", "node_retired")),
        "rotate": Route(Perm.NODE_MANAGE, exempt="a credential, no production command", errors=("node_retired",)),
        "interface": Route(Perm.NODE_MANAGE, exempt=_INVENTORY, errors=("channel_out_of_range", "interface_capturing")),
    }
    filters = NodeFilters
    serializer_class = NodeRowShape
    read_permission = Perm.NODE_READ
    export_name = "node"
    export_columns = exports.COLUMNS

    def get_queryset(self):
        return selectors.nodes()

    def _seen(self):
        return selectors.with_interfaces(selectors.visible_nodes(self.actor), self.actor)

    @extend_schema(responses={200: NodeRowShape(many=True)})
    def list(self, request):
        chosen = self.filters(request.GET)
        rows = self._seen()
        if chosen.reveals:
            rows = rows.filter(partial=False)
        page, limit, cursor = pagination.page(chosen.apply(rows), request, chosen)
        return pagination.Page(camelized(shapes.rows(page)), limit=limit, next_cursor=cursor)

    def export_rows(self, queryset):
        return selectors.with_interfaces(queryset, self.actor).iterator(chunk_size=500)

    def _export(self, request, rows, details):
        return super()._export(request, exports.named(rows, self.actor), details)

    def _one(self) -> Node:
        node = self._seen().filter(pk=self.kwargs["id"]).first()
        if node is None:
            raise ApiError("not_found")
        return node

    @extend_schema(responses={200: NodeShape})
    def retrieve(self, request, id):  # noqa: A002
        return self._reply(self._one())

    def _reply(self, node: Node) -> Response:
        return Response(camelized(shapes.one(node)), headers={"ETag": etag(node.pk, node.revision)})

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        node = self._one()
        return Response(states(actions.of(node, list(node.interfaces.all()), self.actor), self.actor, node))

    @extend_schema(request=EnrolBody, responses={201: EnrolledShape})
    def enroll(self, request):
        made, credential, token = services.enrol(actor=self.actor, body=self.body(EnrolBody))
        node = camelized(shapes.one(self._seen().get(pk=made.pk)))
        reply = Response(
            {"node": node, "credential": camelized(shapes.credential(credential, token))},
            status=201,
            headers={"Location": f"/api/v1/nodes/{made.pk}", "ETag": etag(made.pk, made.revision)},
        )
        reply.replay_body = {"node": node, "credential": camelized(shapes.credential(credential))}
        return reply

    @extend_schema(request=NodeBody, responses={200: NodeShape})
    def partial_update(self, request, id):  # noqa: A002
        node = self.get_object()
        body = self.body(NodeBody)
        services.edit(actor=self.actor, node=node, body=body, check=unless_changed(request))
        return self._reply(self._one())

    @extend_schema(request=RotateBody, responses={201: CredentialReply})
    def rotate(self, request, id):  # noqa: A002
        node = self.get_object()
        body = self.body(RotateBody)
        credential, token = credentials.rotate(actor=self.actor, node=node, **body)
        credential.refresh_from_db()
        reply = Response({"credential": camelized(shapes.credential(credential, token))}, status=201)
        reply.replay_body = {"credential": camelized(shapes.credential(credential))}
        return reply

    @extend_schema(request=InterfaceBody, responses={200: InterfaceShape})
    def interface(self, request, id, iid):  # noqa: A002
        row = self._interface(id, iid)
        body = self.body(InterfaceBody)
        row = services.edit_interface(actor=self.actor, interface=row, body=body, check=unless_changed(request))
        shown = selectors.visible_interfaces(self.actor).get(pk=row.pk)
        return Response(camelized(shapes.interface(shown)), headers={"ETag": etag(shown.pk, shown.revision)})

    def _interface(self, node_id, pk) -> Interface:
        """The interface, 404 hidden, 403 if it can be read but not managed."""
        row = selectors.interface(self.actor, Perm.NODE_MANAGE, node_id=node_id, pk=pk)
        if row is not None:
            return row
        if seen := selectors.interface(self.actor, Perm.NODE_READ, node_id=node_id, pk=pk):
            raise refusal(self.actor, Perm.NODE_MANAGE, seen)
        raise ApiError("not_found")
