"""The audit: appending against a bare insert of the same row, alone and by eight at once, sealing and verifying in events a second."""

import multiprocessing
import time
from statistics import median

from bench.measure import Growth, Line, percent, rate, seconds_of, spell

HOUSE = True
SMALLEST = 10_000
BATCH = 200
WRITERS = 8
# As many as a person marks in a list and stops together.
BULK = 50
# Places in `_writers()`.
_OURS, _BARE, _BULK = range(3)


def run(options, house) -> list[Line]:
    return [_append(options), _at_once(options, "writers", _OURS, 1), _at_once(options, "bulk writers", _BULK, BULK), *_seal_and_verify(options)]


def _writers():
    """`(ours, bare, bulk)`: each appends `count` rows in one transaction, `bulk` as a bulk write does it. The bare insert has its values ready: it
    shows the database's part alone."""
    from django.db import connection, transaction

    from audit import months, services
    from config.kernel import wire
    from config.kernel.access import Perm, system
    from config.kernel.ids import uuid7

    actor, verb = system("bench"), _any_verb()
    row = services.compose(
        verb, actor=actor, outcome="succeeded", subject=("node", uuid7(), "rec"), permission=Perm.NODE_MANAGE, before={"alias": "a"},
        after={"alias": "b"}, reason=None, details={"n": 1}, correlation=None, scope=["site:1"], environment=None, status=None,
    )  # fmt: skip
    values = [wire.dumps(row[name]).decode() if isinstance(row[name], dict) else row[name] for name in services.COLUMNS]

    def bare(count: int = BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            for _ in range(count):
                values[0] = months.event_id(row["occurred_at"])
                cursor.execute(services._INSERT, values)

    def ours(count: int = BATCH):
        with transaction.atomic():
            for _ in range(count):
                services.record(
                    verb, actor=actor, outcome="succeeded", subject=("node", uuid7(), "rec"), permission=Perm.NODE_MANAGE, before={"alias": "a"},
                    after={"alias": "b"}, details={"n": 1}, scope=["site:1"],
                )  # fmt: skip

    def bulk(count: int = BATCH):
        with transaction.atomic(), services.gathered():
            ours(count)

    return ours, bare, bulk


def _at_once(options, name: str, which: int, rows: int) -> Line:
    """Eight processes, `rows` events in each transaction, for some seconds; then the bare insert of as many, one by one."""
    seconds = 2 if options.quick else 5
    (written, waits), (peer, _) = (_eight(writer, seconds, rows) for writer in (which, _BARE))
    slow = sorted(waits)[int(len(waits) * 0.95)]
    notes = [f"95 % of the commits within {spell(slow)}"]
    return Line(f"audit append, {WRITERS} {name} at once", rate(seconds / written, "rows"), f"bare insert {rate(seconds / peer, 'rows')}", percent(written / peer), "≥ 5,000/s", written / seconds >= 5000, notes)  # fmt: skip


def _eight(which: int, seconds: float, rows: int = 1) -> tuple[int, list[float]]:
    """How many were appended by all, `rows` in each transaction, and how long each transaction took."""
    from django.db import connections

    connections.close_all()
    forks = multiprocessing.get_context("fork")
    gate, told = forks.Barrier(WRITERS), forks.Queue()

    def write():
        append = _writers()[which]
        append(1)
        gate.wait(60)
        took, until = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            append(rows)
            took.append(time.perf_counter() - began)
        told.put(took)

    writers = [forks.Process(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    waits = [wait for _ in writers for wait in told.get()]
    for writer in writers:
        writer.join()
    return len(waits) * rows, waits


def _append(options) -> Line:
    """Both in transactions of 200, in turns."""
    ours, bare, _ = _writers()
    bare()
    ours()
    turns = [(seconds_of(ours), seconds_of(bare)) for _ in range(options.rounds(15))]
    taken, peer = (median(times) / BATCH for times in zip(*turns, strict=True))
    return Line("audit append", rate(1 * taken, "rows"), f"bare insert {rate(peer, 'rows')}", percent(peer / taken), "≥ 70 %", peer / taken >= 0.7)


def _any_verb() -> str:
    from audit import vocabulary

    return sorted(vocabulary.known())[0]


def _seal_and_verify(options) -> list[Line]:
    from audit import sealing
    from audit.months import month_of
    from audit.verification import verify_month
    from config.kernel import clock

    sealing.seal()
    sealed, verified = Growth("sealing", 1.05), Growth("verifying", 1.05)
    month, total = month_of(clock.now()), 0
    for size in options.sizes(SMALLEST)[:2]:
        _events(size)
        began = time.perf_counter()
        count = sealing.seal()
        taken = time.perf_counter() - began
        assert count >= size, (count, size)
        sealed.add(size, taken)
        began = time.perf_counter()
        report = verify_month(month)
        checked = time.perf_counter() - began
        assert not report.findings, report.findings[:3]
        verified.add(report.rows, checked)
        total = report.rows
    digests = _digests(total)
    return [
        Line("audit sealing", rate(taken / count, "events"), f"read and hash {rate(digests / total, 'events')}", percent(digests / total / (taken / count)), "≥ 50,000/s", count / taken >= 50_000, [], [sealed]),
        Line("audit verifying", rate(checked / total, "events"), f"read and hash {rate(digests / total, 'events')}", percent(digests / checked), "≥ 200,000/s", total / checked >= 200_000, [f"{total:,} events in {spell(checked)}"], [verified]),
    ]  # fmt: skip


def _events(size: int) -> None:
    """`size` events of this very month, as the triggers queue them."""
    from django.db import connection, transaction

    from audit import services

    columns = ", ".join(services.COLUMNS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE pattern ON COMMIT DROP AS SELECT * FROM audit_event WHERE verb = %s LIMIT 1", [_any_verb()])
        rest = columns.removeprefix("id, occurred_at, ")
        # Ids hold the instant to the microsecond; sealing asks the prefix, verification the order.
        cursor.execute(
            f"INSERT INTO audit_event ({columns}) SELECT overlay(overlay(gen_random_uuid()::text placing"
            f" substr(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'), 1, 8) || '-' || substr(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'), 9, 4) from 1 for 13)"
            f" placing '7' from 15 for 1)::uuid, now(), {rest} FROM pattern, generate_series(1, %s)",
            [size],
        )


def _digests(total: int) -> float:
    """Seconds to read and hash that many canonical rows and do nothing else: what bounds both."""
    import hashlib

    from django.db import connection

    from audit import sealing

    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sealing.CANONICAL} FROM audit_event e")
        for (row,) in cursor.fetchall():
            hashlib.sha256(row).digest()
    return time.perf_counter() - began
