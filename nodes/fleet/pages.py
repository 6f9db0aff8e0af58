"""Overview, the fleet's wall, one node, and the agent for a new one."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm, holds
from config.kernel.pages import page
from nodes.fleet import bundle
from operators.console.context import first_screen


@require_safe
@page()
def overview(request):
    """What is wrong, live, recording: three columns that change by themselves. Who has no part in the fleet starts at what is theirs."""
    if not holds(request.actor, Perm.NODE_READ):
        return redirect(first_screen(request.actor))
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


@require_safe
def agent_archive(request):
    """Public, as the code is: the command that enrols a node fetches it before that machine has any credential."""
    reply = HttpResponse(bundle.archive(), content_type="application/gzip")
    reply["Content-Disposition"] = 'attachment; filename="tallyroom-agent.tar.gz"'
    reply["Cache-Control"] = "no-cache"
    return reply


urlpatterns = [
    path("agent.tar.gz", agent_archive, name="agent-archive"),
    path("", overview, name="overview"),
    path("nodes", fleet, name="nodes"),
    path("nodes/<uuid:node_id>", node, name="node"),
]
