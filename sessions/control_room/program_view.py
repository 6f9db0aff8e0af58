"""What a holder of the program link sees (04 §3): program and what lies over it. No operator, no lock, no preview."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.errors import ApiError
from config.kernel.instant import one_instant
from operators.console import room
from operators.console.models import ControlRoom
from sessions.control_room import captions, desk, program_link, shapes, sources, states
from sessions.control_room.models import ReplayChannel
from sessions.control_room.states import REPLAY, ReplayState
from sessions.field.models import FieldSession
from sessions.media import services as media

_SLATE = {"kind": "slate"}


@dataclass(frozen=True)
class Shown:
    """Program of one instant, for all viewers. `view` is without its medium, which each viewer has of their own."""

    seq: int
    view: dict
    source: str
    since: datetime | None
    channel: ReplayChannel

    @property
    def session_id(self) -> UUID | None:
        return states.session_id_of(self.source)


def read() -> Shown:
    """Number and rows of one instant."""
    with one_instant():
        return _read(room.main())


def _read(where: ControlRoom) -> Shown:
    row = desk.production_of(where)
    program = shapes.program(where, row)
    mix = sources.mix_of(where, row.program_source)
    view = {
        "program": {"source": program["source"], "since": program["since"]},
        "slate": shapes.slate(row),
        "lower_third": shapes.lower_third(row),
        # Who typed a line is the room's own business.
        "captions": [{name: value for name, value in shapes.caption(line).items() if name != "by"} for line in captions.showing(where)],
        "mix": mix,
    }
    return Shown(where.seq, view, row.program_source, program["since"], desk.channel_of(where))


def whole(shown: Shown, token: str, whep_url: str | None = None) -> dict:
    """The view with its medium; `whep_url` was made for this very viewer."""
    return {**shown.view, "media": _media(shown, token, whep_url)}


def _media(shown: Shown, token: str, whep_url: str | None) -> dict:
    if shown.session_id is not None:
        return {"kind": "whep", "url": whep_url}
    row = shown.channel
    if shown.source != REPLAY or row.state == ReplayState.EMPTY:
        return _SLATE
    return {
        "kind": "file",
        # The fragment never leaves the browser: it tells it that another clip is another file.
        "url": f"{program_link.path_of(token)}/clip#{row.clip_id}",
        "play_from_ms": row.play_from_ms,
        "duration_ms": row.duration_ms,
        "position_ms": row.position_ms,
        "state": row.state,
        "started_at": row.started_at,
        "ends_at": row.ends_at,
        "rate": row.rate,
    }


def whep_url(session_id: UUID) -> str | None:
    """A way in for one more viewer of this session, for a minute; None while its media can't be watched."""
    session = FieldSession.objects.filter(pk=session_id).first()
    try:
        return media.program_access(session).whep_url if session is not None else None
    except ApiError:
        return None


def clip_on_program() -> UUID | None:
    """The clip that program shows now."""
    shown = _read(room.main())
    return shown.channel.clip_id if shown.source == REPLAY else None
