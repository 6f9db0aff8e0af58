"""The production's parts of ControlRoomState (04 §4), snake_case; each event carries one of them whole."""

from operators.console import room as rooms
from operators.console.models import ControlRoom
from sessions.control_room.models import CaptionLine, Production, ProgramLink, ReplayChannel


def program(room: ControlRoom, row: Production) -> dict:
    return {**_bus(room, row, "program"), "return_to": row.return_to or None}


def preview(room: ControlRoom, row: Production) -> dict:
    return _bus(room, row, "preview")


def _bus(room: ControlRoom, row: Production, bus: str) -> dict:
    source, since, by, reason = (getattr(row, f"{bus}_{part}") for part in ("source", "since", "by", "reason"))
    return {"source": source, "since": since or room.created_at, "by": by or rooms.SYSTEM, "reason": reason}


def slate(row: Production) -> dict:
    return {"title": row.slate_title, "subtitle": row.slate_subtitle}


def lower_third(row: Production) -> dict:
    return {
        "title": row.lower_title,
        "subtitle": row.lower_subtitle,
        "visible": row.lower_visible,
        "shown_at": row.lower_shown_at,
        "hide_at": row.lower_hide_at,
    }


def caption(row: CaptionLine) -> dict:
    return {"id": row.pk, "text": row.text, "start_at": row.start_at, "end_at": row.end_at, "by": {"id": row.by_id, "name": row.by_name}}


def replay(row: ReplayChannel) -> dict:
    clip = {"id": row.clip_id, "session_id": row.session_id, "name": row.name, "duration_ms": row.duration_ms} if row.clip_id else None
    return {
        "state": row.state,
        "clip": clip,
        "position_ms": row.position_ms,
        "started_at": row.started_at,
        "ends_at": row.ends_at,
        "rate": row.rate,
    }


def program_link(row: ProgramLink) -> dict:
    """Whether it is on, and its number; never the token."""
    return {"enabled": row.enabled, "generation": row.generation}
