"""A node's credential: minted at enrolment, rotated without ever locking a machine out. The only writer of its state.

    active ─rotate▶ expiring ─first use of the new one | 15 min (deliver: response) | 30 d (deliver: node) | revokeNow▶ revoked

With `deliver: node` every heartbeat reply over the expiring credential carries a fresh token in place of the one before, which was never
used; so a lost reply costs nothing, and exactly one successor can ever become the active one.
"""

from datetime import timedelta

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Kind, Perm, ports
from config.kernel.credentials import Minted, digest, mint
from config.kernel.errors import ApiError, FieldError
from nodes.fleet import actions, hints
from nodes.fleet.models import Node, NodeCredential
from nodes.fleet.states import CredentialState, Deliver

PREFIX = "tr_node_"
LIFE = {Deliver.RESPONSE: timedelta(minutes=15), Deliver.NODE: timedelta(days=30)}
_TOUCH_EVERY = timedelta(seconds=60)


def actor_of(credential: NodeCredential) -> Actor:
    """The actor behind a credential whose node is loaded; `subject` is the credential row."""
    return Actor(
        kind=Kind.NODE,
        id=str(credential.node_id),
        label=credential.node.alias,
        credential_prefix=f"{credential.prefix}…{credential.last_four}",
        credential_id=str(credential.pk),
        subject=credential,
    )


def load(token: str) -> Actor:
    """The authenticator's door: one query; the first use of a new credential ends the one before it."""
    credential = NodeCredential.objects.select_related("node__state", "node__site").filter(digest=digest(token)).first()
    if credential is None:
        raise ApiError("credential_invalid")
    now = clock.now()
    if not _usable(credential, now):
        raise ApiError("credential_revoked")
    if credential.state == CredentialState.ACTIVE and credential.confirmed_at is None:
        _confirm(credential)
    elif credential.last_used_at is None or now - credential.last_used_at > _TOUCH_EVERY:
        NodeCredential.objects.filter(pk=credential.pk).update(last_used_at=now)
    return actor_of(credential)


def _usable(credential: NodeCredential, now) -> bool:
    return credential.state != CredentialState.REVOKED and (credential.expires_at is None or credential.expires_at > now)


@transaction.atomic
def _confirm(credential: NodeCredential) -> None:
    lock(credential.node_id)
    now = clock.now()
    used = NodeCredential.objects.filter(pk=credential.pk, state=CredentialState.ACTIVE, digest=credential.digest)
    if not used.update(confirmed_at=now, last_used_at=now):
        raise ApiError("credential_revoked")
    older = NodeCredential.objects.filter(node_id=credential.node_id, state=CredentialState.EXPIRING)
    if older.update(state=CredentialState.REVOKED, revoked_at=now):
        _record("node.credential.confirmed", actor_of(credential), credential.node, Perm.NODE_CONTROL)


def lock(node_id) -> Node:
    """The node's row, held to the end of the transaction: everything about its credentials happens behind it."""
    return Node.objects.select_for_update().get(pk=node_id)


def issue(node: Node) -> tuple[NodeCredential, str]:
    """A new active credential and its token (never stored). The caller holds the node's row and has made room."""
    minted = mint(PREFIX)
    return NodeCredential.objects.create(node=node, **_stored(minted)), minted.token


def _stored(minted: Minted) -> dict:
    return {"digest": minted.digest, "prefix": minted.prefix, "last_four": minted.last_four}


@transaction.atomic
def rotate(*, actor: Actor, node: Node, deliver: str, revoke_now: bool, reason: str) -> tuple[NodeCredential, str | None]:
    """(the credential, its token); with `deliver: node` (the one that delivers, None). ApiError node_retired, FieldError."""
    node = lock(node.pk)
    actions.rotate_credential(node).demand()
    now = clock.now()
    if deliver == Deliver.NODE:
        if revoke_now:
            raise FieldError("revokeNow", "invalid", "With revokeNow nothing is left that could deliver to the node; use deliver: response.")
        credential, token = _start_delivery(node, now), None
    else:
        _retire_active(node, now, Deliver.RESPONSE)
        if revoke_now:
            revoke_all(node, now)
        credential, token = issue(node)
    details = {"deliver": deliver, "revokeNow": revoke_now}
    _record("node.credential.rotated", actor, node, Perm.NODE_MANAGE, reason=reason or None, details=details)
    hints.changed(node.pk)
    return credential, token


def _retire_active(node: Node, now, deliver: Deliver) -> None:
    """Make room for a new active one. The one that the machine may hold goes on for a while: the newest that was used, else the only one."""
    active = NodeCredential.objects.filter(node=node, state=CredentialState.ACTIVE).first()
    expiring = NodeCredential.objects.filter(node=node, state=CredentialState.EXPIRING)
    life = {"deliver": deliver, "expires_at": now + LIFE[deliver]}
    if active is not None and (active.confirmed_at is not None or not expiring.filter(expires_at__gt=now).exists()):
        expiring.update(state=CredentialState.REVOKED, revoked_at=now)
        NodeCredential.objects.filter(pk=active.pk).update(state=CredentialState.EXPIRING, **life)
        return
    if active is not None:
        NodeCredential.objects.filter(pk=active.pk).update(state=CredentialState.REVOKED, revoked_at=now)
    expiring.filter(expires_at__gt=now).update(**life)


def _start_delivery(node: Node, now) -> NodeCredential:
    _retire_active(node, now, Deliver.NODE)
    credential = NodeCredential.objects.filter(node=node, state=CredentialState.EXPIRING, expires_at__gt=now).first()
    if credential is None:
        raise FieldError("deliver", "invalid", "The node has no credential left over which a new one could be delivered; use deliver: response.")
    return credential


def revoke_all(node: Node, now) -> int:
    """End every credential of the node at once (the caller holds its row)."""
    ended = NodeCredential.objects.filter(node=node).exclude(state=CredentialState.REVOKED).update(state=CredentialState.REVOKED, revoked_at=now)
    hints.changed(node.pk, "credential")
    return ended


@transaction.atomic
def revoke(*, actor: Actor, credential: NodeCredential) -> None:
    """End one credential now; harmless to repeat."""
    node = lock(credential.node_id)
    still = NodeCredential.objects.filter(pk=credential.pk).exclude(state=CredentialState.REVOKED)
    if still.update(state=CredentialState.REVOKED, revoked_at=clock.now()):
        _record("node.credential.revoked", actor, node, Perm.NODE_MANAGE)
        hints.changed(node.pk, "credential")


@transaction.atomic
def deliver_fresh(credential: NodeCredential) -> str | None:
    """For a heartbeat over an expiring credential that delivers: a fresh token, which voids the unused one before it; else None."""
    if credential.state != CredentialState.EXPIRING or credential.deliver != Deliver.NODE:
        return None
    node = lock(credential.node_id)
    if not NodeCredential.objects.filter(pk=credential.pk, state=CredentialState.EXPIRING, deliver=Deliver.NODE).exists():
        return None
    minted = mint(PREFIX)
    # The row of the unused successor is written over: a machine that never switches must not fill the table.
    if not NodeCredential.objects.filter(node=node, state=CredentialState.ACTIVE, confirmed_at=None).update(**_stored(minted)):
        NodeCredential.objects.create(node=node, **_stored(minted))
        _record("node.credential.delivered", actor_of(credential), node, Perm.NODE_CONTROL)
    return minted.token


def _record(verb: str, actor: Actor, node: Node, permission: Perm, **facts) -> None:
    ports.record(verb, actor=actor, subject=("node", node.pk, node.alias), outcome="succeeded", permission=permission, **facts)
