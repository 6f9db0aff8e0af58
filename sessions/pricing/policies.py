"""Editing prices: a new version each time, so that what was asked when stays on record; and corridors."""

from django.db import connection, transaction

from audit.services import snapshot
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError, FieldError
from sessions import verbs
from sessions.field.geography import is_place
from sessions.pricing import selectors
from sessions.pricing.models import Corridor, PricingPolicy
from sessions.pricing.states import BASIS, CORRIDOR_BPS

# Times the longest session and the highest factors this still fits numeric(38).
HIGHEST_BASE_MICRO = 10**24


@transaction.atomic
def set_policy(*, actor: Actor, base_rate_micro: int, fee_bps: int, dynamic: bool, note: str = "") -> PricingPolicy:
    """The price from now on; sessions and quotes that are there keep theirs. FieldError for values out of range."""
    if not 0 <= base_rate_micro <= HIGHEST_BASE_MICRO:
        raise FieldError("baseRateMicro", "out_of_range", "0 to 10^24 µUSDC per second.")
    if not 0 <= fee_bps <= highest_fee_bps():
        raise FieldError("feeBps", "out_of_range", f"0 to {highest_fee_bps()} basis points.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('pricing policy', 0))")
    before = selectors.policy()
    policy = PricingPolicy.objects.create(
        version=before.version + 1, base_rate_micro=base_rate_micro, fee_bps=fee_bps, dynamic=dynamic, note=note, created_by_label=actor.label[:254]
    )  # fmt: skip
    ports.record(
        verbs.PRICING_CHANGED, actor=actor, subject=("pricing_policy", policy.pk, str(policy)), outcome="succeeded",
        permission=Perm.SETTINGS_MANAGE, before=snapshot(before), after=snapshot(policy),
    )  # fmt: skip
    return policy


def highest_fee_bps() -> int:
    """A contract takes at most 3000."""
    from sessions.settlement import checks, provider

    return checks.MAX_FEE_BPS if provider.current().on_chain else BASIS


def check_corridor(polygon) -> None:
    """FieldError unless it is a GeoJSON polygon of one closed simple ring of 4 to 101 positions."""
    ring = polygon.get("coordinates") if isinstance(polygon, dict) and polygon.get("type") == "Polygon" else None
    ring = ring[0] if isinstance(ring, list) and len(ring) == 1 and isinstance(ring[0], list) else []
    whole = 4 <= len(ring) <= 101 and all(isinstance(place, list) and len(place) == 2 and is_place(place[1], place[0]) for place in ring)
    if not whole or ring[0] != ring[-1] or len({tuple(place) for place in ring}) < 3:
        raise FieldError("polygon", "invalid", "A GeoJSON Polygon of one closed ring with 4 to 101 positions [longitude, latitude].")


@transaction.atomic
def save_corridor(*, actor: Actor, corridor: Corridor | None = None, **fields) -> Corridor:
    """Make one, or change it. FieldError polygon, factorBps; ApiError duplicate_name."""
    if "polygon" in fields:
        check_corridor(fields["polygon"])
    if "factor_bps" in fields and not CORRIDOR_BPS[0] <= fields["factor_bps"] <= CORRIDOR_BPS[1]:
        raise FieldError("factorBps", "out_of_range", f"{CORRIDOR_BPS[0]} to {CORRIDOR_BPS[1]} basis points.")
    row = Corridor.objects.select_for_update().get(pk=corridor.pk) if corridor else Corridor()
    if "name" in fields and Corridor.objects.filter(name=fields["name"]).exclude(pk=row.pk).exists():
        raise ApiError("duplicate_name")
    before = snapshot(row) if corridor else None
    for name, value in fields.items():
        setattr(row, name, value)
    row.revision += 1 if corridor else 0
    row.save()
    verb = verbs.CORRIDOR_EDITED if corridor else verbs.CORRIDOR_CREATED
    ports.record(
        verb, actor=actor, subject=("corridor", row.pk, row.name), outcome="succeeded", permission=Perm.SETTINGS_MANAGE, before=before,
        after=snapshot(row),
    )  # fmt: skip
    return row


@transaction.atomic
def delete_corridor(*, actor: Actor, corridor: Corridor) -> None:
    """From now on it multiplies nothing."""
    ports.record(
        verbs.CORRIDOR_DELETED, actor=actor, subject=("corridor", corridor.pk, corridor.name), outcome="succeeded",
        permission=Perm.SETTINGS_MANAGE, before=snapshot(corridor),
    )  # fmt: skip
    Corridor.objects.filter(pk=corridor.pk).delete()
