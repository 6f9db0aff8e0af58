"""What the fleet must know of recordings and schedules, told by `recordings` in its `ready()`; each port has a null default.

from nodes.fleet.ports import CaptureState, ClaimHint, ports
ports.capture_state = selectors.capture_state
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class CaptureState:
    """What should happen on a node now.

    intent          jobs that should capture now
    active_jobs     jobs not yet terminal that the node holds (running, stop requested)
    job_ids         their ids, as text
    interface_ids   interfaces that a job captures now
    next_start_at   when the next queued or scheduled capture begins, if within 15 min (datetime)
    """

    intent: int = 0
    active_jobs: int = 0
    job_ids: tuple[str, ...] = ()
    interface_ids: frozenset[UUID] = frozenset()
    next_start_at: object | None = None

    @property
    def busy(self) -> bool:
        """Whether something is captured now or held for capture."""
        return self.intent > 0 or self.active_jobs > 0


@dataclass(frozen=True)
class ClaimHint:
    """`claim`: a queued job is due for this node · `jobs`: ids (text) of running jobs with news (a stop)."""

    claim: bool = False
    jobs: tuple[str, ...] = ()


IDLE = CaptureState()
NO_HINT = ClaimHint()


class Ports:
    """capture_state(node_ids) -> {node_id: CaptureState}, nodes without any are left out, one query for all ·
    claim_hint(node_id) -> ClaimHint · recorder_cache_policies(node_id) -> [{policyId, deleteAfterUpload, maxAgeDays, maxBytes,
    minFreeDiskPercent}] (wire names) · subject_belongs(node_id, recording_id, schedule_id) -> bool, both may be None ·
    extra_actions(node, actor) -> {name: config.kernel.actions.Action}."""

    capture_state: Callable[[Iterable[UUID]], dict[UUID, CaptureState]] = staticmethod(lambda node_ids: {})
    claim_hint: Callable[[UUID], ClaimHint] = staticmethod(lambda node_id: NO_HINT)
    recorder_cache_policies: Callable[[UUID], list[dict]] = staticmethod(lambda node_id: [])
    subject_belongs: Callable[..., bool] = staticmethod(lambda node_id, recording_id, schedule_id: recording_id is None and schedule_id is None)
    extra_actions: Callable[..., dict] = staticmethod(lambda node, actor: {})


ports = Ports()


def capture_of(node_id: UUID) -> CaptureState:
    """The capture state of one node."""
    return ports.capture_state([node_id]).get(node_id, IDLE)
