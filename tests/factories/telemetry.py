"""Samples as a device makes and signs them."""

from datetime import datetime, timedelta

from eth_account.messages import encode_defunct

from config.kernel import clock
from sessions.field.geography import geod
from sessions.telemetry.samples import canonical
from tests.factories.sessions import BOGOTA


def place(meters: float = 0.0, bearing: float = 45.0) -> dict:
    """A point so far from the session's."""
    lng, lat, _ = geod().fwd(BOGOTA[1], BOGOTA[0], bearing, meters)
    return {"lat": lat, "lng": lng}


def sample(session, at: datetime, wallet=None, *, meters: float = 0.0, **changes) -> dict:
    """A sample as it is sent; `wallet` signs it (last, so that the signature covers the changes), unless they hold a signature."""
    raw = {"capturedAt": clock.wire(at), "point": place(meters), "accuracyMeters": 4, "source": "gps", **changes}
    if wallet is not None and "signature" not in changes:
        text = encode_defunct(canonical(raw, str(session.pk)))
        raw["signature"] = "0x" + bytes(wallet.account.sign_message(text).signature).hex()
    return raw


def beacon(session, start: datetime, wallet=None, *, count: int, every: float = 1.0, first: float = 0.5, drift: float = 0.1, **changes) -> list[dict]:
    """A sample every so many seconds, walking slowly, as sensors do."""
    moments = [start + timedelta(seconds=first + k * every) for k in range(count)]
    return [sample(session, at, wallet, meters=k % 50 * drift, **changes) for k, at in enumerate(moments)]
