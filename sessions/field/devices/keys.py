"""Addresses whose signatures count for an operator (05 §1): proven by a signature, revoked for good."""

from datetime import datetime, timedelta

import rfc8785
from django.db import IntegrityError, transaction

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from operators.identity.wallets import siwe
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from sessions import verbs

ACTIVE_KEYS = 5
FRESH = timedelta(seconds=300)


def statement(*, address: str, issued_at: str, operator_id) -> str:
    """What the new key signs (EIP-191): the canonical JSON of address and time as the client writes them."""
    return rfc8785.dumps({"address": address, "issuedAt": issued_at, "operatorId": str(operator_id), "purpose": "operator-key"}).decode()


def active(operator_id) -> list[str]:
    """EIP-55 addresses that sign for this operator now."""
    return list(DeviceKey.objects.filter(operator_id=operator_id, revoked_at=None).values_list("address", flat=True))


@transaction.atomic
def register(*, actor: Actor, operator: DeviceOperator, address: str, written: str, issued_at: datetime, issued_text: str, proof: str) -> DeviceKey:
    """`address` is EIP-55, `written` and `issued_text` as the client sent and signed them. ApiError key_exists, limit_reached, proof_invalid."""
    DeviceOperator.objects.select_for_update(of=("self",)).get(pk=operator.pk)
    if not _proven(address, statement(address=written, issued_at=issued_text, operator_id=operator.pk), issued_at, proof):
        raise ApiError("proof_invalid")
    if DeviceKey.objects.filter(operator=operator, address__iexact=address).exists():
        raise ApiError("key_exists")
    if DeviceKey.objects.filter(operator=operator, revoked_at=None).count() >= ACTIVE_KEYS:
        raise ApiError("limit_reached", data={"limit": ACTIVE_KEYS})
    try:
        with transaction.atomic():
            key = DeviceKey.objects.create(operator=operator, address=address, issued_at=issued_at)
    except IntegrityError as error:
        raise ApiError("key_exists") from error
    _record(verbs.DEVICE_KEY_REGISTERED, actor, operator, key, after=snapshot(key))
    return key


def _proven(address: str, text: str, issued_at: datetime, proof: str) -> bool:
    if abs(clock.now() - issued_at) > FRESH:
        return False
    try:
        return siwe.signer(text, proof) == address
    except siwe.BadSignature:
        return False


@transaction.atomic
def revoke(*, actor: Actor, operator: DeviceOperator, key: DeviceKey) -> None:
    """Later samples by it are refused. Again: nothing changes."""
    held = DeviceKey.objects.select_for_update().get(pk=key.pk)
    if held.revoked_at is None:
        before = snapshot(held)
        held.revoked_at = clock.now()
        held.save(update_fields=["revoked_at"])
        _record(verbs.DEVICE_KEY_REVOKED, actor, operator, held, before=before, after=snapshot(held))


def _record(verb: str, actor: Actor, operator: DeviceOperator, key: DeviceKey, **sides) -> None:
    ports.record(
        verb,
        actor=actor,
        subject=("device_key", key.pk, key.address),
        outcome="succeeded",
        permission=Perm.OPERATORS_WRITE,
        environment=operator.environment,
        scope=[f"device_operator:{operator.pk}", f"workspace:{operator.workspace_id}"],
        **sides,
    )
