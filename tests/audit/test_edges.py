"""Rarer turns of the trail: a store that fails, files that lie, windows that end, findings without number."""

import time
from types import SimpleNamespace
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import DatabaseError, transaction
from django.http import QueryDict

from audit import filters, folding, keys, redaction, refusals, sealing, selectors, services, tasks, verification, vocabulary
from audit.apps import _task_failed
from audit.checks import triggers_stand
from audit.holds_admin import HoldForm
from audit.models import AuditArchive, AuditCheckpoint, AuditEvent
from config.kernel import broker, clock, context
from config.kernel.access import ANONYMOUS, Actor, Kind, ports
from config.kernel.errors import ApiError
from nodes.fleet.models import Node
from tests.audit.conftest import ANNA
from tests.factories.nodes import make_node

pytestmark = pytest.mark.django_db


def test_how_far_the_seal_is_behind(write):
    event = write()
    count, since = selectors.pending()
    assert count >= 1 and since <= event.occurred_at and selectors.oldest_pending() == since
    assert selectors.seal_lag_seconds() >= 0


def _updated(number: int, outcome="succeeded"):
    return services.record("node.updated", actor=ANNA, outcome=outcome, subject=("node", f"n{number}", f"n{number}"), scope=[])


def test_a_bulk_write_is_one_round_trip_with_a_row_for_each(django_assert_num_queries):
    _updated(0)
    with django_assert_num_queries(1), services.gathered(), services.gathered():
        ids = [_updated(number) for number in range(1, 21)]
    assert list(AuditEvent.objects.filter(id__in=ids).order_by("id").values_list("subject_id", flat=True)) == [f"n{n}" for n in range(1, 21)]
    assert selectors.pending()[0] == 21


def test_a_row_of_a_bulk_write_is_as_one_that_is_written_alone():
    facts = context.RequestContext("request-0001", method="POST", route="/nodes", ip="2001:db8::1", user_agent='Ünï "quoted" \\ back')
    workspace = f"workspace:{uuid4()}"

    def rich(number):
        _event = {"subject": ("node", f"n{number}", "Näme, with {braces}"), "permission": "node:manage", "reason": "because"}
        sides = {"before": {"alias": None, "big": 2**60, "rate": 0.1}, "after": {"alias": "x", "big": 2**60 + 1, "rate": 0.25}}
        services.record("node.updated", actor=ANNA, outcome="succeeded", scope=["site:1", workspace], environment="LIVE", status=200,
                        details={"list": [1, None, "two"], "none": None}, correlation={"job_id": "j"}, **_event, **sides)  # fmt: skip

    at = clock.now().replace(microsecond=123_457)
    with context.use(facts), clock.frozen(at):
        rich(1)
        with services.gathered():
            rich(2)
            rich(3)
    names = [name for name in services.COLUMNS if name not in {"id", "subject_id", "scope"}]
    alone, *bulk = AuditEvent.objects.order_by("subject_id")
    assert alone.occurred_at == at and len(bulk) == 2
    for row in bulk:
        assert {name: getattr(row, name) for name in names} == {name: getattr(alone, name) for name in names}
        assert row.scope == [term.replace("n1", row.subject_id) for term in alone.scope]


def test_of_a_bulk_write_that_fails_only_the_refusal_is_left():
    with pytest.raises(ApiError), transaction.atomic(), services.gathered():
        _updated(1)
        _updated(2, outcome="failed")
        raise ApiError("busy")
    assert list(AuditEvent.objects.values_list("subject_id", flat=True)) == []
    with pytest.raises(ApiError), services.gathered():
        _updated(1)
        _updated(2, outcome="denied")
        raise ApiError("busy")
    assert list(AuditEvent.objects.values_list("subject_id", flat=True)) == ["n2"], "a refusal is written at once and by itself"
    with services.gathered():
        pass
    _updated(3)
    assert AuditEvent.objects.count() == 2


def test_whoever_is_not_signed_in_reads_nothing():
    assert not selectors.visible(ANONYMOUS).exists()


def test_a_public_key_under_another_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "_folder", lambda: tmp_path)
    public = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "somebody-else.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(keys.KeyMissing, match="somebody-else"):
        keys.kept_keys()


def test_what_is_no_plain_value_is_kept_as_its_text():
    assert redaction.clean({"area": range(3)}) == {"area": "range(0, 3)"}


def test_what_is_no_refusal_leaves_nothing_and_a_store_that_fails_changes_no_answer(monkeypatch):
    before = AuditEvent.objects.count()
    refusals.note(ApiError("validation_failed"), actor=ANNA, route="/ws")
    lost = []
    monkeypatch.setattr(refusals, "lost", lambda code, problem: lost.append(code))

    def broken(*_args, **_kwargs):
        raise DatabaseError("gone")

    monkeypatch.setattr(refusals, "_write", broken)
    refusals.note(ApiError("permission_denied"), actor=ANNA, route="/ws")
    monkeypatch.setattr(services, "append_alone", broken)
    refusals.task_failed("a.task", RuntimeError("no"), None)
    assert lost == ["permission_denied", "RuntimeError"] and AuditEvent.objects.count() == before


def test_the_model_behind_a_path_is_found_or_the_refusal_stands_alone():
    from rest_framework.generics import GenericAPIView

    class Asked(GenericAPIView):
        def get_queryset(self):
            raise RuntimeError("depends on who asks")

    assert refusals._model(SimpleNamespace(queryset=Node.objects.all())) is Node
    assert refusals._model(Asked()) is None and refusals._model(GenericAPIView()) is None
    unknown = ApiError("reference_not_found", about=[("unheard_of", 1), ("node", 2)])
    assert [(kind, pk) for kind, pk, _ in refusals._about(unknown)] == [("node", 2)]


def test_equal_looks_at_a_hidden_thing_are_one_row():
    node = make_node()
    row = services.compose(
        refusals.REQUEST_DENIED, actor=ANNA, outcome="denied", subject=("node", node.pk, ""), permission=None, before=None, after=None, reason="out_of_scope",
        details=None, correlation=None, scope=(), environment=None, status=404,
    )  # fmt: skip
    for _ in range(2):
        again = {**row, "id": services.months.event_id(row["occurred_at"])}
        refusals.record_hidden(Node, str(node.pk), refusals.packed(again))
    (kept,) = AuditEvent.objects.filter(subject_id=str(node.pk), reason="out_of_scope")
    assert kept.subject_label == str(node)


def test_without_a_broker_a_window_that_counted_is_told_after_the_next_began(monkeypatch):
    monkeypatch.setattr(broker, "attempt", lambda _call, default=None: default)
    monkeypatch.setattr(folding, "_local", {})
    assert folding.admit(("k",), "first") and not folding.admit(("k",), "first")
    (fold,) = folding._local.values()
    fold.ends = time.time() - 1
    assert folding.admit(("k",), "second")
    assert list(folding.due(time.time() + 10_000)) == [("first", 1)] and folding._local == {}


def test_a_window_that_somebody_else_took_is_not_told_twice(monkeypatch):
    row = '{"first": 1}'
    assert folding.admit(("taken",), row) and not folding.admit(("taken",), row)
    real = broker.attempt
    taken = []

    def attempt(call, default=None):
        # Another worker removes each window between the look and the taking.
        if default == 0 and not taken:
            taken.append(real(call, default))
            return 0
        return real(call, default)

    monkeypatch.setattr(broker, "attempt", attempt)
    assert list(folding.due(time.time() + 10_000)) == [] and taken == [1]


def test_findings_beyond_the_limit_are_counted(monkeypatch):
    monkeypatch.setattr(verification, "FINDINGS_LIMIT", 1)
    report = verification.Report(clock.now().date())
    report.add("row_missing")
    report.add("row_missing")
    assert (len(report.findings), report.more) == (1, 1)


def test_nothing_is_called_sound_without_a_key(monkeypatch):
    monkeypatch.setattr(verification.keys, "public_keys", dict)
    monkeypatch.setattr(AuditCheckpoint.objects, "exists", lambda: True)
    with pytest.raises(verification.CannotCheck):
        verification.verify_month(clock.now().date().replace(day=1))


def test_a_sound_month_is_told_to_whoever_listens(monkeypatch):
    heard = []

    def listener(month, **_):
        heard.append(month)

    tasks.audit_sound.connect(listener)
    month = clock.now().date().replace(day=1)
    monkeypatch.setattr(verification, "months_recorded", lambda: [month])
    monkeypatch.setattr(verification, "verify_month", lambda month, anchors=None: verification.Report(month))
    assert tasks.verify.run_once() == {"findings": 0} and heard == [month]


def test_a_verb_of_another_shape_keeps_the_product_from_starting(monkeypatch):
    monkeypatch.setattr(vocabulary, "import_module", lambda _name: SimpleNamespace(VERBS=["wrong"]))
    vocabulary.known.cache_clear()
    try:
        with pytest.raises(ValueError, match="wrong"):
            vocabulary.known()
    finally:
        vocabulary.known.cache_clear()


def test_what_nobody_did_links_to_no_actor(api, alice):
    refusals.note(ApiError("permission_denied"), actor=ANONYMOUS, route="/ws/edge")
    event = AuditEvent.objects.get(route="/ws/edge")
    links = api(alice).get(f"/audit-events/{event.pk}").json()["data"]["links"]
    assert "actor" not in links and "request" in links


def test_a_task_that_raises_is_recorded_by_its_name(settings):
    _task_failed(sender=SimpleNamespace(name="audit.nothing"), exception=ValueError("no"), kwargs={"request_id": "request-0009"})
    row = AuditEvent.objects.get(verb="access.task.failed")
    assert (row.route, row.request_id, row.outcome) == ("audit.nothing", "request-0009", "failed")
    _task_failed(exception=ValueError("no"))
    assert AuditEvent.objects.filter(verb="access.task.failed", route="unknown").exists()


def test_the_check_of_triggers_asks_a_database_only_where_one_is_meant():
    assert triggers_stand(databases=None) == [] and triggers_stand(databases=["other"]) == []
    assert triggers_stand(databases=["default"]) == []


def test_a_hold_is_of_a_month():
    assert HoldForm({"month": "May", "reason": "x"}).errors["month"] == ["A month, like 2026-05."]
    assert HoldForm({"month": "2026-05", "reason": "x"}).is_valid()


def test_who_reaches_nothing_reads_what_is_nobodys_and_their_own(write, alice, monkeypatch):
    about, nobodys = write(subject=("node", "n1", "n1"), scope=[]), write()
    reader = Actor(kind=Kind.USER, id="reader", label="Reader")
    reach = SimpleNamespace(holder=True, everything=False, allow=(), deny=(), workspaces=())
    monkeypatch.setattr(ports, "reach", lambda *_: reach)
    seen = set(selectors.visible(reader).values_list("pk", flat=True))
    assert nobodys.pk in seen and about.pk not in seen


def test_facets_end_at_their_limit(write, monkeypatch):
    for number in range(3):
        write(subject=(f"kind{number}", "n", "n"), scope=[])
    monkeypatch.setattr(filters, "FACET_LIMIT", 2)
    counted = filters.facets(AuditEvent.objects.all(), filters.AuditFilters(QueryDict()))
    assert len(counted["subjectKind"]) == 2


def test_facets_that_are_all_narrowed_are_counted_each_without_its_own(write):
    write()
    narrowed = QueryDict(mutable=True)
    for name in filters.AuditFilters.facet_fields:
        narrowed[filters._NARROWED_BY.get(name, name)] = {"outcome": "succeeded"}.get(name, "node")
    chosen = filters.AuditFilters(narrowed)
    assert set(filters.facets(AuditEvent.objects.all(), chosen)) == set(filters.AuditFilters.facet_fields)


def test_a_view_says_by_its_rows_or_by_name_whose_refusal_it_was():
    assert refusals._model(SimpleNamespace(queryset=Node.objects.none())) is Node
    assert refusals._model(SimpleNamespace(audit_model=Node)) is Node


def test_each_thing_of_the_trail_has_a_name(write):
    write()
    sealing.seal()
    assert str(AuditCheckpoint.objects.first()).startswith("checkpoint ")
    assert str(AuditArchive(file="2026-01.jsonl.gz")) == "2026-01.jsonl.gz"
