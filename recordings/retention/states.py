"""States of a disposal and the question whether bytes may go. Pure.

(policy) expiring ─predicate▶ trashed ─predicate▶ unlinked          expiring | trashed ─cancel, hold, restore▶ cancelled
(person) trashed ─24 h▶ unlinked
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DisposalState(StrEnum):
    EXPIRING = "expiring"
    TRASHED = "trashed"
    UNLINKED = "unlinked"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    PERSON = "person"
    POLICY = "policy"
    EMERGENCY = "emergency"
    CLIP = "clip"


MOVES = {
    DisposalState.EXPIRING: frozenset({DisposalState.TRASHED, DisposalState.CANCELLED}),
    DisposalState.TRASHED: frozenset({DisposalState.UNLINKED, DisposalState.CANCELLED}),
    DisposalState.UNLINKED: frozenset(),
    DisposalState.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Facts:
    """What the predicate looks at, read under the recording's row lock."""

    terminal: bool
    held: bool
    preserved_until: datetime | None = None
    preserve_tags: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    items_open: int = 0
    required_copies: int = 0
    verified_copies: int = 0
    allow_unuploaded: bool = False
    open_grants: int = 0
    open_clips: int = 0
    cached_at: datetime | None = None


def policy_blockers(facts: Facts, now: datetime, *, min_age_seconds: float = 24 * 3600) -> list[str]:
    """Why a policy may not take the cached bytes now, all reasons; empty: eligible."""
    blockers = []
    if not facts.terminal:
        blockers.append("recording_active")
    if facts.held:
        blockers.append("legal_hold")
    if facts.preserved_until and facts.preserved_until > now:
        blockers.append("preserved")
    if facts.preserve_tags & facts.tags:
        blockers.append("preserve_tag")
    if facts.items_open:
        blockers.append("upload_open")
    if not facts.allow_unuploaded and not (facts.required_copies and facts.verified_copies >= facts.required_copies):
        blockers.append("not_verified")
    if facts.open_grants:
        blockers.append("link_open")
    if facts.open_clips:
        blockers.append("clip_not_ready")
    if facts.cached_at is None or (now - facts.cached_at).total_seconds() < min_age_seconds:
        blockers.append("too_young")
    return blockers


def person_blocker(facts: Facts) -> str | None:
    """The error code why a person may not delete it now, None if they may."""
    if not facts.terminal:
        return "recording_active"
    if facts.held:
        return "legal_hold"
    if facts.items_open:
        return "upload_in_progress"
    return None
