"""Device operators: registered, edited, heard of, taken out (05 §1). The rows are written here only."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from audit.services import snapshot
from config.kernel import clock, ratelimit
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError, FieldError
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.models import Workspace
from operators.workspaces.states import DeviceKind
from sessions import verbs
from sessions.field.availability import serving
from sessions.field.devices import selectors
from sessions.field.geography import Point

ACCURATE_METERS = 100
# A heartbeat comes each 5 s; more than two in a second are a loop.
PER_SECOND, BURST = 2, 2
DEFAULT_LABEL = "Workspace device"


def _subject(operator: DeviceOperator) -> tuple:
    return ("device_operator", operator.pk, operator.label)


def _record(verb: str, actor: Actor, operator: DeviceOperator, **sides) -> None:
    facts = {"permission": Perm.OPERATORS_WRITE, "environment": operator.environment, "scope": [f"workspace:{operator.workspace_id}"]}
    ports.record(verb, actor=actor, subject=_subject(operator), outcome="succeeded", **facts, **sides)


def _named(save) -> None:
    """Run `save`; ApiError duplicate_name where the label is another's."""
    try:
        with transaction.atomic():
            save()
    except IntegrityError as error:
        if "device_label_once" in str(error):
            raise ApiError("duplicate_name") from error
        raise


def demand_centre(operator: DeviceOperator) -> None:
    """FieldError `coverage` where nothing says around what."""
    if operator.coverage_radius_meters is not None and operator.coverage_lat is None and operator.home_lat is None:
        raise FieldError("coverage.center", "required", "Coverage needs a center, or the operator a home.")


@transaction.atomic
def create(*, actor: Actor, workspace: Workspace, environment: str, fields: dict) -> DeviceOperator:
    """Register one. `fields` are columns. ApiError duplicate_name; FieldError coverage.center."""
    operator = DeviceOperator(workspace=workspace, environment=environment, **fields)
    if operator.enabled:
        operator.idle_since = clock.now()
    demand_centre(operator)
    _named(operator.save)
    _record(verbs.OPERATOR_CREATED, actor, operator, after=snapshot(operator))
    return selectors.operators().get(pk=operator.pk)


@transaction.atomic
def update(*, actor: Actor, operator_id, changes: dict, check=lambda _row: None) -> DeviceOperator:
    """Set columns. `check(row)` sees the row under its lock (If-Match). ApiError not_found, duplicate_name; FieldError coverage.center."""
    row = _locked(operator_id)
    check(row)
    before, was_enabled = snapshot(row), row.enabled
    for name, value in changes.items():
        setattr(row, name, value)
    demand_centre(row)
    if row.enabled and not was_enabled:
        row.idle_since = clock.now()
    if snapshot(row) != before:
        row.revision += 1
        _named(row.save)
        _record(verbs.OPERATOR_UPDATED, actor, row, before=before, after=snapshot(row))
    return selectors.operators().get(pk=row.pk)


@transaction.atomic
def remove(*, actor: Actor, operator_id) -> None:
    """Take it out; its history stays. ApiError operator_busy while it serves a session."""
    row = _locked(operator_id)
    if serving(operator=row).exists():
        raise ApiError("operator_busy")
    before = snapshot(row)
    row.deleted_at, row.enabled = clock.now(), False
    row.revision += 1
    row.save()
    _record(verbs.OPERATOR_DELETED, actor, row, before=before, after=snapshot(row))


def _locked(operator_id) -> DeviceOperator:
    row = DeviceOperator.objects.select_for_update(of=("self",)).select_related("workspace").filter(pk=operator_id, deleted_at=None).first()
    if row is None:
        raise ApiError("not_found")
    return row


@transaction.atomic
def default_of(workspace: Workspace, environment: str) -> DeviceOperator:
    """What stands for the workspace itself, made on first need."""
    wanted = {"workspace": workspace, "environment": environment, "is_default": True, "deleted_at": None}
    found = DeviceOperator.objects.filter(**wanted).first()
    if found is not None:
        return found
    # One maker at a time; the second finds what the first made.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    found = DeviceOperator.objects.filter(**wanted).first()
    if found is None:
        taken = {label.lower() for label in DeviceOperator.objects.filter(workspace=workspace, deleted_at=None).values_list("label", flat=True)}
        names = [DEFAULT_LABEL, f"{DEFAULT_LABEL} ({environment})", *(f"{DEFAULT_LABEL} {number}" for number in range(2, 99))]
        label = next(name for name in names if name.lower() not in taken)
        facts = {"kind": workspace.device_kind or DeviceKind.OTHER, "idle_since": clock.now(), **coverage_columns(workspace.coverage)}
        found = DeviceOperator.objects.create(label=label, **wanted, **facts)
    return found


def coverage_columns(coverage: dict | None) -> dict:
    """`{"center"?: {"lat", "lng"}, "radiusMeters"}` or null as columns."""
    center = (coverage or {}).get("center") or {}
    return {
        "coverage_lat": center.get("lat"),
        "coverage_lng": center.get("lng"),
        "coverage_radius_meters": coverage["radiusMeters"] if coverage else None,
    }


def heartbeat(
    *,
    operator: DeviceOperator,
    sequence: int,
    point: Point | None = None,
    accuracy_meters: float | None = None,
    speed_mps: float | None = None,
    battery_percent: float | None = None,
) -> tuple[bool, datetime]:
    """(whether the place counts, last seen). ApiError throttled, sequence_replayed `{lastSequence}`."""
    now = clock.now()
    facts = {"last_sequence": sequence, "speed_mps": speed_mps, "battery_percent": battery_percent}
    newer = DeviceOperator.objects.filter(pk=operator.pk, deleted_at=None).filter(Q(last_sequence=None) | Q(last_sequence__lt=sequence))
    if newer.exists():
        # One that repeats itself is told so, and takes nobody's turn.
        ratelimit.demand(f"location:{operator.pk}", PER_SECOND, BURST)
    accepted, changes = _place(now, point, accuracy_meters)
    with transaction.atomic():
        if not newer.update(**facts, **changes):
            last = DeviceOperator.objects.filter(pk=operator.pk).values_list("last_sequence", flat=True).first()
            raise ApiError("sequence_replayed", data={"last_sequence": last})
        _tell(operator, accepted, point, accuracy_meters, now)
    return accepted, now


def seen(operator_id, *, at: datetime, point: Point | None = None, accuracy_meters: float | None = None) -> None:
    """Start and telemetry count as seen, too; never moves last seen back."""
    _, changes = _place(at, point, accuracy_meters)
    DeviceOperator.objects.filter(pk=operator_id).filter(Q(last_seen_at=None) | Q(last_seen_at__lt=at)).update(**changes)


def _place(at: datetime, point: Point | None, accuracy_meters: float | None) -> tuple[bool, dict]:
    accepted = point is not None and (accuracy_meters is None or accuracy_meters <= ACCURATE_METERS)
    changes = {"last_seen_at": at}
    if accepted:
        changes |= {"last_point_lat": point[0], "last_point_lng": point[1], "last_point_at": at, "last_accuracy_meters": accuracy_meters}
    return accepted, changes


def _tell(operator: DeviceOperator, accepted: bool, point: Point | None, accuracy_meters: float | None, at: datetime) -> None:
    from sessions.field import live

    session_id = serving(operator=operator).values_list("pk", flat=True).first() if accepted else None
    if session_id is not None:
        live.point(session_id, point=point, accuracy_meters=accuracy_meters, at=at)


def released(operator_id, *, at: datetime) -> None:
    """Its session is over: idle from now on. Called by the session's services, after the session's own lock."""
    DeviceOperator.objects.filter(pk=operator_id).update(idle_since=at, updated_at=at, revision=F("revision"))
