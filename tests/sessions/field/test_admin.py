"""The admin looks at sessions and operators, and ends what hangs by the same services."""

import pytest
from django.urls import reverse

from sessions.field.models import FieldSession
from tests.operators.people.test_admin_screens import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(api):
    return browser("olga", "owner")


def test_a_session_is_shown_with_its_history_and_without_its_secrets(owner, live, supplier):
    pk = live(label="Plaza")
    opened = supplier.client.get(f"/sessions/{pk}/producer-token").json()["data"]
    listed = owner.get(reverse("admin:live_sessions_fieldsession_changelist"), {"q": "Plaza"})
    page = owner.get(reverse("admin:live_sessions_fieldsession_change", args=[pk]))
    assert listed.status_code == page.status_code == 200
    text = listed.content.decode() + page.content.decode()
    assert "session.assigned" in text and opened["edge"]["publishToken"] not in text and opened["whipUrl"] not in text


def test_what_hangs_is_ended_or_called_off(owner, live, request_session):
    ids = [live(), request_session()]
    chosen = {"action": "finish", "_selected_action": ids}
    reply = owner.post(reverse("admin:live_sessions_fieldsession_changelist"), chosen, follow=True)
    assert "2 ended or called off" in reply.content.decode()
    assert set(FieldSession.objects.values_list("state", "end_reason")) == {("ENDED", "installation"), ("CANCELLED", "installation")}
    again = owner.post(reverse("admin:live_sessions_fieldsession_changelist"), chosen, follow=True)
    assert "The state of this forbids it" in again.content.decode()


def test_operators_are_shown_and_switched(owner, supplier):
    page = reverse("admin:operators_deviceoperator_changelist")
    assert owner.get(page).status_code == 200
    assert owner.get(reverse("admin:operators_deviceoperator_change", args=[supplier.operator.pk])).status_code == 200
    owner.post(page, {"action": "disable", "_selected_action": [str(supplier.operator.pk)]})
    supplier.operator.refresh_from_db()
    assert not supplier.operator.enabled
