"""Writing: one row per action and target, in the transaction that did the thing.

    record("recording.job.claimed", actor=actor, subject=("job", job.id, job.title), outcome="succeeded", permission=Perm.NODE_CONTROL,
           before=before, after=snapshot(job), correlation={"job_id": job.id, "recording_id": recording.id})

`before` and `after` are `snapshot(row)` dicts (a model's AUDIT_FIELDS); only what differs is kept. Everything is redacted here.
"""

import itertools
import threading
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date
from uuid import UUID

from celery.exceptions import OperationalError as BrokerDown
from django.db import connection, connections, transaction

from audit import months, redaction, vocabulary
from audit.models import Outcome
from audit.redaction import snapshot
from config.kernel import clock, context, wire
from config.kernel.access import Actor, Kind, ports

__all__ = ["ensure_month", "gathered", "record", "snapshot"]

FORMAT = 1
# A busy process does not wait for the next minute: it asks for a seal at each so many rows of its own.
SEAL_EVERY = 1000
_appended = itertools.count(1)
COLUMNS = (
    "id", "occurred_at", "verb", "actor_kind", "actor_id", "actor_label", "on_behalf_of_kind", "on_behalf_of_id", "on_behalf_of_label",
    "subject_kind", "subject_id", "subject_label", "scope", "workspace_ids", "permission", "outcome", "reason", "before", "after", "details",
    "correlation", "request_id", "method", "route", "status", "ip", "user_agent", "sign_in_id", "credential_prefix", "environment", "format",
)  # fmt: skip
_CASTS = {
    "scope": "::text[]",
    "workspace_ids": "::uuid[]",
    "before": "::jsonb",
    "after": "::jsonb",
    "details": "::jsonb",
    "correlation": "::jsonb",
    "ip": "::inet",
}
_INSERT = f"INSERT INTO audit_event ({', '.join(COLUMNS)}) VALUES ({', '.join('%s' + _CASTS.get(name, '') for name in COLUMNS)})"
_INSERT_ALL = (
    f"INSERT INTO audit_event ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM jsonb_populate_recordset(NULL::audit_event, %s::jsonb)"
)
_IN_ITS_TRANSACTION = {Outcome.SUCCEEDED.value, Outcome.PARTIAL.value}
_OUTCOMES = set(Outcome.values)
_gathering: ContextVar[list[dict] | None] = ContextVar("audit_gathering", default=None)
_known_months: set[tuple[str, date]] = set()
_month_lock = threading.Lock()

Subject = tuple[str, object, str]


def record(
    verb: str,
    *,
    actor: Actor,
    outcome: str,
    subject: Subject | None = None,
    permission: str | None = None,
    before: dict | None = None,
    after: dict | None = None,
    reason: str | None = None,
    details: dict | None = None,
    correlation: dict | None = None,
    scope: Iterable[str] | None = None,
    environment: str | None = None,
    status: int | None = None,
) -> UUID:
    """Append one row and return its id.

    subject      (kind, id, label), a snapshot; None for controller-level events
    scope        the subject's ancestors as `kind:id`; None asks the port `ancestors`
    permission   the one that was checked; None takes the one that the request's route names
    reason       the answer's error code, or a person's text
    correlation  any of job_id, recording_id, session_id, conversation_id, schedule_id, lifecycle_job_id, export_id
    environment  LIVE or TEST where the credential has one

    `succeeded` and `partial` belong into the transaction that did the thing: RuntimeError outside `atomic()`. A `denied` or `failed` one inside a
    request's transaction waits for its end, whichever it is, because a rollback would take it along. LookupError for a verb no app lists.
    """
    outcome = str(outcome)
    if outcome not in _OUTCOMES:
        raise ValueError(f"{outcome} is no outcome")
    if outcome in _IN_ITS_TRANSACTION and not connection.in_atomic_block:
        raise RuntimeError(f"{verb}: what succeeded is recorded in the transaction that did it")
    before, after = redaction.changes(before, after)
    row = compose(
        vocabulary.check(verb), actor=actor, outcome=outcome, subject=subject, permission=permission or _asked_of(actor), before=before, after=after, reason=reason,
        details=details, correlation=correlation, scope=scope, environment=environment, status=status,
    )  # fmt: skip
    if outcome in {Outcome.DENIED.value, Outcome.FAILED.value}:
        _after_the_request(row)
    else:
        append(row)
    return row["id"]


def _asked_of(actor: Actor) -> str | None:
    """What the door of this request asked of its caller: what they then did was done by that permission."""
    return None if actor.kind is Kind.SYSTEM else context.current().permission


def compose(verb, *, actor, outcome, subject, permission, before, after, reason, details, correlation, scope, environment, status) -> dict:
    """The columns of a row, redacted, with what the request context knows. Writes nothing."""
    at, facts = clock.now(), context.current()
    before, after, details = redaction.fit(_clean(before), _clean(after), _clean(details))
    behalf = actor.on_behalf_of or (None, None, None)
    kind, subject_id, label = subject or (None, None, None)
    terms, workspaces = scope_of(kind, subject_id, scope)
    return {
        "id": months.event_id(at),
        "occurred_at": at,
        "verb": verb,
        "actor_kind": str(actor.kind),
        "actor_id": _id(actor.id),
        "actor_label": redaction.line(actor.label),
        "on_behalf_of_kind": behalf[0],
        "on_behalf_of_id": _id(behalf[1]),
        "on_behalf_of_label": redaction.line(behalf[2]) if behalf[2] is not None else None,
        "subject_kind": kind,
        "subject_id": _id(subject_id),
        "subject_label": redaction.line(str(label)) if label is not None else None,
        "scope": terms,
        "workspace_ids": workspaces,
        "permission": str(permission) if permission else None,
        "outcome": outcome,
        "reason": redaction.line(reason, redaction.REASON_LIMIT) if reason else None,
        "before": before,
        "after": after,
        "details": details,
        "correlation": _clean({name: value for name, value in correlation.items() if value is not None} or None) if correlation else None,
        "request_id": facts.request_id,
        "method": facts.method,
        "route": facts.route,
        "status": status,
        "ip": facts.ip,
        "user_agent": redaction.line(facts.user_agent, redaction.AGENT_LIMIT),
        "sign_in_id": _id(actor.sign_in_id),
        "credential_prefix": actor.credential_prefix or "",
        "environment": environment or actor.environment or None,
        "format": FORMAT,
    }


@contextmanager
def gathered():
    """What is recorded in here is written at its end in one round trip: for bulk writes, in the transaction that does them all or none.

    Nothing in here may be undone alone (a savepoint that is rolled back would leave its rows); an error leaves none.
    """
    if _gathering.get() is not None:
        yield
        return
    rows: list[dict] = []
    token = _gathering.set(rows)
    try:
        yield
    finally:
        _gathering.reset(token)
    _write(rows)


def append(row: dict) -> None:
    """INSERT the composed row on Django's connection; its id goes to the queue of the sealer by trigger, in the same transaction."""
    rows = _gathering.get()
    if rows is None:
        _write([row])
    else:
        rows.append(row)


def _write(rows: list[dict]) -> None:
    for row in rows:
        _know_month(row["occurred_at"])
    with connection.cursor() as cursor:
        if len(rows) == 1:
            [row] = rows
            cursor.execute(_INSERT, [wire.dumps(row[name]).decode() if isinstance(row[name], dict) else row[name] for name in COLUMNS])
        elif rows:
            # On the wire an instant has milliseconds; here it keeps what it has.
            listed = [row | {"occurred_at": row["occurred_at"].isoformat()} for row in rows]
            cursor.execute(_INSERT_ALL, [wire.dumps(listed).decode()])
    if [row for row in rows if next(_appended) % SEAL_EVERY == 0]:
        _seal_soon()


def _seal_soon() -> None:
    from audit.tasks import seal

    def send():
        # A hint: the periodic run comes by anyway.
        with suppress(BrokerDown, OSError):
            seal.apply_async(retry=False, expires=60)

    transaction.on_commit(send)


def append_alone(row: dict) -> None:
    """One row in a transaction of its own (a savepoint within another one), whatever is being gathered."""
    with transaction.atomic():
        _write([row])


class Deferred:
    """A refusal's row that waits for the end of its transaction; `write` is harmless to repeat."""

    def __init__(self, row: dict):
        self.row, self.written = row, False

    def write(self) -> None:
        if not self.written:
            self.written = True
            append_alone(self.row)


def _after_the_request(row: dict) -> None:
    deferred = Deferred(row)
    # In a request the refusal itself is reported later (`audit.refusals`), which then finds that its row exists already.
    context.current().refusals.append(deferred)
    if connection.in_atomic_block and context.current().method:
        transaction.on_commit(deferred.write)
    else:
        deferred.write()


def _clean(part: dict | None) -> dict | None:
    return redaction.clean(part) if part is not None else None


def _id(value) -> str | None:
    return None if value is None else redaction.line(str(value))


def scope_of(kind: str | None, subject_id, scope: Iterable[str] | None = None) -> tuple[list[str], list[UUID]]:
    if kind is None:
        return [], []
    ancestors = scope if scope is not None else ports.ancestors(kind, subject_id)
    exact = dict.fromkeys([f"{kind}:{subject_id}", *map(str, ancestors)])
    kinds = dict.fromkeys(f"{term.partition(':')[0]}:*" for term in exact)
    workspaces = [UUID(term.removeprefix("workspace:")) for term in exact if term.startswith("workspace:")]
    return [*exact, *kinds], workspaces


def _know_month(at) -> None:
    """Make sure that the partition of `at` exists: asked once per process and month."""
    month = months.month_of(at)
    known = (connection.settings_dict["NAME"], month)
    if known in _known_months:
        return
    with _month_lock:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s), to_regclass(%s)", [f"audit_event_{month:%Y_%m}", f"audit_chain_{month:%Y_%m}"])
            missing = None in cursor.fetchone()
        if missing:
            _ensure_on_own_connection(at)
        _known_months.add(known)


def forget_month(month: date) -> None:
    """Its partitions are gone: the next event of that month has to make them anew."""
    _known_months.discard((connection.settings_dict["NAME"], month))


def _ensure_on_own_connection(at) -> None:
    """Outside the caller's transaction: a new partition must not vanish with its rollback, nor wait for its end."""
    own = connections.create_connection("default")
    own.settings_dict = connection.settings_dict
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT audit_ensure_month(%s)", [at])
    finally:
        own.close()


def ensure_month(at) -> None:
    """Make the partitions of the month of `at`; harmless to repeat."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_ensure_month(%s)", [at])
