"""What the fleet adds to `/metrics`: levels where they are asked for, and how late frames come."""

import re

import pytest

from config.kernel.access import system
from nodes import metrics
from nodes.meters import ring, wire
from operators.access.models import AccessPolicy
from operators.access.services import set_grants
from tests.factories.nodes import make_interface, make_node, make_site

pytestmark = pytest.mark.django_db


def arrives(interface, rms: float, *, late_us: int = 0) -> wire.Header:
    levels = (wire.ChannelLevel(1, rms, rms + 6), wire.ChannelLevel(2, rms - 10, rms))
    payload = wire.encode(
        wire.MeterFrame(
            interface_id=interface.pk, seq=1, captured_at_us=ring.now_us() - late_us, period_ms=1000, levels=levels, kind=wire.FEATURES,
        )
    )  # fmt: skip
    header = wire.check(payload)
    assert ring.store([(payload, header)])
    return header


def levels(client) -> dict[tuple[str, str], float]:
    """(interface, channel) → dBFS."""
    text = client.get("/metrics").content.decode()
    found = re.findall(r'^tallyroom_input_rms_dbfs\{channel="(\d+)",interface="([^"]+)",node="[^"]+"\} (\S+)$', text, re.M)
    return {(interface, channel): float(value) for channel, interface, value in found}


def test_levels_are_told_where_asked_for_and_only_of_what_one_sees(settings, api, alice, carol):
    seen, other = make_interface(make_node(site=make_site("Seen"))), make_interface(make_node(site=make_site("Other")))
    arrives(seen, -20.0), arrives(other, -30.0)
    AccessPolicy.objects.all().delete()
    set_grants(kind="site", actor=system("tests"), object_ids=[seen.node.site_id], user=carol)
    metrics.take_snapshot()
    assert levels(api(alice)) == {}
    settings.METRICS_LEVELS = True
    metrics.take_snapshot()
    mine = {(str(seen.pk), "1"): -20.0, (str(seen.pk), "2"): -30.0}
    everything = {**mine, (str(other.pk), "1"): -30.0, (str(other.pk), "2"): -40.0}
    assert levels(api(carol)) == mine
    assert levels(api(alice)) == everything
    settings.METRICS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert levels(api()) == everything


def test_an_interface_that_went_silent_has_no_level(settings, api, alice, monkeypatch):
    settings.METRICS_LEVELS = True
    arrives(make_interface(make_node()), -20.0)
    metrics.take_snapshot()
    assert len(levels(api(alice))) == 2
    later = ring.now_us() + int((ring.STALE_SECONDS + 1) * 1_000_000)
    monkeypatch.setattr(ring, "now_us", lambda: later)
    assert levels(api(alice)) == {}


def test_lag_is_from_the_end_of_the_period_to_the_arrival_and_replays_are_left_out(api, alice):
    def counted(bound: str) -> float:
        text = api(alice).get("/metrics").content.decode()
        found = re.search(rf'^tallyroom_meter_lag_seconds_bucket{{le="{re.escape(bound)}"}} (\S+)$', text, re.M)
        return float(found[1])

    interface = make_interface(make_node())
    quick, within_second, all_ = counted("0.25"), counted("1.0"), counted("+Inf")
    metrics.taken(arrives(interface, -20.0), "socket")
    metrics.taken(arrives(interface, -20.0, late_us=700_000), "socket")
    metrics.taken(arrives(interface, -20.0, late_us=700_000)._replace(flags=wire.FLAG_REPLAY), "socket")
    assert (counted("0.25") - quick, counted("1.0") - within_second, counted("+Inf") - all_) == (1, 2, 2)
