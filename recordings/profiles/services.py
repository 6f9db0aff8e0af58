"""Create, edit and delete recording profiles; one default for each kind, always."""

from django.db import IntegrityError
from django.db.models import F

from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from recordings import verbs
from recordings.library.models import Recording
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.trail import snapshot


def _record(verb: str, profile, *, actor: Actor, before=None, after=None) -> None:
    ports.record(
        verb, actor=actor, outcome="succeeded", subject=("recording_profile", profile.pk, profile.name), permission=Perm.SETTINGS_MANAGE,
        before=before, after=after,
    )  # fmt: skip


def profiles():
    """Every profile."""
    return RecordingProfile.objects.all()


def create(*, actor: Actor, body: dict) -> RecordingProfile:
    """ApiError duplicate_name; default_required when the default would be a disabled one."""
    if _disabled_default(body.get("is_default"), body.get("enabled", True)):
        raise ApiError("default_required")
    with _named_once(), patient():
        if body.get("is_default"):
            _locked()
            _yield_default(body.get("kind", "audio"))
        profile = RecordingProfile.objects.create(**body)
        _record(verbs.PROFILE_CREATED, profile, actor=actor, after=snapshot(profile))
    return profile


def edit(*, actor: Actor, profile: RecordingProfile, body: dict, check=None) -> RecordingProfile:
    """Set these columns. `check(row)` runs on the locked row (If-Match, and whether the body fits what the row has become).

    ApiError not_found, duplicate_name; default_required when the default would be disabled, moved to another kind or lose its role, or a disabled one
    become it.
    """
    with _named_once(), patient():
        row = _locked().get(profile.pk)
        if row is None:
            raise ApiError("not_found")
        if check:
            check(row)
        if refused := edit_refusal(row, body):
            raise ApiError(refused)
        before = snapshot(row)
        if body.get("is_default") and not row.is_default:
            _yield_default(body.get("kind", row.kind))
        RecordingProfile.objects.filter(pk=row.pk).update(**body, revision=F("revision") + 1, updated_at=clock.now())
        row.refresh_from_db()
        _record(verbs.PROFILE_EDITED, row, actor=actor, before=before, after=snapshot(row))
    return row


def edit_refusal(profile: RecordingProfile, body: dict) -> str | None:
    """A default stays enabled and of its kind; it gives up its role only to another one."""
    leaves = profile.is_default and (body.get("is_default") is False or body.get("kind", profile.kind) != profile.kind)
    disabled = _disabled_default(body.get("is_default", profile.is_default), body.get("enabled", profile.enabled))
    return "default_required" if leaves or disabled else None


def _disabled_default(is_default: bool | None, enabled: bool | None) -> bool:
    return bool(is_default) and not enabled


def delete_refusal(profile: RecordingProfile) -> str | None:
    """Why it can't be deleted: it is the default, or recordings name it."""
    if profile.is_default:
        return "default_required"
    return "profile_in_use" if Recording.objects.filter(profile=profile).exists() else None


def delete(*, actor: Actor, profile: RecordingProfile) -> None:
    """ApiError not_found, default_required, profile_in_use."""
    with patient():
        locked = RecordingProfile.objects.select_for_update().filter(pk=profile.pk).first()
        if locked is None:
            raise ApiError("not_found")
        if refused := delete_refusal(locked):
            raise ApiError(refused)
        _record(verbs.PROFILE_DELETED, locked, actor=actor, before=snapshot(locked))
        locked.delete()


def _locked() -> dict:
    """Every profile by id, locked: which is the default is a matter between them. A recording that begins with one does not wait for it."""
    return {row.pk: row for row in RecordingProfile.objects.select_for_update(no_key=True).order_by("pk")}


def _yield_default(kind: str) -> None:
    RecordingProfile.objects.filter(kind=kind, is_default=True).update(is_default=False, revision=F("revision") + 1)


class _named_once:
    """`profile_name_once` violated → duplicate_name."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, IntegrityError) and "profile_name_once" in str(error):
            raise ApiError("duplicate_name") from error
