"""The one way to change the production: `with desk.held(…) as at: at.turn(…)`.

Row locks, in the order of the house: the sessions whose tally may change, then the control room's row. Which sessions these are is known from the
buses, so commands that move a bus go one at a time (an advisory lock, taken before anything else); a session that leaves LIVE holds its own
row already, comes with that alone, and only ever takes itself off the buses. Topics of sessions are told last.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from config.kernel import clock
from config.kernel.access import Actor, Kind, Perm, Subsystem, ports
from config.kernel.errors import ApiError
from operators.console import lock_guard, room
from operators.console.identity import operator_of
from operators.console.models import ControlRoom
from sessions.control_room import shapes, sources, states
from sessions.control_room.models import Production, ReplayChannel, ViewerRemoval
from sessions.control_room.states import REPLAY, Reason, ReplayState
from sessions.field import services as field_sessions
from sessions.field.models import FieldSession
from sessions.field.states import Tally

_BUSES = "SELECT pg_advisory_xact_lock(hashtextextended('control_room.buses', 0))"


def production_of(where: ControlRoom) -> Production:
    """As read; not stored before the first change."""
    return _row_of(Production, where)


def channel_of(where: ControlRoom) -> ReplayChannel:
    """As read; not stored before the first clip."""
    return _row_of(ReplayChannel, where)


def _row_of(model, where: ControlRoom):
    found = model.objects.filter(control_room=where).first() if where.created_at else None
    return found or model(control_room=where)


@dataclass
class Desk:
    """The production, held: from here to the commit nobody else changes it. `sessions` are those whose rows are held."""

    room: ControlRoom
    actor: Actor
    who: dict
    now: datetime
    sessions: dict[UUID, FieldSession]
    production: Production
    channel: ReplayChannel
    turned: bool = field(default=False)

    @property
    def seq(self) -> int:
        return self.room.seq

    def tell(self, event: str, data: dict) -> None:
        """Write one numbered change of the room."""
        room.changed(self.room, event, data, self.who)

    def record(self, verb: str, details: dict | None = None, subject: tuple | None = None) -> None:
        """The audit row of what was done."""
        ports.record(
            verb,
            actor=self.actor,
            outcome="succeeded",
            subject=subject or ("control_room", str(self.room.pk), self.room.name),
            permission=None if self.actor.kind is Kind.SYSTEM else Perm.CONTROL_ROOM_OPERATE,
            details=details,
        )

    def demand(self, source: str, path: str = "source") -> FieldSession | None:
        """ApiError reference_not_found, session_not_live, replay_empty."""
        if source == REPLAY and self.channel.state == ReplayState.EMPTY:
            raise ApiError("replay_empty")
        pk = states.session_id_of(source)
        return sources.demand(self.room, source, path, session=self.sessions.get(pk) if pk else None)

    def source_shapes(self, names: Iterable[str]) -> list[dict]:
        """Rows of these sources as they are now; of one that is gone nothing is left to say."""
        known = {row.source: row for row in sources.stored(self.room).filter(source__in=list(names))}
        found = []
        for name in names:
            pk = states.session_id_of(name)
            session = self.sessions.get(pk) if pk else None
            if name in known or pk is None or (session is not None and session.state == "LIVE"):
                found.append(sources.shape(known.get(name) or sources.fresh(self.room, name, session), self.production))
        return found

    def turn(self, reason: Reason, *, program: str | None = None, preview: str | None = None) -> bool:
        """Point the buses at these sources, one event for both; False, and no event, if they are there already."""
        row = self.production
        moves = {
            bus: source
            for bus, source in (("program", program), ("preview", preview))
            if source is not None and source != getattr(row, f"{bus}_source")
        }
        if not moves:
            return False
        touched = list(dict.fromkeys([row.program_source, row.preview_source, *moves.values()]))
        was = {source: self._tally(source) for source in touched}
        left = row.program_source
        for bus, source in moves.items():
            setattr(row, f"{bus}_source", source)
            setattr(row, f"{bus}_since", self.now)
            setattr(row, f"{bus}_by", self.who)
            setattr(row, f"{bus}_reason", reason)
        if "program" in moves:
            row.return_to = left if row.program_source == REPLAY and states.session_id_of(left) else ""
            self._viewers_follow(left)
        self.save(row)
        self.turned = True
        changed = self.source_shapes([source for source in touched if self._tally(source) != was[source]])
        data = {"preview": shapes.preview(self.room, row), "sources": changed}
        if "program" in moves:
            self.tell("program.changed", {"program": shapes.program(self.room, row), **data})
        else:
            self.tell("preview.changed", data)
        if moves.get("program") == REPLAY:
            from sessions.control_room import replay_channel

            replay_channel.restart(self)
        return True

    def forget_return(self, source: str) -> None:
        """The session to which a replay would have given way is gone."""
        if self.production.return_to == source:
            self.production.return_to = ""
            self.save(self.production)
            parts = {"program": shapes.program(self.room, self.production), "preview": shapes.preview(self.room, self.production), "sources": []}
            self.tell("program.changed", parts)

    def _viewers_follow(self, left: str) -> None:
        """Viewers of what left program are sent away in a while; who came back is left alone."""
        if (pk := states.session_id_of(left)) is not None:
            ViewerRemoval.objects.update_or_create(session_id=pk, defaults={"due_at": self.now + states.VIEWERS_LEAVE_AFTER})
        if (pk := states.session_id_of(self.production.program_source)) is not None:
            ViewerRemoval.objects.filter(session_id=pk).delete()

    def _tally(self, source: str) -> str:
        return states.tally_of(source, program=self.production.program_source, preview=self.production.preview_source)

    def save(self, row) -> None:
        """Store a row of the production that the room's row protects."""
        row.revision += 1
        row.save()

    def finish(self) -> None:
        """Tell the sessions whose light changed; the last thing in the transaction."""
        if self.turned:
            shown = [(session, Tally(self._tally(states.of_session(pk)))) for pk, session in self.sessions.items()]
            field_sessions.set_tallies(shown, at=self.now)


@contextmanager
def held(*, actor: Actor, subsystem: Subsystem | None, buses: bool = False, naming: Iterable[str] = ()) -> Iterator[Desk]:
    """The desk for one command, in one transaction.

    subsystem  the lock that binds the command (ApiError subsystem_locked); None: the system's own, which no lock binds
    buses      a bus may move: sessions on them, and those of the sources in `naming`, are held as well
    """
    with transaction.atomic():
        sessions = _hold_sessions(naming) if buses else {}
        operator = operator_of(actor)
        where = lock_guard.hold(operator, subsystem) if subsystem is not None else room.locked()
        at = _desk(where, actor, room.by(actor, operator), sessions)
        yield at
        at.finish()


def joined(session: FieldSession, actor: Actor) -> Desk:
    """The desk inside a transaction that holds this session's row, which is leaving LIVE; the caller calls `finish`."""
    return _desk(room.locked(), actor, room.SYSTEM, {session.pk: session})


def _desk(where: ControlRoom, actor: Actor, who: dict, sessions: dict) -> Desk:
    return Desk(where, actor, who, clock.now(), sessions, production_of(where), channel_of(where))


def _hold_sessions(naming: Iterable[str]) -> dict[UUID, FieldSession]:
    with connection.cursor() as cursor:
        cursor.execute(_BUSES)
    row = production_of(room.main())
    named = {states.session_id_of(source) for source in (row.program_source, row.preview_source, row.return_to, *naming)} - {None}
    found = {}
    for pk in sorted(named, key=str):
        try:
            found[pk] = field_sessions.locked(pk)
        except ApiError:
            continue  # no such session: what the command says of it is not ours
    return found
