"""Backup and restore on the real database: what comes back is what was there, row for row, with the audit still closed to changes."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit import schema
from audit.services import record
from config.kernel.access import system
from config.kernel.ids import uuid7
from operators.access.models import seed_policies
from operators.identity.models import User
from tests.factories.users import make_user

ACTOR = system("tests")


def contents() -> dict[str, tuple]:
    """Rows and a digest of every table."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM ONLY {table} t")
            found[table] = cursor.fetchone()
    return found


@pytest.fixture
def house(transactional_db, settings, tmp_path):
    """People, an audited deed, and two media files beside an upload under way."""
    settings.MEDIA_ROOT = tmp_path / "media"
    files = {"library/2026/11/a/tone.flac": b"fLaC" + bytes(range(256)) * 9000, "derived/a/tone.peaks": b"peaks", ".incoming/x.part": b"half a file"}
    for name, content in {**files, ".tallyroom-media": b"000000\n"}.items():
        path = settings.MEDIA_ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    seed_policies()
    for name in ("alice", "bob", "o'hara"):
        make_user(name, roles=["viewer"])
    with transaction.atomic():
        record("auth.sign_in.succeeded", actor=ACTOR, outcome="succeeded", subject=("user", uuid7(), "alice"))
    return settings.MEDIA_ROOT


@pytest.fixture
def another_database(house):
    """Switch to a new, empty database of the same server, and back."""
    name, original = f"restored_{uuid7().hex}", connection.settings_dict["NAME"]

    def switch(to: str):
        connection.close()
        connection.settings_dict["NAME"] = to

    def begin():
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        switch(name)

    yield begin
    switch(original)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def test_every_row_and_every_trigger_come_back_in_an_empty_database(house, another_database, tmp_path, capsys):
    before = contents()
    call_command("backup", str(tmp_path / "kept"))
    another_database()
    call_command("restore", str(tmp_path / "kept"))
    assert contents() == before
    assert before["operators_user"][0] == 3 and sum(rows for table, (rows, _) in before.items() if table.startswith("audit_event_")) >= 1
    assert not schema.missing_triggers()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET verb = 'never'")
    with transaction.atomic():
        record("auth.sign_in.succeeded", actor=ACTOR, outcome="succeeded", subject=("user", uuid7(), "bob"))
    assert f"{sum(rows for rows, _ in before.values())} rows of {len(before)} tables restored" in capsys.readouterr().out


def test_a_restored_database_can_be_backed_up_and_replaced_in_its_turn(house, another_database, tmp_path):
    call_command("backup", str(tmp_path / "first"))
    another_database()
    call_command("restore", str(tmp_path / "first"))
    before = contents()
    call_command("backup", str(tmp_path / "second"))
    User.objects.filter(name="Bob").update(name="Mallory")
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(tmp_path / "second"))
    call_command("restore", str(tmp_path / "second"), "--replace")
    assert contents() == before


def test_media_are_listed_by_content_and_copied_back_only_where_they_differ(house, another_database, tmp_path, capsys):
    call_command("backup", str(tmp_path / "kept"), "--media")
    listed = {row["path"]: row for row in map(json.loads, (tmp_path / "kept" / "media.jsonl").read_text().splitlines())}
    assert set(listed) == {"library/2026/11/a/tone.flac", "derived/a/tone.peaks"}
    tone = house / "library/2026/11/a/tone.flac"
    original = tone.read_bytes()
    tone.write_bytes(original[:-1] + b"\x00")
    another_database()
    with pytest.raises(CommandError, match="0 are missing and 1 differ") as told:
        call_command("restore", str(tmp_path / "kept"))
    assert told.value.returncode == 3 and User.objects.count() == 3
    tone.unlink()
    call_command("restore", str(tmp_path / "kept"), "--replace", "--media")
    assert tone.read_bytes() == original
    assert "1 media files put back, 1 were there" in capsys.readouterr().out
    assert not list(house.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda kept: (kept / "backup.json").unlink(), "not finished"),
        (lambda kept: (kept / "database.dump").write_bytes((kept / "database.dump").read_bytes()[:-1]), "damaged"),
        (lambda kept: (kept / "media.jsonl").write_text('{"path": "../x", "sizeBytes": 1, "sha256": "00"}\n'), "outside the media folder"),
        (lambda kept: (kept / "media" / "derived/a/tone.peaks").write_bytes(b"PEAKS"), "is damaged"),
    ],
)
def test_a_spoilt_backup_is_refused_by_name(house, another_database, tmp_path, spoil, why):
    call_command("backup", str(tmp_path / "kept"), "--media")
    (house / "derived/a/tone.peaks").unlink()
    another_database()
    spoil(tmp_path / "kept")
    with pytest.raises(CommandError, match=why):
        call_command("restore", str(tmp_path / "kept"), "--media")
    assert not (house / "derived/a/tone.peaks").exists()


def test_a_restore_that_fails_half_way_leaves_what_was_there(house, another_database, tmp_path, monkeypatch):
    from config.kernel import pgtools

    call_command("backup", str(tmp_path / "kept"))
    another_database()
    call_command("restore", str(tmp_path / "kept"))
    before = contents()
    feed = pgtools._feed

    def broken(script, sink):
        feed(script, sink)
        sink.write(b"\nSELECT no_such_column;\n")

    monkeypatch.setattr(pgtools, "_feed", broken)
    with pytest.raises(CommandError, match="left as it was"):
        call_command("restore", str(tmp_path / "kept"), "--replace")
    connection.close()
    assert contents() == before


def test_restoring_under_running_programs_is_refused_and_says_which_to_hold(house, another_database, tmp_path):
    call_command("backup", str(tmp_path / "kept"))
    another_database()
    other = connection.copy()
    try:
        other.ensure_connection()
        with pytest.raises(CommandError, match="bin/up hold web"):
            call_command("restore", str(tmp_path / "kept"))
    finally:
        other.close()


def test_a_backup_never_mixes_with_what_lies_there(house, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        call_command("backup", str(tmp_path / "used"))
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["note.txt"]
