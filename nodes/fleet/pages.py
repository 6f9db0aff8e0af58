"""Overview, the fleet's wall, and one node."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page


@require_safe
@page(Perm.NODE_READ)
def overview(request):
    """What is wrong, live, recording: three columns that change by themselves."""
    return render(request, "console/overview.html", {"page": "overview"})


@require_safe
@page(Perm.NODE_READ)
def fleet(request):
    """Every node as a tile with its levels, worst first."""
    return render(request, "console/fleet.html", {"page": "nodes"})


@require_safe
@page(Perm.NODE_READ)
def node(request, node_id):
    """The meter bridge, recording, interfaces and credentials of one node. Whether it exists the API says."""
    return render(request, "console/node.html", {"page": "nodes", "node_id": node_id})


urlpatterns = [
    path("", overview, name="overview"),
    path("nodes", fleet, name="nodes"),
    path("nodes/<uuid:node_id>", node, name="node"),
]
