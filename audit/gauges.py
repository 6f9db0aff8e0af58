"""What `/metrics` says about the trail."""

from prometheus_client.core import GaugeMetricFamily

from config.kernel import broker, clock

SEALED_AT = broker.PREFIX + "audit:sealed_at"


def sealed_to_the_end() -> None:
    """Note that everything that had committed is sealed."""
    broker.attempt(lambda valkey: valkey.set(SEALED_AT, clock.now().timestamp()))


def seal_lag(actor):
    """How long ago the trail was last sealed to its end; nothing while the broker is away."""
    at = broker.attempt(lambda valkey: valkey.get(SEALED_AT))
    if at is not None:
        lag = max(0.0, clock.now().timestamp() - float(at))
        yield GaugeMetricFamily("tallyroom_audit_seal_lag_seconds", "Seconds since everything that had committed was sealed", value=lag)
