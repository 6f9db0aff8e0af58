"""A library of many recordings, loaded by SQL: what a controller holds after years."""

from dataclasses import dataclass

from bench import fleet

SITES, NODES_PER_SITE, TAGS, FOLDERS = 10, 5, 20, 100
_SPAN_SECONDS = 3 * 365 * 86400


@dataclass(frozen=True)
class Library:
    """`size` recordings on all nodes; `viewer` reaches two of the ten sites, `owner` everything."""

    size: int
    all_nodes: tuple
    reached_nodes: tuple
    viewer_token: str
    owner_token: str


_people: dict = {}


def load(size: int) -> Library:
    """Replace the library by one of `size` recordings."""
    from django.db import connection

    if not _people:
        _settle()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recordings_recording, recordings_job, recordings_recordingfile CASCADE")
        # Rows are made whole; checking each key of a million of them would only cost time.
        cursor.execute("SET session_replication_role = replica")
        for statement, values in _statements(size):
            cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE recordings_recording, recordings_job, recordings_recordingfile, nodes_node")
    return Library(size, **_people)


def _settle() -> None:
    from operators.access.models import AccessPolicy
    from operators.access.services import set_grants

    sites = [fleet.site() for _ in range(SITES)]
    nodes = [fleet.node(site) for site in sites for _ in range(NODES_PER_SITE)]
    reached = sites[:2]
    viewer, viewer_token = fleet.person("viewer")
    owner, owner_token = fleet.person("owner")
    # Without the policy that opens every site, grants decide.
    AccessPolicy.objects.all().delete()
    from config.kernel.access import system

    set_grants(kind="site", actor=system("bench"), object_ids=[site.pk for site in reached], user=viewer)
    _people.update(
        all_nodes=tuple(node.pk for node in nodes),
        reached_nodes=tuple(node.pk for node in nodes if node.site_id in {site.pk for site in reached}),
        viewer_token=viewer_token,
        owner_token=owner_token,
    )


def insert(model, how_many: int, /, **columns: str) -> tuple[str, list]:
    """INSERT of `how_many` rows; `columns` are SQL expressions over the row number `i`, the rest are the fields' defaults."""
    names, expressions, values = [], [], []
    for field in model._meta.concrete_fields:
        names.append(f'"{field.column}"')
        if field.attname in columns:
            expressions.append(columns[field.attname].replace("%", "%%"))
        elif getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            expressions.append("now()")
        else:
            expressions.append(f"%s::{field.db_type(_connection())}")
            values.append(field.get_db_prep_save(field.get_default(), _connection()))
    return f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) SELECT {', '.join(expressions)} FROM generate_series(1, {how_many}) AS i", values


def _connection():
    from django.db import connection

    return connection


def row_id(kind: int, number: str = "i") -> str:
    """A UUIDv7 in the order of `i`; `kind` keeps tables apart."""
    return f"(lpad(to_hex(1600000000000 + {number}), 12, '0') || '7{kind:03x}8' || lpad(to_hex({number}), 15, '0'))::uuid"


def _statements(size: int):
    from recordings.jobs.models import Job
    from recordings.library.models import Recording, RecordingFile

    nodes = [str(pk) for pk in _people["all_nodes"]]
    node = f"('{{{','.join(nodes)}}}'::uuid[])[1 + i % {len(nodes)}]"
    profile = f"'{fleet.profile().pk}'::uuid"
    at = f"now() - make_interval(secs => ({size} - i) * {_SPAN_SECONDS / size})"
    ended = f"{at} + interval '30 min'"
    tag = f"ARRAY['tag' || i % {TAGS}, 'tag' || (i / 7) % {TAGS}]"
    name = "'Rehearsal ' || i"
    yield insert(
        Recording, size, id=row_id(1), source="'ad_hoc'", name=name, folder=f"'season/' || i % {FOLDERS}", tags=tag, tag_keys=tag,
        search_text=f"lower({name}) || ' season/' || i % {FOLDERS}", status="CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'cached' END",
        health_status="(ARRAY['healthy','warning','critical','unknown'])[1 + i % 4]", planned_start_at=at, recorded_at=at, sort_at=at, ended_at=ended,
        duration_seconds="1800", size_bytes="50000000", node_id=node, node_label="'rec'", profile_id=profile, profile_label="'FLAC'",
        track_total="1", primary_file_id=f"CASE WHEN i % 10 <> 0 THEN {row_id(3)} END", cache_state="'cached'", playable="true",
    )  # fmt: skip
    yield insert(
        Job, size, id=row_id(2), recording_id=row_id(1), node_id=node, status="CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'completed' END", command="'{}'::jsonb",
        claim_epoch="1", not_before=at, capture_start_at=at, capture_end_at=ended, captured_at=ended, ended_at=ended,
    )  # fmt: skip
    yield insert(
        RecordingFile, size, id=row_id(3), recording_id=row_id(1), job_id=row_id(2), claim_epoch="1", role="'primary'", path="'library/' || i || '.flac'",
        size="50000000", sha256="lpad(to_hex(i), 64, '0')", mime_type="'audio/flac'", duration_seconds="1800", stored_at=ended, playable="true",
    )  # fmt: skip
