"""Claiming jobs with eight workers at once, against hand-written SQL that does the same writes, and against a bare SKIP LOCKED."""

import threading
import time
from collections import Counter
from itertools import cycle
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench import fleet, library
from bench.measure import Growth, Line, percent, rate

HOUSE = True
WORKERS = 8
NODES = 100
SMALLEST = 1_000
TARGET = 0.7
_PICK = """
UPDATE recordings_job SET status = 'running', claim_id = %(claim)s, claim_epoch = claim_epoch + 1, claimed_at = now(), phase = 'claimed',
    lease_state = 'held', lease_until = now() + interval '60 s', heartbeat_at = now(), agent_instance_id = 'peer', slot = %(slot)s,
    span = tstzrange(now(), NULL), revision = revision + 1, updated_at = now()
WHERE id = (SELECT id FROM recordings_job WHERE node_id = %(node)s AND status = 'queued' AND not_before <= now()
            ORDER BY not_before, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, recording_id
"""
_SLOT = """
SELECT slot FROM generate_series(1, 128) AS slot WHERE NOT EXISTS (
    SELECT 1 FROM recordings_job held WHERE held.node_id = %(node)s AND held.slot = slot.slot AND held.span && tstzrange(now(), NULL)) LIMIT 1
"""
_COUNTER = "INSERT INTO kernel_topiccounter (topic, seq) VALUES ('recordings', 1) ON CONFLICT (topic) DO UPDATE SET seq = kernel_topiccounter.seq + 1 RETURNING seq"
_EVENT = """
INSERT INTO kernel_topicevent (id, topic, seq, event, data, subject_kind, subject_id, created_at)
VALUES (%s, 'recordings', %s, %s, %s, 'recording', %s, now())
"""


def run(options, house) -> list[Line]:
    growth = Growth("one claim", 0.2)
    claims = 200 if options.quick else 400
    for size in options.sizes(SMALLEST):
        seconds, doubled, lost = _ours(size, claims)
        growth.add(size, seconds)
    by_hand, _, _ = _by_hand(size, claims, house.database_url, whole=True)
    bare, _, _ = _by_hand(size, claims, house.database_url, whole=False)
    return [
        Line(
            f"claim-next, {WORKERS} workers, {size:,} queued", rate(seconds, "claims"), f"hand-written SQL, same writes {rate(by_hand, 'claims')}",
            percent(by_hand / seconds), "≥ 70 %, 0 doubled, 0 lost", by_hand / seconds >= TARGET and not doubled and not lost,
            [
                f"{doubled} doubled, {lost} lost in {claims} claims by threads of one process",
                f"a bare SKIP LOCKED update of the job alone, without recording, capacity, audit and events: {rate(bare, 'claims')}",
            ],
            [growth],
        )
    ]  # fmt: skip


def _queue(size: int) -> list[UUID]:
    """`size` queued recordings on nodes with room for 128 captures each; the nodes."""
    from django.db import connection

    from recordings.jobs.models import Job
    from recordings.library.models import Recording

    site = fleet.site()
    nodes = [fleet.node(site, capacity=128).pk for _ in range(NODES)]
    ids = ",".join(map(str, nodes))
    node, profile = f"('{{{ids}}}'::uuid[])[1 + i % {NODES}]", f"'{fleet.profile().pk}'::uuid"
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recordings_recording, recordings_job, recordings_recordingfile, kernel_topicevent CASCADE")
        cursor.execute("SET session_replication_role = replica")
        for statement, values in (
            library.insert(
                Recording, size, id=library.row_id(1), source="'ad_hoc'", name="'Rehearsal ' || i", planned_start_at="now()", sort_at="now()",
                node_id=node, node_label="'rec'", profile_id=profile, profile_label="'FLAC'",
            ),
            library.insert(
                Job, size, id=library.row_id(2), recording_id=library.row_id(1), node_id=node, command="'{\"codec\": \"flac\"}'::jsonb",
                not_before="now() - interval '1 min'", capture_start_at="now()",
            ),
        ):  # fmt: skip
            cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE recordings_recording, recordings_job")
    return nodes


def _race(worker, claims: int) -> float:
    """Seconds a claim, with all workers running until `claims` are made."""
    threads = [threading.Thread(target=worker, args=(claims // WORKERS,)) for _ in range(WORKERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - began) / (claims // WORKERS * WORKERS)


def _ours(size: int, claims: int) -> tuple[float, int, int]:
    """(seconds a claim, jobs given twice, claims whose job is not theirs in the database)."""
    from django.db import connection

    from config.kernel.access import Actor, Kind
    from recordings.jobs.claiming import Claim, claim_next
    from recordings.jobs.models import Job

    nodes = cycle(_queue(size))
    lock, given, broken = threading.Lock(), [], []
    actor = Actor(kind=Kind.NODE, id=str(uuid4()), label="bench")

    def worker(share):
        try:
            for _ in range(share):
                with lock:
                    node = next(nodes)
                claim = Claim(uuid4(), "bench", 1)
                job = claim_next(actor=actor, node_id=node, claim=claim)
                with lock:
                    given.append((job.pk if job else None, claim.claim_id))
        except Exception as error:  # noqa: BLE001 - a worker's failure must end the row, not only its thread
            broken.append(error)
        finally:
            connection.close()

    seconds = _race(worker, claims)
    if broken:
        raise broken[0]
    doubled = sum(count - 1 for count in Counter(job for job, _ in given if job).values())
    held = dict(Job.objects.filter(status="running").values_list("claim_id", "pk"))
    lost = sum(job is None or held.get(claim) != job for job, claim in given)
    return seconds, doubled, lost


def _by_hand(size: int, claims: int, url: str, *, whole: bool) -> tuple[float, int, int]:
    """The same race in plain psycopg. `whole`: slot, recording, audit row and both events too; else the update of the job alone."""
    nodes, lock, broken = cycle(_queue(size)), threading.Lock(), []
    audit = _audit_insert()
    told = _told()

    def worker(share):
        try:
            with psycopg.connect(url) as connection:
                for _ in range(share):
                    with lock:
                        node = next(nodes)
                    with connection.transaction(), connection.cursor() as cursor:
                        facts = {"claim": uuid4(), "node": node, "slot": None}
                        if whole:
                            cursor.execute("SELECT 1 FROM nodes_node WHERE id = %s FOR UPDATE", [node])
                            facts["slot"] = cursor.execute(_SLOT, facts).fetchone()[0]
                        statement = _PICK if whole else _PICK.replace("slot = %(slot)s,", "").replace("span = tstzrange(now(), NULL),", "")
                        job, recording = cursor.execute(statement, facts).fetchone()
                        if whole:
                            _the_rest(cursor, recording, audit, told)
        except Exception as error:  # noqa: BLE001 - see above
            broken.append(error)

    seconds = _race(worker, claims)
    if broken:
        raise broken[0]
    return seconds, 0, 0


def _the_rest(cursor, recording, audit, told) -> None:
    cursor.execute("UPDATE recordings_recording SET status = 'recording', revision = revision + 1, updated_at = now() WHERE id = %s", [recording])
    statement, values = audit()
    cursor.execute(statement, values)
    for event, data in zip(("recording.changed", "job.changed"), told, strict=True):
        seq = cursor.execute(_COUNTER).fetchone()[0]
        cursor.execute(_EVENT, [uuid4(), seq, event, data, recording])


def _audit_insert():
    """A function giving the statement and values of one audit row, each with an id of its own."""
    from audit import months, services
    from config.kernel import clock, wire
    from config.kernel.access import Perm, system
    from recordings import verbs

    row = services.compose(
        verbs.JOB_CLAIMED, actor=system("bench"), outcome="succeeded", subject=("job", uuid4(), "rec"), permission=Perm.RECORDING_CONTROL,
        before=None, after=None, reason=None, details={"slot": 1}, correlation=None, scope=["node:1"], environment=None, status=None,
    )  # fmt: skip
    values = [wire.dumps(row[name]).decode() if isinstance(row[name], dict) else row[name] for name in services.COLUMNS]
    return lambda: (services._INSERT, [months.event_id(clock.now()), *values[1:]])


def _told() -> tuple[Jsonb, Jsonb]:
    """What the two events carry, as large as ours."""
    import json

    from config.kernel import wire
    from recordings.jobs.models import Job
    from recordings.jobs.serializers import JobSerializer
    from recordings.library.serializers import RecordingSerializer

    job = Job.objects.select_related("recording").first()
    shapes = (RecordingSerializer(job.recording).data, JobSerializer(job).data)
    return tuple(Jsonb(json.loads(wire.dumps(dict(shape)))) for shape in shapes)
