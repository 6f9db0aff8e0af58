"""Sources, buses, the replay channel, mix and texts of the production (04 §3). Pure."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import TextChoices

SLATE, REPLAY = "slate", "replay"
_SESSION = "session:"
SLATE_TITLE = "Back soon"
TITLE_LENGTH, SUBTITLE_LENGTH = 80, 120

SIGNAL_LOST_AFTER = timedelta(seconds=2)
FALL_BACK_AFTER = timedelta(seconds=10)
VIEWERS_LEAVE_AFTER = timedelta(seconds=5)

GAIN_LEAST_DB, GAIN_MOST_DB = -60.0, 12.0

CAPTION_LENGTH, CAPTION_LINES, CAPTIONS_SHOWN = 240, 2, 2
CAPTIONS_PER_SECOND = 10
_READ_SECONDS_A_CHARACTER, _READ_LEAST, _READ_MOST = 0.06, 2.0, 7.0

RATES = (0.25, 0.5, 1.0)


class Reason(TextChoices):
    """Why a bus holds what it holds."""

    INITIAL = "initial"
    PREVIEW = "preview"
    CUT = "cut"
    TAKE = "take"
    SOURCE_ENDED = "source_ended"
    SIGNAL_LOST = "signal_lost"
    REPLAY_ENDED = "replay_ended"


class Signal(TextChoices):
    """Whether packets come from a source."""

    OK = "ok"
    LOST = "lost"


class ReplayState(TextChoices):
    """What the one replay channel does."""

    EMPTY = "empty"
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"


def of_session(session_id) -> str:
    """The name of a field session as a source."""
    return f"{_SESSION}{session_id}"


def session_id_of(source: str) -> UUID | None:
    """The session behind a source; None for slate and replay, and for what is no source at all."""
    if not source.startswith(_SESSION):
        return None
    try:
        found = UUID(source.removeprefix(_SESSION))
    except ValueError:
        return None
    # One spelling for each source: what is on a bus is compared as text.
    return found if of_session(found) == source else None


def tally_of(source: str, *, program: str, preview: str) -> str:
    """program, else preview, else off."""
    return "program" if source == program else "preview" if source == preview else "off"


def signal_of(lost_at: datetime | None, now: datetime) -> Signal:
    return Signal.LOST if lost_at is not None and now - lost_at >= SIGNAL_LOST_AFTER else Signal.OK


def caption_seconds(text: str) -> float:
    """How long a line stays if nobody says so: time to read it."""
    return min(max(_READ_SECONDS_A_CHARACTER * len(text), _READ_LEAST), _READ_MOST)


def played_ms(*, position_ms: int, started_at: datetime, rate: float, now: datetime, duration_ms: int) -> int:
    """Where a playing clip stands now, in ms from its in point."""
    elapsed = max((now - started_at) / timedelta(milliseconds=1), 0)
    return min(duration_ms, position_ms + int(elapsed * rate))


def ends_at(*, position_ms: int, started_at: datetime, rate: float, duration_ms: int) -> datetime:
    """When a playing clip will have come to its end."""
    return started_at + timedelta(milliseconds=(duration_ms - position_ms) / rate)
