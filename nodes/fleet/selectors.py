"""Who may see which nodes, and what is computed about them in SQL: liveness, status, worst severity."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Case, CharField, DateTimeField, Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from config.kernel.access import Actor, Perm, ports
from config.kernel.clock import DbNow
from nodes.fleet.models import Interface, Node, Room, Site
from nodes.fleet.states import Liveness, NodeStatus, ReportedStatus
from nodes.health.models import HealthEvent
from nodes.health.states import COLOURING, Severity

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def liveness_case() -> Case:
    """online, degraded or offline by the database's clock; a node never seen is offline."""
    seen = "state__last_seen_at__gte"
    return Case(
        When(**{seen: DbNow() - Value(timedelta(seconds=settings.NODE_DEGRADED_AFTER_SECONDS))}, then=Value(Liveness.ONLINE.value)),
        When(**{seen: DbNow() - Value(timedelta(seconds=settings.NODE_OFFLINE_AFTER_SECONDS))}, then=Value(Liveness.DEGRADED.value)),
        default=Value(Liveness.OFFLINE.value),
        output_field=CharField(),
    )


def _worst() -> Subquery:
    colouring = HealthEvent.objects.filter(node=OuterRef("pk"), status__in=COLOURING, inhibited_by=None)
    return Subquery(colouring.order_by("-severity_rank").values("severity_rank")[:1], output_field=IntegerField())


def status_case() -> Case:
    """The first that applies; a node in error is never shown as recording."""
    return Case(
        When(liveness=Liveness.OFFLINE, then=Value(NodeStatus.OFFLINE.value)),
        When(worst_rank=Severity.CRITICAL.rank, then=Value(NodeStatus.ALERTING.value)),
        When(
            Q(liveness=Liveness.DEGRADED) | Q(state__reported_status=ReportedStatus.ERROR) | Q(worst_rank=Severity.WARNING.rank),
            then=Value(NodeStatus.DEGRADED.value),
        ),
        When(state__capturing_count__gt=0, then=Value(NodeStatus.RECORDING.value)),
        default=Value(NodeStatus.ONLINE.value),
        output_field=CharField(),
    )


def with_status(queryset: QuerySet) -> QuerySet:
    """Nodes with `liveness`, `worst_rank` (None: nothing open), `status` and `seen_sort`."""
    return queryset.annotate(liveness=liveness_case(), worst_rank=_worst()).annotate(
        status=status_case(),
        seen_sort=Coalesce("state__last_seen_at", Value(EPOCH), output_field=DateTimeField()),
    )


def nodes() -> QuerySet:
    """Every node with its site, room, state and computed status."""
    return with_status(Node.objects.select_related("site", "room", "state"))


def visible_nodes(actor: Actor, permission: Perm = Perm.NODE_READ) -> QuerySet:
    """Nodes in reach, and those of which only an interface is (`partial` true: shown reduced); `site_seen`: the site itself is in scope.

    Ids of ancestors are always shown, their labels only if they are in scope themselves.
    """
    whole = ports.scoped(Node.objects.all(), actor, permission)
    parts = ports.scoped(Interface.objects.all(), actor, permission)
    reached = nodes().filter(Q(pk__in=whole.values("pk")) | Q(pk__in=parts.values("node_id")))
    sites = visible_sites(actor, permission).filter(pk=OuterRef("site_id"))
    return reached.annotate(partial=~Exists(whole.filter(pk=OuterRef("pk"))), site_seen=Exists(sites))


def visible_interfaces(actor: Actor, permission: Perm = Perm.NODE_READ) -> QuerySet:
    """Interfaces in reach, oldest first, with their channels."""
    return ports.scoped(Interface.objects.select_related("room").order_by("id"), actor, permission).prefetch_related("channels")


def with_interfaces(queryset: QuerySet, actor: Actor, permission: Perm = Perm.NODE_READ) -> QuerySet:
    """Prefetch the interfaces that the actor may see, and their channels: two queries however many nodes."""
    return queryset.prefetch_related(Prefetch("interfaces", queryset=visible_interfaces(actor, permission)))


def visible_sites(actor: Actor, permission: Perm = Perm.NODE_READ) -> QuerySet:
    return ports.scoped(Site.objects.all(), actor, permission)


def sites() -> QuerySet:
    """Every site."""
    return Site.objects.all()


def rooms() -> QuerySet:
    """Every room."""
    return Room.objects.all()


def site_in_use(site: Site) -> bool:
    """Whether a node, also a retired one, is there."""
    return Node.objects.filter(site=site).exists()


def interface(actor: Actor, permission: Perm, *, node_id, pk) -> Interface | None:
    """This interface of this node, if it is in reach with the permission."""
    return ports.scoped(Interface.objects.filter(node_id=node_id, pk=pk), actor, permission).first()


def plain_node(pk) -> Node:
    """The bare row, without what is computed."""
    return Node.objects.get(pk=pk)


def changed_status() -> QuerySet:
    """Nodes whose computed status is another than topic `nodes` carried last: time passed, or an event came or went."""
    return with_status(Node.objects.filter(retired_at=None).select_related("state")).exclude(status=F("state__published_status"))


def silent_nodes() -> QuerySet:
    """Enrolled nodes that were heard once and are offline now."""
    return with_status(Node.objects.filter(retired_at=None, state__last_seen_at__isnull=False).select_related("state", "site")).filter(
        liveness=Liveness.OFFLINE
    )
