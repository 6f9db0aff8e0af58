"""A start is never kept for replay: its answer holds the publish URL and its tokens."""

import pytest

from config.kernel.models import IdempotencyRecord
from tests.factories.sessions import make_session

pytestmark = pytest.mark.django_db


def test_with_a_key_nothing_is_stored_and_a_repeat_gives_the_same_urls(api, consumer, supplier, media):
    session = make_session(consumer.workspace, "ASSIGNED", operator=supplier.operator)
    from sessions.settlement import provider

    provider.current().reserve(session)
    client = api(supplier.owner)
    first, again = (client.post(f"/sessions/{session.pk}/start", idempotency_key="once") for _ in range(2))
    assert first.status_code == 200 and first.json()["data"]["whipUrl"] == again.json()["data"]["whipUrl"]
    assert not IdempotencyRecord.objects.exists()
