"""The first node of an installation: this very machine, enrolled without anybody's hand. Safe to repeat."""

import os
from pathlib import Path

from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, ports, system
from config.kernel.credentials import digest
from nodes.fleet import credentials, live
from nodes.fleet.models import Node, NodeCredential, NodeState, Site
from nodes.fleet.states import CredentialState

SITE, NODE = "Main", "This machine"
CREDENTIAL_FILE, NODE_FILE = "credential", "node"
ACTOR = system("bootstrap")


def step() -> dict:
    """For `manage.py bootstrap`: the local node of `var/agent`."""
    return {"id": str(bootstrap_local_node(settings.TALLYROOM_VAR / "agent").pk)}


def bootstrap_local_node(directory: Path) -> Node:
    """Make sure that `directory` holds the id (`node`) and a working credential (`credential`, 0600) of the node "This machine".

    A credential there that still works is kept, whatever its node is called by now; else a new one is issued.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = _held(directory)
    if held is not None:
        _write(directory / NODE_FILE, str(held.node_id), 0o644)
        return held.node
    with transaction.atomic():
        node = _node(ACTOR)
        now = clock.now()
        NodeCredential.objects.filter(node=node).exclude(state=CredentialState.REVOKED).update(state=CredentialState.REVOKED, revoked_at=now)
        _, token = credentials.issue(node)
    # After the commit: a file must never hold a credential that does not exist. Lost in between, the next start issues another.
    _write(directory / NODE_FILE, str(node.pk), 0o644)
    _write(directory / CREDENTIAL_FILE, token, 0o600)
    return node


def _held(directory: Path) -> NodeCredential | None:
    path = directory / CREDENTIAL_FILE
    if not path.is_file():
        return None
    found = NodeCredential.objects.select_related("node").filter(digest=digest(path.read_text().strip()), node__retired_at=None).first()
    usable = found is not None and found.state != CredentialState.REVOKED and (found.expires_at is None or found.expires_at > clock.now())
    return found if usable else None


def _node(actor: Actor) -> Node:
    """The local node, made with its site on the first start; a retired one is followed by another."""
    site, made = Site.objects.get_or_create(slug="main", defaults={"name": SITE, "timezone": _timezone()})
    if made:
        ports.record("node.site.created", actor=actor, subject=("site", site.pk, site.name), outcome="succeeded")
    node = Node.objects.select_for_update().filter(site=site, alias__startswith=NODE, retired_at=None).order_by("pk").first()
    if node is not None:
        return node
    taken = Node.objects.filter(site=site, alias__startswith=NODE).count()
    node = Node.objects.create(site=site, alias=NODE if not taken else f"{NODE} {taken + 1}", max_concurrent_recordings=4)
    NodeState.objects.create(node=node)
    ports.record("node.enrolled", actor=actor, subject=("node", node.pk, node.alias), outcome="succeeded")
    live.node_changed(node.pk, edited=True)
    return node


def _timezone() -> str:
    """The machine's zone, from /etc/localtime; UTC where that says nothing."""
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("/zoneinfo/")
    return name if found else "UTC"


def _write(path: Path, text: str, mode: int) -> None:
    """Replace the file in one step, private from the first byte."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
