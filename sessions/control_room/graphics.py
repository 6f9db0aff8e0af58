"""The lower third and the slate's texts (04 §3). Bound by the lock of `graphics`; plain text, never markup."""

from datetime import timedelta

from config.kernel.access import Actor, Subsystem
from config.kernel.errors import FieldError
from sessions import verbs
from sessions.control_room import desk, shapes
from sessions.control_room.desk import Desk


def edit_lower_third(*, actor: Actor, title: str, subtitle: str = "") -> dict:
    """New texts; shown or hidden as before. Answers `{seq, lowerThird}`, as the others of the lower third."""
    with desk.held(actor=actor, subsystem=Subsystem.GRAPHICS) as at:
        row = at.production
        if (row.lower_title, row.lower_subtitle) != (title, subtitle):
            row.lower_title, row.lower_subtitle = title, subtitle
            _tell(at)
            at.record(verbs.LOWER_THIRD_CHANGED, {"title": title, "subtitle": subtitle})
        return _answer(at)


def show_lower_third(*, actor: Actor, title: str | None = None, subtitle: str | None = None, duration_seconds: float | None = None) -> dict:
    """Edit what is given and show it at once, for a time or until it is hidden. FieldError `title` if there is none to show."""
    with desk.held(actor=actor, subsystem=Subsystem.GRAPHICS) as at:
        row = at.production
        row.lower_title = row.lower_title if title is None else title
        row.lower_subtitle = row.lower_subtitle if subtitle is None else subtitle
        if not row.lower_title:
            raise FieldError("title", "required", "There is no title to show.")
        row.lower_visible, row.lower_shown_at = True, at.now
        row.lower_hide_at = at.now + timedelta(seconds=duration_seconds) if duration_seconds else None
        _tell(at)
        at.record(verbs.LOWER_THIRD_SHOWN, {"title": row.lower_title, "subtitle": row.lower_subtitle, "duration_seconds": duration_seconds})
        return _answer(at)


def hide_lower_third(*, actor: Actor) -> dict:
    with desk.held(actor=actor, subsystem=Subsystem.GRAPHICS) as at:
        if hide(at):
            at.record(verbs.LOWER_THIRD_HIDDEN)
        return _answer(at)


def hide(at: Desk) -> bool:
    """Off the picture; False if it was."""
    row = at.production
    if not row.lower_visible:
        return False
    row.lower_visible, row.lower_shown_at, row.lower_hide_at = False, None, None
    _tell(at)
    return True


def edit_slate(*, actor: Actor, title: str, subtitle: str = "") -> dict:
    """What the slate says. Answers `{seq, slate}`."""
    with desk.held(actor=actor, subsystem=Subsystem.GRAPHICS) as at:
        row = at.production
        if (row.slate_title, row.slate_subtitle) != (title, subtitle):
            row.slate_title, row.slate_subtitle = title, subtitle
            at.save(row)
            at.tell("slate.changed", {"slate": shapes.slate(row)})
            at.record(verbs.SLATE_CHANGED, {"title": title, "subtitle": subtitle})
        return {"seq": at.seq, "slate": shapes.slate(row)}


def _tell(at: Desk) -> None:
    at.save(at.production)
    at.tell("lowerThird.changed", {"lower_third": shapes.lower_third(at.production)})


def _answer(at: Desk) -> dict:
    return {"seq": at.seq, "lower_third": shapes.lower_third(at.production)}
