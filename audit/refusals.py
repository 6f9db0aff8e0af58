"""Rows for what did not happen: written after the refused request's transaction has been undone, in one of their own.

A refusal that a service recorded itself (a failed sign-in) is not recorded twice. If a row can't be written, the client's answer stays as it is;
the loss is logged and counted.
"""

import json
import re
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError

from audit import folding, months, services
from audit.models import Outcome
from audit.verbs import REQUEST_DENIED, REQUEST_FAILED, TASK_FAILED
from config.kernel import clock, context, metrics, wire
from config.kernel.access import ANONYMOUS, Actor, ports, system
from config.kernel.credentials import ANY_TOKEN, redacted
from config.kernel.errors import ApiError, translate

log = structlog.get_logger("audit")
OUT_OF_SCOPE = "out_of_scope"
# Of a body that names hundreds: enough to see what was tried.
_ABOUT_LIMIT = 50
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def outcome_of(error: ApiError) -> str | None:
    """`denied` by credential, permission, policy or throttle; `failed`: permitted, did not happen; None: not audited (invalid input, 404, 412 …)."""
    if error.status in {401, 403, 429}:
        return Outcome.DENIED.value
    if error.status in {409, 422} or error.status >= 500:
        return Outcome.FAILED.value
    return None


def refused(error: ApiError, request, view) -> None:
    """The kernel's port: a request or socket message was answered with `error`. `request` and `view` may be None (sockets, plain views)."""
    try:
        _refused(error, request, view)
    except Exception as problem:  # noqa: BLE001 - whatever goes wrong here, the client gets the answer that it was going to get
        lost(error.code, problem)


def lost(code: str, problem: Exception) -> None:
    """A row that could not be written: the log and the counter are all that is left of it."""
    metrics.AUDIT_LOST.inc()
    facts = context.current()
    log.error("audit_lost", code=code, route=facts.route, request_id=facts.request_id, error=type(problem).__name__)


def _refused(error: ApiError, request, view) -> None:
    facts = context.current()
    own, facts.refusals[:] = list(facts.refusals), []
    for deferred in own:
        deferred.write()
    if own:
        return
    actor = getattr(request, "actor", None) or facts.actor or ANONYMOUS
    if error.code in {"not_found", "reference_not_found"}:
        _look_behind(error, actor, request, view)
    elif outcome := outcome_of(error):
        subject = _subject(view, named=outcome == Outcome.FAILED.value)
        row = _row(error, outcome, actor, subject, _permission(error, view), None, _presented(request))
        _write(row, error)


def note(
    error: ApiError,
    *,
    actor: Actor,
    route: str,
    method: str = "WS",
    ip: str | None = None,
    user_agent: str = "",
    subject: services.Subject | None = None,
    permission: str | None = None,
    credential: str = "",
) -> None:
    """The same for what is no HTTP request of a viewset. `credential` is the presented secret, kept as prefix and last four. Never raises for a lost row."""
    outcome = outcome_of(error)
    if outcome is None:
        return
    facts = context.RequestContext(context.current().request_id, method=method, route=route, ip=ip, user_agent=user_agent, actor=actor)
    with context.use(facts):
        try:
            _write(_row(error, outcome, actor, subject, permission or _permission(error, None), None, _prefix(credential)), error)
        except (DatabaseError, InterfaceError) as problem:
            lost(error.code, problem)


def _row(error, outcome: str, actor: Actor, subject, permission, scope, presented: str) -> dict:
    row = services.compose(
        REQUEST_DENIED if outcome == Outcome.DENIED.value else REQUEST_FAILED, actor=actor, outcome=outcome, subject=subject, permission=permission,
        before=None, after=None, reason=error.code, details=None, correlation=None, scope=scope, environment=None, status=error.status,
    )  # fmt: skip
    row["credential_prefix"] = row["credential_prefix"] or presented
    return row


def _write(row: dict, error: ApiError) -> None:
    # Failures are one by one what somebody tried; only an outage repeats itself like a flood.
    foldable = row["outcome"] == Outcome.DENIED.value or error.status >= 500
    if not foldable or folding.admit(_equal(row), packed(row)):
        services.append_alone(row)


def _equal(row: dict) -> tuple:
    """Whom a flood comes from, where it goes, and what it is told: what it is about differs from one to the next (somebody tries ids)."""
    credential = row["credential_prefix"]
    if row["reason"] == "credential_invalid":
        # Somebody tries tokens: their ends differ, too.
        credential = credential.partition("…")[0]
    return row["actor_kind"], row["actor_id"] or row["ip"] or row["actor_label"], row["route"], row["reason"], credential


def _permission(error: ApiError, view) -> str | None:
    named = (error.data or {}).get("permission")
    route = getattr(view, "routes", {}).get(getattr(view, "action", None))
    return named or (route and (route.permission or route.label)) or None


def _presented(request) -> str:
    header = request.META.get("HTTP_AUTHORIZATION", "") if request is not None else ""
    return _prefix(header.partition(" ")[2].strip())


def _prefix(token: str) -> str:
    return redacted(token)[:80] if ANY_TOKEN.fullmatch(token) else ""


def _target(view):
    """(kind, id, model) that the path of a viewset names, without asking the database; None for lists and for views of another kind."""
    route = getattr(view, "routes", {}).get(getattr(view, "action", None))
    kwargs = getattr(view, "kwargs", {})
    if route is None or not kwargs:
        return None
    model = _model(view)
    kind = getattr(view, "audit_kind", "") or (model and _kind_of(model))
    if kind and view.lookup_url_kwarg in kwargs:
        return kind, kwargs[view.lookup_url_kwarg], model
    if route.node_kwarg in kwargs:
        return "node", kwargs[route.node_kwarg], None
    return None


def _model(view):
    """The model whose rows a viewset's path names: its `audit_model`, else that of its rows."""
    if named := getattr(view, "audit_model", None):
        return named
    if view.queryset is not None:
        return view.queryset.model
    from rest_framework.generics import GenericAPIView  # where there are views, it is there

    if type(view).get_queryset is GenericAPIView.get_queryset:
        return None
    try:
        return view.get_queryset().model
    except Exception:  # noqa: BLE001 - rows that depend on who asks, asked by nobody: the refusal is recorded without its subject
        return None


def _subject(view, *, named: bool):
    """The subject of a refused request. Its label is only looked up where the caller may know that it exists."""
    target = _target(view) if view is not None else None
    if target is None:
        return None
    kind, pk, model = target
    found = model._base_manager.filter(pk=pk).first() if named and model is not None else None
    return kind, pk, str(found) if found is not None else ""


def _look_behind(error: ApiError, actor: Actor, request, view) -> None:
    """A 404 on an object looks the same whether it is hidden or absent, in time too: the same small task is queued for both.

    What the error is `about` (ids of a body, or above the thing of the path) comes before what the path names.
    """
    from audit.tasks import look_behind
    from config.kernel.tasks import after_commit

    for kind, pk, model in _about(error) or _of_the_path(error, view):
        row = _row(error, Outcome.DENIED.value, actor, (kind, pk, ""), _permission(error, view), (), _presented(request))
        row["reason"] = OUT_OF_SCOPE
        after_commit(look_behind, model._meta.label, str(pk), packed(row))


def _about(error: ApiError) -> list[tuple]:
    found = []
    for named, pk in error.about[:_ABOUT_LIMIT]:
        model = ports.model_of(named) if isinstance(named, str) else named
        if model is not None:
            found.append((named if isinstance(named, str) else _kind_of(model), pk, model))
    return found


def _of_the_path(error: ApiError, view) -> list[tuple]:
    target = _target(view) if view is not None and error.code == "not_found" else None
    return [target] if target is not None and target[2] is not None else []


def _kind_of(model) -> str:
    return _CAMEL_HUMP.sub("_", model.__name__).lower()


def record_hidden(model, pk: str, packed_row: str) -> None:
    """Write the row of a 404 if the object does exist, now with its label and ancestors."""
    found = model._base_manager.filter(pk=pk).first()
    if found is None:
        return
    row = unpacked(packed_row)
    row["subject_label"] = services.redaction.line(str(found))
    row["scope"], row["workspace_ids"] = services.scope_of(row["subject_kind"], pk)
    if folding.admit(_equal(row), packed(row)):
        services.append_alone(row)


def task_failed(name: str, error: Exception, request_id: str | None) -> None:
    """A task that raised; equal ones of a minute are folded."""
    known = translate(error)
    code = known.code if known else type(error).__name__
    with context.use(context.RequestContext(request_id or context.current().request_id, route=name)):
        try:
            row = services.compose(
                TASK_FAILED, actor=system(name), outcome=Outcome.FAILED.value, subject=None, permission=None, before=None, after=None, reason=code,
                details=None, correlation=None, scope=None, environment=None, status=None,
            )  # fmt: skip
            if folding.admit(_equal(row), packed(row)):
                services.append_alone(row)
        except (DatabaseError, InterfaceError) as problem:
            lost(code, problem)


def close_folds() -> int:
    """Write the closing row of every window that is over; how many."""
    written = 0
    for packed_row, repeated in folding.due():
        row, at = unpacked(packed_row), clock.now()
        row |= {"id": months.event_id(at), "occurred_at": at, "details": {**(row["details"] or {}), "repeated": repeated}}
        services.append_alone(row)
        written += 1
    return written


def packed(row: dict) -> str:
    """A composed row as JSON, for the queue and for Valkey."""
    return wire.dumps({**row, "occurred_at": row["occurred_at"].isoformat()}).decode()


def unpacked(text: str) -> dict:
    row = json.loads(text)
    row["id"], row["occurred_at"] = UUID(row["id"]), datetime.fromisoformat(row["occurred_at"])
    row["workspace_ids"] = [UUID(workspace) for workspace in row["workspace_ids"]]
    return row
