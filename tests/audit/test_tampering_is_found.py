"""Whoever takes the triggers away can change rows; the verification names what they did."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import connection

from audit import keys, sealing, verification
from audit.models import AuditCheckpoint
from audit.signals import audit_broken
from audit.tasks import verify
from config.kernel import clock

pytestmark = pytest.mark.django_db


def test_an_untouched_trail_is_sound(trail):
    trail.grow(3)
    trail.grow(2)
    report = trail.report()
    assert (report.rows, report.checkpoints, report.findings) == (5, 2, [])


def test_a_trail_over_two_months_hangs_together(trail, db, settings):
    trail.grow(2)
    with clock.frozen(trail.start + timedelta(days=31)):
        following = type(trail)(settings.AUDIT_ANCHORS)
    following.grow(2)
    trail.grow(1)
    assert trail.findings() == following.findings() == []


def test_an_edited_row_is_named(trail):
    events = trail.grow(4)
    trail.tamper(("UPDATE audit_event SET actor_label = 'Bert' WHERE id = %s", [events[1].pk]))
    assert trail.findings() == [("row_changed", 2)]


@pytest.mark.parametrize("column", ["details", "scope", "outcome", "occurred_at", "ip", "before", "status"])
def test_every_column_is_covered(trail, column):
    events = trail.grow(2)
    value = {"details": "NULL", "scope": "'{site:x}'", "outcome": "'failed'", "occurred_at": "occurred_at + interval '1 us'", "ip": "'10.0.0.1'"}
    trail.tamper(
        (
            f"UPDATE audit_event SET {column} = {value.get(column, {'before': chr(39) + '{}' + chr(39), 'status': '200'}.get(column))} WHERE id = %s",
            [events[0].pk],
        )
    )
    assert trail.findings() == [("row_changed", 1)]


def test_a_deleted_row_is_named(trail):
    events = trail.grow(4)
    trail.tamper(("DELETE FROM audit_event WHERE id = %s", [events[2].pk]))
    assert trail.findings() == [("row_missing", 3)]


def test_two_swapped_rows_are_named(trail):
    one, other = trail.grow(2)
    swap = "UPDATE audit_event e SET details = o.details, occurred_at = o.occurred_at FROM audit_event o WHERE e.id IN (%s, %s) AND o.id IN (%s, %s) AND e.id <> o.id"
    trail.tamper((swap, [one.pk, other.pk, one.pk, other.pk]))
    assert trail.findings() == [("row_changed", 1), ("row_changed", 2)]


def test_swapped_places_in_the_chain_are_named(trail):
    trail.grow(3)
    swap = "UPDATE audit_chain c SET event_id = o.event_id, digest = o.digest FROM audit_chain o WHERE c.month = %s AND o.month = c.month AND c.position IN (1, 2) AND o.position = 3 - c.position"
    trail.tamper((swap, [trail.month]))
    assert [finding for finding, _ in trail.findings()] == ["chain_broken", "chain_broken"]


def test_a_row_inserted_behind_the_triggers_is_named(trail):
    events = trail.grow(3)
    columns = (
        "occurred_at, verb, actor_kind, actor_label, scope, workspace_ids, outcome, request_id, method, route, user_agent, credential_prefix, format"
    )
    forged = str(events[1].pk)[:-1] + ("0" if str(events[1].pk)[-1] != "0" else "1")
    trail.tamper((f"INSERT INTO audit_event (id, {columns}) SELECT %s, {columns} FROM audit_event WHERE id = %s", [forged, events[1].pk]))
    assert trail.findings() == [("row_unsealed", forged)]


def test_a_row_that_waits_for_the_sealer_is_no_finding(trail):
    trail.grow(1)
    trail.grow(1, seal=False)
    assert trail.findings() == []


def test_a_row_removed_before_it_was_sealed_leaves_a_place_without_a_row(trail):
    (event,) = trail.grow(1, seal=False)
    trail.tamper(("DELETE FROM audit_event WHERE id = %s", [event.pk]))
    sealing.seal()
    assert trail.findings() == [("row_missing", 1)]


def test_a_cut_tail_is_named(trail):
    events = trail.grow(4)
    trail.tamper(
        ("DELETE FROM audit_event WHERE id > %s AND occurred_at >= %s", [events[1].pk, trail.start]),
        ("DELETE FROM audit_chain WHERE month = %s AND position > 2", [trail.month]),
    )
    assert sorted(trail.findings()) == [("anchor_mismatch", 4), ("chain_broken", 4)]


def test_a_tail_cut_with_its_checkpoint_is_betrayed_by_the_anchor(trail):
    trail.grow(2)
    trail.grow(2)
    last = AuditCheckpoint.objects.first()
    trail.tamper(
        ("DELETE FROM audit_event e USING audit_chain c WHERE c.event_id = e.id AND c.month = %s AND c.position > 2", [trail.month]),
        ("DELETE FROM audit_chain WHERE month = %s AND position > 2", [trail.month]),
        ("DELETE FROM audit_checkpoint WHERE seq = %s", [last.seq]),
    )
    assert {finding for finding, _ in trail.findings()} == {"anchor_mismatch"}


def test_a_gap_in_the_chain_is_named_once(trail):
    trail.grow(5)
    trail.tamper(("DELETE FROM audit_chain WHERE month = %s AND position IN (2, 3)", [trail.month]))
    findings = trail.findings()
    assert findings[0] == ("chain_broken", 2)
    assert sorted(finding for finding, _ in findings[1:]) == ["row_unsealed", "row_unsealed"]


def test_a_forged_checkpoint_is_named(trail):
    trail.grow(2)
    checkpoint = AuditCheckpoint.objects.first()
    trail.tamper(("UPDATE audit_checkpoint SET link = sha256('x') WHERE seq = %s", [checkpoint.seq]))
    assert {finding for finding, _ in trail.findings()} == {"checkpoint_invalid"}


def test_a_checkpoint_by_another_key_is_named(trail):
    trail.grow(2)
    row = AuditCheckpoint.objects.first()
    forger = Ed25519PrivateKey.generate()
    key_id = keys.key_id(forger.public_key())
    signature = forger.sign(sealing.statement(seq=row.seq, month=row.month, position=row.position, link=bytes(row.link), at=row.at, key_id=key_id))
    trail.tamper(("UPDATE audit_checkpoint SET key_id = %s, signature = %s WHERE seq = %s", [key_id, signature, row.seq]))
    assert trail.findings() == [("checkpoint_invalid", 2)]


def test_a_removed_checkpoint_leaves_a_hole_in_the_numbers(trail):
    trail.grow(1)
    trail.grow(1)
    middle = AuditCheckpoint.objects.all()[1]
    trail.tamper(("DELETE FROM audit_checkpoint WHERE seq = %s", [middle.seq]))
    assert "checkpoint_invalid" in {finding for finding, _ in trail.findings()}


def test_a_chain_rebuilt_with_the_stolen_key_is_betrayed_by_the_anchors(trail):
    events = trail.grow(3)
    last = AuditCheckpoint.objects.first().seq
    trail.tamper(
        ("UPDATE audit_event SET actor_label = 'Bert' WHERE id = %s", [events[0].pk]),
        ("DELETE FROM audit_chain WHERE month = %s", [trail.month]),
        ("DELETE FROM audit_checkpoint WHERE seq = %s", [last]),
        ("INSERT INTO audit_pending SELECT id FROM audit_event WHERE id = ANY(%s)", [[event.pk for event in events]]),
    )
    sealing.seal()
    assert trail.findings() == [("anchor_mismatch", 3)]


def test_a_forged_row_with_a_fitting_link_lacks_its_signature(trail):
    (event,) = trail.grow(1)
    trail.grow(1, seal=False)
    head = sealing.chain_head(trail.month)
    digest = b"d" * 32
    forged = sealing.next_link(head.link, 2, event.pk.bytes, digest)
    trail.tamper(("INSERT INTO audit_chain VALUES (%s, 2, %s, %s, %s)", [trail.month, event.pk, digest, forged]))
    assert {finding for finding, _ in trail.findings()} == {"row_changed", "checkpoint_invalid"}


def test_a_missing_trigger_is_a_finding(trail):
    trail.grow(1)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER audit_no_truncate ON audit_chain_{trail.month:%Y_%m}")
    assert [finding for finding, _ in trail.findings()] == ["trigger_missing"]


def test_an_old_key_still_verifies_after_a_rotation(trail, settings, tmp_path):
    settings.TALLYROOM_VAR = tmp_path
    settings.AUDIT_SIGNING_KEY = str(tmp_path / "secrets" / "audit.pem")
    trail.grow(1)
    (tmp_path / "secrets" / "audit.pem").unlink()
    trail.grow(1)
    assert len(keys.public_keys()) == 2
    assert trail.findings() == []
    assert (tmp_path / "secrets" / "audit.pem").stat().st_mode & 0o777 == 0o600


def test_a_configured_key_that_is_not_there_is_never_replaced(trail, settings, tmp_path):
    settings.AUDIT_SIGNING_KEY = str(tmp_path / "elsewhere.pem")
    with pytest.raises(keys.KeyMissing):
        trail.grow(1)


def verify_command(trail, capsys, *arguments) -> tuple[int, str]:
    status = 0
    with clock.frozen(trail.start + timedelta(days=20)):
        try:
            call_command("audit_verify", "--month", f"{trail.month:%Y-%m}", *arguments)
        except SystemExit as end:
            status = end.code
    return status, capsys.readouterr().out


def test_the_command_says_sound_broken_or_could_not_check_by_its_exit_status(trail, capsys, tmp_path):
    events = trail.grow(2)
    status, text = verify_command(trail, capsys)
    assert (status, text.splitlines()[-1]) == (0, "sound")
    trail.tamper(("UPDATE audit_event SET verb = 'x' WHERE id = %s", [events[0].pk]))
    status, text = verify_command(trail, capsys, "--json")
    told = json.loads(text)
    assert (status, told["sound"]) == (1, False)
    assert told["months"][0]["findings"] == [{"finding": "row_changed", "month": f"{trail.month:%Y-%m}", "position": 1, "eventId": str(events[0].pk)}]
    assert verify_command(trail, capsys, "--anchors", str(tmp_path / "none"))[0] == 2
    (tmp_path / "torn").write_text("{")
    assert verify_command(trail, capsys, "--anchors", str(tmp_path / "torn"))[0] == 2


def test_the_nightly_run_records_what_it_found_and_tells_who_listens(trail, write):
    heard = []

    def listen(sender, month, findings, **_):
        heard.append((month, [found["finding"] for found in findings]))

    audit_broken.connect(listen)
    events = trail.grow(2)
    trail.tamper(("UPDATE audit_event SET verb = 'x' WHERE id = %s", [events[0].pk]))
    with clock.frozen(trail.start + timedelta(days=20)):
        assert verify.run_once()["findings"] >= 1
    assert heard[0] == (trail.month, ["row_changed"])
    rows = verification.AuditCheckpoint.objects.count()
    assert rows >= 1
