"""Samples on their way in: each is judged alone, stored once, and nothing depends on their order."""

import random
from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.errors import ApiError
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from sessions.field.models import FieldSession
from sessions.telemetry import services
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample
from sessions.telemetry.tasks import issue_challenges
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.factories.telemetry import beacon, sample
from tests.factories.wallets import SigningWallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return clock.now().replace(microsecond=0)


@pytest.fixture
def supplier(db):
    return make_workspace(roles=("SUPPLIER",))


@pytest.fixture
def live(supplier, now):
    """A LIVE session in telemetry mode that began a minute ago."""
    began = now - timedelta(seconds=60)
    operator = make_operator(supplier)
    return make_session(
        make_workspace(roles=("CONSUMER",)), "LIVE", operator=operator, mode="telemetry", required_trust_tier=1, assigned_at=began, started_at=began
    )  # fmt: skip


def ingest(session, raws, at):
    return services.ingest(session_id=session.pk, sent=[services.read(raw, session.pk) for raw in raws], received_at=at).answers


def one(session, raw, at):
    return ingest(session, [raw], at)[0]


def test_a_good_sample_counts(live, supplier, now):
    answer = one(live, sample(live, now, supplier.wallet), now)
    assert (answer.code, answer.verdict, answer.duplicate) == (None, "in_fence", False)
    stored = TelemetrySample.objects.get(session=live)
    assert stored.captured_at == now and stored.signer == supplier.wallet_address and len(stored.signature) == 65


def test_a_repeat_is_a_duplicate_and_another_truth_a_conflict(live, supplier, now):
    raw = sample(live, now, supplier.wallet)
    assert not one(live, raw, now).duplicate
    again = one(live, raw, now)
    assert again.duplicate and again.verdict == "in_fence"
    assert one(live, sample(live, now, supplier.wallet, meters=1), now).code == "sample_conflict"
    # The signature is no key: v may be spelled two ways.
    spelled = {**raw, "signature": raw["signature"][:-2] + ("00" if raw["signature"].endswith("1b") else "01")}
    assert one(live, spelled, now).duplicate
    assert one(live, {**raw, "signature": "0x" + "00" * 65}, now).code == "sample_signature_invalid"
    assert TelemetrySample.objects.count() == 1


def test_keys_of_the_operator_sign_until_they_are_revoked(live, now):
    device = SigningWallet()
    assert one(live, sample(live, now, device), now).code == "sample_signature_invalid"
    key = DeviceKey.objects.create(operator=live.operator, address=device.address, issued_at=now)
    assert one(live, sample(live, now, device), now).verdict == "in_fence"
    key.revoked_at = now
    key.save()
    assert one(live, sample(live, now + timedelta(seconds=1), device), now).code == "sample_signature_invalid"


def test_the_limits_of_time(live, supplier, now):
    wallet = supplier.wallet

    def at(ms):
        return now + timedelta(milliseconds=ms)

    assert one(live, sample(live, at(2000), wallet), now).verdict == "in_fence"
    assert one(live, sample(live, at(2001), wallet), now).code == "sample_in_future"
    assert one(live, sample(live, at(-30_000), wallet), now).verdict == "in_fence"
    assert one(live, sample(live, at(-30_001), wallet), now).verdict == "late"
    assert one(live, sample(live, live.assigned_at, wallet), now).verdict == "late"
    assert one(live, sample(live, live.assigned_at - timedelta(milliseconds=1), wallet), now).code == "sample_before_assignment"


def test_ten_a_second_and_no_more(live, supplier, now):
    raws = [sample(live, now + timedelta(milliseconds=80 * k), supplier.wallet) for k in range(12)]
    answers = ingest(live, raws, now)
    assert [answer.code for answer in answers] == [None] * 10 + ["too_dense"] * 2
    assert one(live, raws[11], now).code == "too_dense"
    assert one(live, raws[3], now).duplicate
    assert one(live, sample(live, now + timedelta(seconds=1), supplier.wallet), now).verdict == "in_fence"


def test_six_hundred_at_once_three_of_them_bad(live, supplier, now):
    raws = [sample(live, now - timedelta(milliseconds=100 * k), supplier.wallet) for k in range(600)]
    raws[7]["point"] = {"lat": 91, "lng": 0}
    raws[300]["signature"] = raws[301]["signature"]
    raws[599] = sample(live, now + timedelta(seconds=3), supplier.wallet)
    answers = ingest(live, raws, now)
    assert [(index, answer.code) for index, answer in enumerate(answers) if answer.code] == [
        (7, "invalid"),
        (300, "sample_signature_invalid"),
        (599, "sample_in_future"),
    ]
    assert TelemetrySample.objects.count() == 597
    again = ingest(live, raws, now)
    assert sum(answer.duplicate for answer in again) == 597 and TelemetrySample.objects.count() == 597


def test_the_order_of_a_batch_changes_nothing(live, supplier, now):
    wallet = supplier.wallet
    raws = beacon(live, now - timedelta(seconds=20), wallet, count=20)
    raws += [sample(live, now + timedelta(milliseconds=50 * k), wallet, meters=90 if k % 2 else 150) for k in range(14)]
    raws += [sample(live, now - timedelta(seconds=19.5), wallet, meters=3), {"point": "nowhere"}]
    seen = []
    for seed in range(4):
        TelemetrySample.objects.all().delete()
        random.Random(seed).shuffle(raws)
        ingest(live, raws, now)
        seen.append(list(TelemetrySample.objects.order_by("captured_at").values_list("captured_at", "lat", "verdict")))
    assert len(seen[0]) == 30 and all(rows == seen[0] for rows in seen)


@pytest.mark.parametrize("state", ["REQUESTED", "ENDED", "EXPIRED", "CANCELLED"])
def test_only_while_it_is_served(live, supplier, now, state):
    session = make_session(live.consumer_workspace, state, operator=None if state in ("REQUESTED", "CANCELLED") else make_operator(supplier))
    with pytest.raises(ApiError) as refused:
        ingest(session, [sample(session, now, supplier.wallet)], now)
    assert refused.value.code == "invalid_state" and refused.value.data == {"state": state, "allowed": ["ASSIGNED", "LIVE"]}


def test_after_its_time_is_over_nothing_is_taken(live, supplier, now):
    over = live.started_at + timedelta(seconds=600)
    assert one(live, sample(live, over - timedelta(seconds=1), supplier.wallet), over - timedelta(milliseconds=1)).verdict == "in_fence"
    with pytest.raises(ApiError) as refused:
        ingest(live, [sample(live, over, supplier.wallet)], over)
    assert refused.value.code == "invalid_state"


def test_wall_clock_takes_unsigned_ones(live, supplier, now):
    session = make_session(live.consumer_workspace, "LIVE", operator=make_operator(supplier), assigned_at=now, started_at=now)
    assert one(session, sample(session, now), now).verdict == "in_fence"
    assert one(session, sample(session, now + timedelta(seconds=1), signature="0x00"), now).code == "sample_signature_invalid"


def test_a_sample_is_a_sign_of_life(live, supplier, now):
    DeviceOperator.objects.filter(pk=live.operator_id).update(last_seen_at=now - timedelta(minutes=5))
    one(live, sample(live, now, supplier.wallet, meters=10), now)
    operator = DeviceOperator.objects.get(pk=live.operator_id)
    assert operator.last_seen_at == now and operator.last_point_at is not None
    one(live, sample(live, now + timedelta(seconds=1), supplier.wallet, source="manual", meters=9000), now + timedelta(seconds=1))
    operator.refresh_from_db()
    assert operator.last_seen_at == now + timedelta(seconds=1) and operator.last_point_lat == pytest.approx(4.711, abs=0.001)


def test_nonces_are_issued_every_thirty_seconds(live, supplier, now):
    live.required_trust_tier = 2
    live.save()

    def told(seconds):
        at = now + timedelta(seconds=seconds)
        return services.ingest(session_id=live.pk, sent=[services.read(sample(live, at, supplier.wallet), live.pk)], received_at=at)

    first = told(0)
    assert len(first.challenge) == 32 and first.answers[0].verdict == "in_fence"
    assert told(5).challenge == first.challenge
    assert told(5.1).answers[0].verdict == "challenge_missing"
    at = now + timedelta(seconds=6)
    raw = sample(live, at, supplier.wallet, challenge=first.challenge)
    assert services.ingest(session_id=live.pk, sent=[services.read(raw, live.pk)], received_at=at).answers[0].verdict == "in_fence"
    second = told(30)
    assert second.challenge != first.challenge and TelemetryChallenge.objects.count() == 2


def test_a_nonce_is_issued_by_the_clock_though_nothing_is_sent(live, supplier, now):
    FieldSession.objects.filter(pk=live.pk).update(required_trust_tier=2)
    make_session(make_workspace(roles=("CONSUMER",)), "LIVE", operator=make_operator(supplier), required_trust_tier=1)
    with clock.frozen(now):
        assert issue_challenges.run_once() == {"issued": 1} and issue_challenges.run_once() == {"issued": 0}
    with clock.frozen(now + timedelta(seconds=29)):
        assert issue_challenges.run_once() == {"issued": 0}
    with clock.frozen(now + timedelta(seconds=30)):
        assert issue_challenges.run_once() == {"issued": 1}
    first, second = TelemetryChallenge.objects.filter(session=live).order_by("issued_at")
    # Signed in advance, with the first: what is captured more than its grace after the second is worth nothing, however late it is sent.
    raw = [sample(live, now + timedelta(seconds=seconds), supplier.wallet, challenge=first.nonce) for seconds in (29, 35, 36, 58)]
    at = now + timedelta(seconds=58)
    sent = services.ingest(session_id=live.pk, sent=[services.read(one, live.pk) for one in raw], received_at=at)
    assert [answer.verdict for answer in sent.answers] == ["in_fence", "in_fence", "challenge_missing", "challenge_missing"]
    assert sent.challenge == second.nonce


def test_the_edge_wants_a_fresh_sample_for_tier_three(live, supplier, now):
    assert services.admits(live)
    live.required_trust_tier = 3
    live.save()
    with clock.frozen(now):
        assert not services.admits(live)
        one(live, sample(live, now, supplier.wallet, meters=500), now)
        assert not services.admits(live)
        one(live, sample(live, now - timedelta(seconds=1), supplier.wallet), now)
        assert services.admits(live)
    with clock.frozen(now + timedelta(seconds=2)):
        assert services.admits(live)
    with clock.frozen(now + timedelta(milliseconds=2001)):
        assert not services.admits(live)
