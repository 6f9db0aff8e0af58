"""Tables of the fleet, its health and its meters; each defined in its capability."""

from nodes.fleet.models import (  # noqa: F401
    Channel,
    Interface,
    Node,
    NodeCredential,
    NodeGroupGrant,
    NodeState,
    NodeUserGrant,
    Room,
    Site,
    SiteGroupGrant,
    SiteUserGrant,
)
from nodes.health.models import HealthEvent, HealthReport  # noqa: F401
from nodes.meters.models import MeterRollup  # noqa: F401
