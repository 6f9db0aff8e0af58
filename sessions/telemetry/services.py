"""Taking samples in, the nonces they answer, and what they prove at the edge and at the end (05 §6)."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from config.kernel import broker, clock
from config.kernel.errors import ApiError
from operators.workspaces.devices.models import DeviceKey
from sessions.field import live
from sessions.field import states as field_states
from sessions.field.devices import services as devices
from sessions.field.geography import Fence, Point, outside_m
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.states import Mode, SessionState
from sessions.metering.moments import ms_of
from sessions.telemetry import samples, store, trust
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample
from sessions.telemetry.samples import Challenge, Malformed, Rules, Sample
from sessions.telemetry.states import EDGE_PROOF_SECONDS, NONCE_EVERY_MS, NONCE_GRACE_MS, Flag, Verdict

INVALID = "invalid"
# The newest place of a session goes out to its topic at most this often.
_TOLD_EVERY_MS = 900


@dataclass(frozen=True)
class Answer:
    """What became of one sample: a `code` for which it was refused, else its verdict; a `duplicate` was stored before."""

    code: str | None = None
    verdict: str | None = None
    duplicate: bool = False
    outside_meters: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """`answers` in the order of what was sent; `challenge`: the nonce to carry from now on, if the session asks for one."""

    answers: list[Answer]
    challenge: str | None = None

    def counts(self) -> Counter:
        return Counter("rejected" if each.code else "duplicates" if each.duplicate else "accepted" for each in self.answers)


def fence_of(session: FieldSession) -> Fence:
    """Where its samples count."""
    return Fence(Point(session.lat, session.lng), session.geofence_radius_meters, session.geofence_polygon)


def read(raw: Any, session_id: UUID) -> Sample | Malformed:
    """A sample, or what is wrong with it."""
    try:
        return samples.parse(raw, str(session_id))
    except Malformed as problem:
        return problem


def ingest(*, session_id: UUID, sent: Sequence[Sample | Malformed], received_at: datetime) -> Outcome:
    """Judge each sample alone and store what is taken. ApiError not_found, invalid_state.

    FOR SHARE on the session's row, which its end takes FOR UPDATE: a sample is in the bill or refused. Nothing depends on the order sent.
    """
    for sample in sent:
        if isinstance(sample, Sample):
            _ = sample.signer  # Recovering keys is slow work, so it is done before anything is held.
    with transaction.atomic():
        session = locked(session_id, share=True)
        if not field_states.allows("telemetry", session.state) or _overdue(session, received_at):
            raise ApiError("invalid_state", data=field_states.refusal("telemetry", session.state))
        store.ingest_lock(session_id)
        well = [(index, sample) for index, sample in enumerate(sent) if isinstance(sample, Sample)]
        found = _judge(session, well, received_at) if well else {}
        taken = [(sample, found[index]) for index, sample in well if found[index].code is None]
        _seen(session, taken, received_at)
        nonce = challenge_due(session, received_at)
        _tell(session, taken)
        answers = [found.get(index, Answer(code=INVALID)) for index in range(len(sent))]
    return Outcome(answers, nonce)


def _overdue(session: FieldSession, now: datetime) -> bool:
    """Its time is over, though nothing has moved it yet: a deadline binds by itself."""
    if session.state == SessionState.LIVE:
        return now >= session.started_at + timedelta(seconds=session.max_duration_seconds)
    return now >= session.deadline_at


def _judge(session: FieldSession, well: list[tuple[int, Sample]], received_at: datetime) -> dict[int, Answer]:
    first, last = min(sample.captured_at for _, sample in well), max(sample.captured_at for _, sample in well)
    rules, received_ms = _rules(session, first), ms_of(received_at)
    stored = store.known(session.pk, [sample.captured_at for _, sample in well])
    dense = Counter(store.per_second(session.pk, first, last))
    found: dict[int, Answer] = {}
    fresh: list[store.Judged] = []
    # In one order whatever was sent: of too many in a second the latest are refused, of two that contradict each other always the same one.
    for index, sample in sorted(well, key=lambda each: (each[1].captured_ms, each[1].canonical, each[1].signature)):
        digest, worth = stored.get(sample.captured_ms, (None, None))
        second = sample.captured_ms // 1000
        code = samples.refusal(sample, rules, received_ms, 0 if digest else dense[second])
        if code is None and digest and digest != sample.digest:
            code = "sample_conflict"
        if code or digest:
            found[index] = Answer(code=code) if code else Answer(verdict=worth, duplicate=True)
            continue
        worth = samples.verdict(sample, rules, received_ms)
        stored[sample.captured_ms] = (sample.digest, worth)
        dense[second] += 1
        outside = outside_m(rules.fence, sample.point) if worth == Verdict.OUT_OF_FENCE else 0.0
        found[index] = Answer(verdict=worth, outside_meters=outside)
        fresh.append(store.Judged(sample, worth))
    if fresh:
        store.put(session.pk, received_at, fresh)
    return found


def _rules(session: FieldSession, first: datetime) -> Rules:
    keys = DeviceKey.objects.filter(operator_id=session.operator_id, revoked_at=None).values_list("address", flat=True)
    return Rules(
        fence=fence_of(session),
        assigned_ms=ms_of(session.assigned_at),
        signature_required=session.mode == Mode.TELEMETRY,
        signers=frozenset({session.operator_workspace.wallet_address, *keys}),
        # What was captured before the assignment is refused anyway, and may be as old as time.
        challenges=_challenges(session, max(first, session.assigned_at)) if session.required_trust_tier >= 2 else (),
    )


def _challenges(session: FieldSession, first: datetime) -> list[Challenge]:
    """Those that samples from `first` on may have to answer: the newest whose grace was over by then, and all later ones."""
    issued = TelemetryChallenge.objects.filter(session=session).order_by("issued_at")
    overdue = issued.filter(issued_at__lt=first - timedelta(milliseconds=NONCE_GRACE_MS)).last()
    if overdue:
        issued = issued.filter(issued_at__gte=overdue.issued_at)
    return [Challenge(row.nonce, ms_of(row.issued_at)) for row in issued]


def challenge_due(session: FieldSession, now: datetime) -> str | None:
    """The nonce to answer now, a new one at LIVE and every 30 s; None where the session asks for none. Inside a transaction that holds the session."""
    if session.required_trust_tier < 2 or session.state != SessionState.LIVE:
        return None
    newest = TelemetryChallenge.objects.filter(session=session).order_by("issued_at").last()
    if newest and ms_of(now) - ms_of(newest.issued_at) < NONCE_EVERY_MS:
        return newest.nonce
    made = TelemetryChallenge.objects.create(session=session, nonce=secrets.token_hex(16), issued_at=now)
    live.challenge(session.pk, {"nonce": made.nonce, "issued_at": now})
    return made.nonce


def challenges_due(now: datetime) -> list[UUID]:
    """LIVE sessions that ask for answers, with their newest nonce 30 s old."""
    asking = FieldSession.objects.filter(state=SessionState.LIVE, required_trust_tier__gte=2)
    newest = TelemetryChallenge.objects.filter(session=OuterRef("pk"), issued_at__gt=now - timedelta(milliseconds=NONCE_EVERY_MS))
    return list(asking.filter(~Exists(newest)).values_list("pk", flat=True))


def challenge_all() -> int:
    """Issue what is due, whether or not telemetry comes: a nonce that waited to be asked for would let a log be signed in advance. How many."""
    due = challenges_due(clock.now())
    for pk in due:
        with transaction.atomic():
            session = locked(pk, share=True)
            store.ingest_lock(pk)
            challenge_due(session, clock.now())
    return len(due)


def _seen(session: FieldSession, taken: list[tuple[Sample, Answer]], received_at: datetime) -> None:
    """Telemetry is a sign of life of the operator, and says where it is; what is old or made up says nothing of the place."""
    if not taken:
        return
    telling = [sample for sample, answer in taken if not answer.duplicate and answer.verdict not in (Verdict.LATE, Verdict.UNUSABLE_SOURCE)]
    newest = max(telling, key=lambda sample: sample.captured_ms, default=None)
    place = {"point": newest.point, "accuracy_meters": newest.accuracy_meters} if newest else {}
    devices.seen(session.operator_id, at=received_at, **place)


def _tell(session: FieldSession, taken: list[tuple[Sample, Answer]]) -> None:
    """The newest place, to whoever follows the session; last in the transaction, as topics are."""
    fresh = [(sample, answer) for sample, answer in taken if not answer.duplicate]
    if not fresh:
        return
    sample, _ = max(fresh, key=lambda each: each[0].captured_ms)
    key = f"{broker.PREFIX}telemetry:told:{session.pk}"
    if not broker.attempt(lambda valkey: valkey.set(key, 1, px=_TOLD_EVERY_MS, nx=True), True):
        return
    live.point(session.pk, point=sample.point, accuracy_meters=sample.accuracy_meters, at=sample.captured_at)


def fresh_in_fence(session: FieldSession, *, seconds: int) -> bool:
    """Whether a sample of the last `seconds` lies in the fence."""
    since = clock.now() - timedelta(seconds=seconds)
    return TelemetrySample.objects.filter(session_id=session.pk, captured_at__gte=since, verdict=Verdict.IN_FENCE).exists()


def admits(session: FieldSession) -> bool:
    """Whether the media edge may let its publisher in: tier 3 asks for a fresh sample inside the fence."""
    return session.required_trust_tier < 3 or fresh_in_fence(session, seconds=EDGE_PROOF_SECONDS)


def conclude(session: FieldSession, log: Sequence[trust.Logged], jumps: set[int], cutoff_at: datetime) -> None:
    """Write what the whole log says of the session's trust; its row is held. Flags of other capabilities stay."""
    tier, found = judged(session, log, jumps, cutoff_at)
    session.trust_reached = tier
    session.trust_flags = sorted({*session.trust_flags, *found})
    FieldSession.objects.filter(pk=session.pk).update(trust_reached=session.trust_reached, trust_flags=session.trust_flags)


def judged(session: FieldSession, log: Sequence[trust.Logged], jumps: set[int], cutoff_at: datetime) -> tuple[int, list[str]]:
    """(tier reached, flags) of a log up to now. Without a promise of telemetry nothing is proven, and silence is not odd."""
    if not log and session.mode != Mode.TELEMETRY:
        return 0, []
    found = trust.flags(log, session.operator.kind, ms_of(session.started_at), ms_of(cutoff_at), jumps)
    if session.mode != Mode.TELEMETRY:
        return 0, [flag.value for flag in found if flag != Flag.SLOW_BEACON]
    challenged = TelemetryChallenge.objects.filter(session=session).exists()
    return trust.reached(log, session.required_trust_tier, found, challenged), [flag.value for flag in found]


def last_point(session_id: UUID, since: datetime) -> TelemetrySample | None:
    """The newest sample of a session captured after `since`."""
    return TelemetrySample.objects.filter(session_id=session_id, captured_at__gte=since).order_by("-captured_at").first()
