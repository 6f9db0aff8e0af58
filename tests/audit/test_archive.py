"""A month leaves the database for a file that proves itself, and only when everything about it is in order."""

import gzip
import json
from datetime import date

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from audit import archive, archive_file, checks, holds, keys, months, services, verification
from audit.models import AuditArchive, AuditCheckpoint, AuditEvent, AuditHold
from audit.tasks import archive as task
from config.kernel.access import system
from config.kernel.errors import ApiError
from nodes.health.models import HealthEvent

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system("tests")


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.AUDIT_ARCHIVE_ROOT = tmp_path / "archive"
    return settings.AUDIT_ARCHIVE_ROOT


def tables(month: date) -> list:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s), to_regclass(%s)", [f"audit_event_{month:%Y_%m}", f"audit_chain_{month:%Y_%m}"])
        return list(cursor.fetchone())


def archived(trail) -> AuditArchive:
    return archive.archive(trail.month, actor=ACTOR)


def verified(path, *options) -> tuple[int, dict]:
    """Exit status and words of `audit_verify --archive`."""
    from io import StringIO

    said = StringIO()
    try:
        call_command("audit_verify", "--archive", str(path), "--json", *options, stdout=said)
    except SystemExit as end:
        return end.code, json.loads(said.getvalue())
    return 0, json.loads(said.getvalue())


def test_a_month_goes_into_a_file_that_verifies_offline_and_its_checkpoints_stay(trail, root):
    events = trail.grow(5) + trail.grow(3)
    row = archived(trail)
    path = root / row.file
    assert (row.rows, row.sha256, row.size_bytes) == (8, archive_file.sha256_of(path), path.stat().st_size) and row.dropped_at
    assert tables(trail.month) == [None, None] and not AuditEvent.objects.filter(pk__in=[event.pk for event in events]).exists()
    assert AuditCheckpoint.objects.filter(month=trail.month).count() == 2
    assert trail.month not in verification.months_recorded()
    recorded = AuditEvent.objects.get(verb="audit.month.archived", details__month=f"{trail.month:%Y-%m}")
    assert recorded.details == {"month": f"{trail.month:%Y-%m}", "file": row.file, "sha256": row.sha256, "sizeBytes": row.size_bytes, "rows": 8}
    status, said = verified(path, "--anchors", str(trail.anchors))
    assert (status, said["sound"], said["keysOnlyInFile"]) == (0, True, []) and said["months"][0]["rows"] == 8
    lines = [json.loads(line) for line in gzip.open(path, "rt")]
    first = dict(zip(lines[0]["fields"], json.loads(lines[1]["row"]), strict=True))
    assert first["verb"] == events[0].verb and first["id"] == str(events[0].pk)
    with pytest.raises(SystemExit) as refused:
        call_command("audit_verify", "--month", f"{trail.month:%Y-%m}")
    assert refused.value.code == 2


def test_elsewhere_only_the_file_vouches_for_its_key_and_that_is_said(trail, root, settings, tmp_path):
    trail.grow(2)
    path = root / archived(trail).file
    settings.AUDIT_ANCHORS = tmp_path / "elsewhere" / "anchors.jsonl"
    with override_settings(INSTANCE_ID="another"):
        status, said = verified(path)
    assert status == 0 and len(said["keysOnlyInFile"]) == 1


def _edit(path, change) -> None:
    lines = [json.loads(line) for line in gzip.open(path, "rt")]
    change(lines)
    with gzip.open(path, "wt") as out:
        out.write("".join(json.dumps(line) + "\n" for line in lines))


def _reword(lines):
    lines[2]["row"] = lines[2]["row"].replace("Anna", "Eve")


def _swap_digest(lines):
    lines[2]["digest"] = "00" * 32


def _lose_a_row(lines):
    del lines[2]


def _cut_the_tail(lines):
    del lines[-4:-1]


def _forge(lines):
    checkpoint = next(line["checkpoint"] for line in lines if "checkpoint" in line)
    checkpoint["position"] += 1


def _other_start(lines):
    lines[0]["previousSignature"] = "AAAA"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (_reword, "row_changed"),
        (_swap_digest, "row_changed"),
        (_lose_a_row, "chain_broken"),
        (_cut_the_tail, "chain_broken"),
        (_forge, "checkpoint_invalid"),
        (_other_start, "chain_broken"),
    ],
)
def test_whatever_is_done_to_the_file_is_named(trail, root, change, finding):
    trail.grow(3)
    trail.grow(2)
    path = root / archived(trail).file
    _edit(path, change)
    status, said = verified(path)
    assert status == 1 and finding in {found["finding"] for found in said["months"][0]["findings"]}


def test_a_kept_anchor_betrays_a_file_that_lacks_its_end(trail, root):
    trail.grow(3)
    trail.grow(2)
    path = root / archived(trail).file

    def cut_cleanly(lines):
        del lines[-4:-1]
        lines[-1]["end"] = {"rows": 3, "checkpoints": 1}

    _edit(path, cut_cleanly)
    assert verified(path)[0] == 0, "nothing in the file itself says that it went on"
    status, said = verified(path, "--anchors", str(trail.anchors))
    assert status == 1 and said["months"][0]["findings"][0]["finding"] == "anchor_mismatch"


@pytest.mark.parametrize("content", [b"", b"nonsense", gzip.compress(b"{}\n", mtime=0), gzip.compress(b"not json\n", mtime=0)])
def test_what_is_no_archive_could_not_be_checked(tmp_path, content):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(content)
    assert verified(path)[0] == 2 and verified(tmp_path / "absent.gz")[0] == 2


def test_a_month_with_unsealed_or_changed_rows_stays_where_it_is(trail, root):
    events = trail.grow(2)
    trail.grow(1, seal=False)
    with pytest.raises(archive.ArchiveFailed, match="not sealed"):
        archived(trail)
    trail.grow(1)
    trail.tamper(("UPDATE audit_event SET reason = 'edited' WHERE id = %s", [events[0].pk]))
    with pytest.raises(archive.ArchiveFailed, match="row_changed"):
        archived(trail)
    assert None not in tables(trail.month) and not AuditArchive.objects.exists() and not list(root.glob("*.gz"))


def test_a_file_that_changed_before_the_drop_keeps_the_month(trail, root, monkeypatch):
    trail.grow(2)
    monkeypatch.setattr(archive, "_remove", lambda row, actor: None)
    row = archived(trail)
    monkeypatch.undo()
    assert row.dropped_at is None
    with (root / row.file).open("ab") as file:
        file.write(b"x")
    with pytest.raises(archive.ArchiveFailed, match="not the file"):
        archived(trail)
    assert None not in tables(trail.month)


def test_what_was_interrupted_goes_on_from_there(trail, root, monkeypatch):
    trail.grow(2)
    real, calls = archive._detach, []

    def once(cursor, parent, table):
        calls.append(table)
        if len(calls) == 2:
            raise OSError("the power went")
        real(cursor, parent, table)

    monkeypatch.setattr(archive, "_detach", once)
    with pytest.raises(OSError):
        archived(trail)
    monkeypatch.undo()
    assert AuditArchive.objects.get(month=trail.month).dropped_at is None
    assert trail.month in archive.due()
    assert archived(trail).dropped_at and tables(trail.month) == [None, None]
    assert AuditEvent.objects.filter(verb="audit.month.archived", details__month=f"{trail.month:%Y-%m}").count() == 1


def test_a_hold_keeps_a_month_until_it_is_released(trail, api, alice, carol):
    from operators.access.backend import actor_of_user

    trail.grow(1)
    with pytest.raises(ApiError) as refused:
        holds.place(actor=actor_of_user(carol), month=trail.month, reason="the inquiry")
    assert refused.value.code == "permission_denied"
    hold = holds.place(actor=actor_of_user(alice), month=trail.month, reason="the inquiry")
    with pytest.raises(ApiError) as twice:
        holds.place(actor=actor_of_user(alice), month=trail.month, reason="again")
    assert twice.value.code == "hold_exists"
    with pytest.raises(archive.ArchiveFailed, match="hold"):
        archived(trail)
    holds.release(actor=actor_of_user(alice), hold=hold)
    with pytest.raises(ApiError) as over:
        holds.release(actor=actor_of_user(alice), hold=hold)
    assert over.value.code == "hold_released"
    assert archived(trail).dropped_at
    placed = AuditEvent.objects.filter(verb="audit.hold.placed", details__month=f"{trail.month:%Y-%m}").get()
    assert (placed.reason, placed.permission, placed.actor_label) == ("the inquiry", "system:admin", "alice@example.org")


def test_only_whole_months_beyond_the_retention_are_due(trail, settings):
    trail.grow(1)
    settings.AUDIT_RETENTION_MONTHS = 13
    at = lambda steps: months.month_start(months.next_month(trail.month, steps))  # noqa: E731
    assert trail.month not in archive.due(at(13)) and trail.month in archive.due(at(14))
    settings.AUDIT_RETENTION_MONTHS = 0
    assert archive.due(at(100)) == []
    settings.AUDIT_RETENTION_MONTHS = 2
    assert [error.id for error in checks.kept_long_enough()] == ["audit.E002"]
    settings.AUDIT_RETENTION_MONTHS = 3
    assert checks.kept_long_enough() == []


def test_the_task_archives_what_is_due_and_alarms_where_it_stops(trail, monkeypatch):
    events = trail.grow(2)
    monkeypatch.setattr(archive, "due", lambda: [trail.month])
    trail.tamper(("UPDATE audit_event SET reason = 'edited' WHERE id = %s", [events[0].pk]))
    assert task.run_once() == {"archived": 0}
    failed = AuditEvent.objects.get(verb="audit.month.archived", outcome="failed", details__month=f"{trail.month:%Y-%m}")
    assert "row_changed" in failed.details["problem"]
    alarm = HealthEvent.objects.get(type="controller.audit.archive_failed")
    assert (alarm.severity, alarm.status) == ("warning", "open")
    trail.tamper(("UPDATE audit_event SET reason = %s WHERE id = %s", [events[0].reason, events[0].pk]))
    assert task.run_once() == {"archived": 1}
    alarm.refresh_from_db()
    assert alarm.status == "resolved"


def test_a_month_that_was_dropped_can_be_written_to_again(trail):
    trail.grow(1)
    archived(trail)
    trail.written += 100
    assert trail.grow(1, seal=False)
    assert None not in tables(trail.month)
    services.ensure_month(trail.start)
    assert keys.kept_keys()


def test_holds_are_placed_and_released_in_the_admin(trail, api, alice):
    api(alice).client.handler.enforce_csrf_checks = False
    form = {"data": f"month={trail.month:%Y-%m}&reason=inquiry".encode(), "content_type": "application/x-www-form-urlencoded"}
    assert api(alice).request("POST", "/admin/audit/audithold/add/", **form).status_code == 302
    hold = AuditHold.objects.get(month=trail.month)
    chosen = {"data": f"action=release&_selected_action={hold.pk}".encode(), "content_type": "application/x-www-form-urlencoded"}
    assert api(alice).request("POST", "/admin/audit/audithold/", **chosen).status_code == 302
    hold.refresh_from_db()
    assert hold.released_by == "alice@example.org"
    assert api(alice).get("/admin/audit/auditarchive/").status_code == 200


def test_a_file_that_reads_back_otherwise_is_not_trusted(trail, monkeypatch):
    trail.grow(2)
    monkeypatch.setattr(archive_file, "write", lambda month, path: _short(real, month, path))
    real = archive_file.__dict__["_write"]
    with pytest.raises(archive.ArchiveFailed, match="does not say what the database says"):
        archived(trail)
    assert None not in tables(trail.month)


def _short(real, month, path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as packed:
        return real(month, packed) + 1


def test_an_event_that_slips_in_while_the_file_is_written_keeps_the_month(trail, monkeypatch):
    trail.grow(2)
    real = archive_file.verify

    def and_meanwhile(path, anchors):
        trail.grow(1, seal=False)
        return real(path, anchors)

    monkeypatch.setattr(archive_file, "verify", and_meanwhile)
    with pytest.raises(archive.ArchiveFailed, match="has 3 events, its archive 2"):
        archived(trail)
    assert None not in tables(trail.month)


def test_archiving_again_what_is_gone_changes_nothing(trail):
    trail.grow(1)
    first = archived(trail)
    assert archived(trail).dropped_at == first.dropped_at


def _forget_a_row(lines):
    lines[2]["row"] = None


def _move_a_checkpoint(lines):
    at = next(index for index, line in enumerate(lines) if "checkpoint" in line)
    lines[at - 1], lines[at] = lines[at], lines[at - 1]


def _drop_the_last_checkpoint(lines):
    del lines[-2]


@pytest.mark.parametrize(
    ("change", "finding"),
    [(_forget_a_row, "row_missing"), (_move_a_checkpoint, "checkpoint_invalid"), (_drop_the_last_checkpoint, "checkpoint_invalid")],
)
def test_rows_and_checkpoints_out_of_their_place_are_named(trail, root, change, finding):
    trail.grow(3)
    path = root / archived(trail).file
    _edit(path, change)
    assert finding in {found["finding"] for found in verified(path)[1]["months"][0]["findings"]}
