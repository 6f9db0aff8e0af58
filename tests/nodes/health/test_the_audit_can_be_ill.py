"""A broken trail is a critical event, a lagging seal a warning; both end when what they say ends."""

from datetime import date, timedelta

import pytest
from django.db import connection

from audit import months
from audit.signals import audit_broken, audit_sound
from config.kernel import clock
from nodes.health import trail
from nodes.health.models import HealthEvent

pytestmark = pytest.mark.django_db


def test_a_broken_trail_is_critical_until_it_verifies_again(api, alice, carol):
    findings = [{"finding": "row_changed", "month": "2026-05", "position": 7}]
    for _ in range(2):
        audit_broken.send(sender=None, month=date(2026, 5, 1), findings=findings)
    event = HealthEvent.objects.get(type="controller.audit.broken")
    assert (event.severity, event.status, event.count) == ("critical", "open", 2) and "row_changed" in event.message
    assert api(alice).get(f"/health-events/{event.pk}").json()["data"]["subject"]["id"] == "2026-05"
    assert api(carol).get(f"/health-events/{event.pk}").status_code == 404, "it is about nothing in a viewer's reach"
    audit_sound.send(sender=None, month=date(2026, 6, 1))
    event.refresh_from_db()
    assert event.status == "open"
    audit_sound.send(sender=None, month=date(2026, 5, 1))
    event.refresh_from_db()
    assert event.status == "resolved"


def test_a_seal_that_lags_ten_minutes_is_a_warning():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_pending")
        cursor.execute("INSERT INTO audit_pending VALUES (%s)", [months.event_id(clock.now() - timedelta(minutes=9))])
    assert trail.watch_seal() == 0
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert trail.watch_seal() == 1 and trail.watch_seal() == 0
    event = HealthEvent.objects.get(type="controller.audit.seal_lag")
    assert (event.severity, event.status) == ("warning", "open")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_pending")
    assert trail.watch_seal() == 1
    event.refresh_from_db()
    assert event.status == "resolved"
